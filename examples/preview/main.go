// Preview composes a few mails, as an application in development does, and shows them in a browser instead of
// sending them:
//
//	go run ./examples/preview
//
// It prints the address of the page, on a free loopback port, and ends with ctrl-C.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/mailtest/preview"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "preview:", err)
		os.Exit(1)
	}
}

// run sends the mails to an inbox and shows it until ctx ends.
func run(ctx context.Context, out io.Writer) error {
	inbox := mailtest.NewBounded(mailtest.Limits{Mails: 200, Octets: 64 << 20})
	if err := sendAll(ctx, inbox); err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: preview.New(inbox), ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		stopped <- server.Shutdown(grace)
	})
	fmt.Fprintf(out, "%d mails: http://%s/ (ctrl-C ends)\n", len(inbox.Mails()), listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
