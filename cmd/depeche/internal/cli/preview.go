package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/cmd/depeche/internal/folder"
	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/mailtest/preview"
	"github.com/spf13/cobra"
)

func newPreview(w *World) *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:   "preview PATH",
		Short: "Show the mails of a folder in a browser, and follow its changes",
		Long: `Preview shows the mails of a folder of .eml files, of a Maildir or of an mbox file in a browser, or
templates filled with sample data: NAME.subject, NAME.txt and NAME.html (each optional) are shown
as one mail with the data of NAME.json. A page that is open follows what changes in the folder.`,
		Example: `  depeche preview ./mails
  depeche preview ~/Maildir --http 127.0.0.1:8080`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return w.preview(cmd.Context(), args[0], address) },
	}
	cmd.Flags().StringVar(&address, "http", "127.0.0.1:8025", "where mail is shown; port 0 is a free one")
	return cmd
}

// preview shows a folder until ctx ends.
func (w *World) preview(ctx context.Context, path, address string) error {
	inbox := mailtest.New()
	log := func(err error) { fmt.Fprintln(w.Stderr, "depeche:", err) }
	f, err := folder.Open(path, inbox)
	if f == nil {
		return fail(exitData, err)
	}
	if err != nil {
		log(err) // the others are shown
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fail(listenStatus(err), fmt.Errorf("--http: %w", err))
	}
	requests, end := context.WithCancel(ctx)
	defer end()
	server := &http.Server{
		Handler: preview.New(inbox), ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return requests },
	}
	var running sync.WaitGroup
	running.Go(func() { f.Follow(requests, log) })
	running.Go(func() {
		<-requests.Done()
		_ = server.Close() // a page holds a connection until the end
	})
	fmt.Fprintf(w.Stdout, "%d mails: http://%s/\n", len(inbox.Mails()), listener.Addr())
	err = server.Serve(listener)
	end()
	running.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fail(exitTemporary, err)
}
