// Swap runs the same application function over three transports: one records, one writes files, one
// sends. Only the value changes.
//
//	go run ./examples/swap                       # records
//	go run ./examples/swap file:outbox           # writes an .eml file
//	go run ./examples/swap smtp://localhost:1025 # sends
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/depeche-mail/depeche"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
)

// welcome is application code: it knows what to say and to whom, and nothing of how it travels.
func welcome(ctx context.Context, t transport.Transport, to message.Mailbox) (*transport.Result, error) {
	mail, err := message.New().
		From("The shop <shop@example.org>").
		ToMailbox(to).
		Subject("Welcome, " + to.Name).
		Text("Good to have you here.\n").
		Build()
	if err != nil {
		return nil, err
	}
	return t.Send(ctx, mail)
}

func run(ctx context.Context, url string) error {
	t, err := depeche.Open(url)
	if err != nil {
		return err
	}
	to, err := message.ParseMailbox("Hei <hei@example.org>")
	if err != nil {
		return err
	}
	result, err := welcome(ctx, t, to)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %s is %s\n", result.Relay, result.Recipients[0].Address, result.Recipients[0].Outcome)
	return transport.Shutdown(ctx, t)
}

func main() {
	url := "stub:"
	if len(os.Args) > 1 {
		url = os.Args[1]
	}
	if err := run(context.Background(), url); err != nil {
		fmt.Fprintln(os.Stderr, "swap:", err)
		os.Exit(1)
	}
}
