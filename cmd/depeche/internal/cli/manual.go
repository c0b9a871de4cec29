package cli

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newManual prints the manual page of the command or of a subcommand.
func newManual(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "man [COMMAND]",
		Short: "Print the manual page",
		Long: `Print the manual page of depeche, or of one of its commands:

  depeche man > /usr/local/share/man/man1/depeche.1
  depeche man send > /usr/local/share/man/man1/depeche-send.1`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			page, _, err := root.Find(args)
			if err != nil {
				return err
			}
			fixed := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC) // of this text
			return doc.GenMan(page, &doc.GenManHeader{Section: "1", Source: "depeche", Manual: "Depeche", Date: &fixed}, cmd.OutOrStdout())
		},
	}
}
