// Package cli is the command depeche: its arguments, what it prints and its exit statuses.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// World is what a run sees of its surroundings, so that a test can replace it.
type World struct {
	Getenv         func(string) string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// IsTerminal says that Stderr is one: only then there are colours and a progress line.
	IsTerminal bool
	// Prompt asks a person for a secret, without showing it; nil where there is no person.
	Prompt func(question string) (string, error)
}

// System returns the world of a process.
func System() World {
	w := World{
		Getenv: os.Getenv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		IsTerminal: term.IsTerminal(int(os.Stderr.Fd())) && os.Getenv("TERM") != "dumb",
	}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		w.Prompt = func(question string) (string, error) {
			fmt.Fprintf(os.Stderr, "%s: ", question)
			secret, err := term.ReadPassword(int(os.Stdin.Fd()))
			fmt.Fprintln(os.Stderr)
			return string(secret), err
		}
	}
	return w
}

// Run runs the command with arguments and returns its exit status. It ends early when ctx does.
func Run(ctx context.Context, arguments []string, w World) int {
	root := newRoot(&w)
	root.SetArgs(arguments)
	err := unknownBelow(root, arguments)
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	if err != nil && !errors.Is(err, errSilent) {
		fmt.Fprintln(w.Stderr, "depeche:", err)
		if statusOf(err) == exitUsage {
			fmt.Fprintln(w.Stderr, "depeche -h and depeche COMMAND -h say what is possible.")
		}
	}
	return statusOf(err)
}

// unknownBelow refuses an unknown command below one that only groups others. Cobra shows its help then and ends with 0, so
// that a script with a misspelt command would seem to have done its work.
func unknownBelow(root *cobra.Command, arguments []string) error {
	group, rest, err := root.Find(arguments)
	if err != nil || group == root || group.Runnable() || len(rest) == 0 || strings.HasPrefix(rest[0], "-") {
		return nil //nolint:nilerr // cobra says it
	}
	group.SuggestionsMinimumDistance = 2 // cobra's default
	text := fmt.Sprintf("unknown command %q for %q", rest[0], group.CommandPath())
	if near := group.SuggestionsFor(rest[0]); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return fail(exitUsage, errors.New(text))
}

func newRoot(w *World) *cobra.Command {
	root := &cobra.Command{
		Use:   "depeche",
		Short: "Send mail, find out why it cannot be sent, catch it in development",
		Long: `Depeche sends mail, finds out why it cannot be sent, and catches it in development.

The relay comes from --url or the environment variable MAIL_URL, such as
smtps://user@smtp.example.com. A password comes from MAIL_URL, from the file that
MAIL_PASSWORD_FILE names, or is asked for on a terminal; never from an argument, which
every user of the machine can read.

` + statusHelp,
		SilenceUsage: true, SilenceErrors: true, DisableAutoGenTag: true,
	}
	root.SetIn(w.Stdin)
	root.SetOut(w.Stdout)
	root.SetErr(w.Stderr)
	root.CompletionOptions.HiddenDefaultCmd = false
	root.AddCommand(newSend(w), newCheck(w), newCatch(w), newPreview(w), newBench(w), newDKIM(w), newLedger(w), newQueue(w), newManual(root))
	root.InitDefaultCompletionCmd()
	return root
}

// complete offers values for a flag when a shell asks.
func complete(cmd *cobra.Command, flag string, values ...string) {
	// It fails only when the flag does not exist, or twice, which a test would see.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// printJSON prints a value in one line. What fails is standard output, which ends the command by itself.
func (w *World) printJSON(value any) {
	_ = json.NewEncoder(w.Stdout).Encode(value) //nolint:errchkjson // all are plain values
}
