// Command depeche sends mail, finds out why it cannot be sent, and catches it in development. Run it without
// arguments for a list of what it does.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/depeche-mail/depeche/cmd/depeche/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the command at once
	os.Exit(cli.Run(ctx, os.Args[1:], cli.System()))
}
