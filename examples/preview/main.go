// Preview shows mail in a browser instead of sending it, from within a program: the inbox takes the place of the transport.
// Programs that send over SMTP use the command for that, depeche catch.
//
//	go run ./examples/preview
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/mailtest/preview"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
)

func main() {
	inbox := mailtest.NewBounded(mailtest.Limits{Mails: 200, Octets: 64 << 20})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		err = welcome(context.Background(), inbox)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "preview:", err)
		os.Exit(1)
	}
	fmt.Printf("http://%s/ (ctrl-C ends)\n", listener.Addr())
	_ = http.Serve(listener, preview.New(inbox))
}

// welcome is the application: it gets a transport, and does not know that nothing leaves.
func welcome(ctx context.Context, t transport.Transport) error {
	mail, err := message.New().From("The shop <shop@example.org>").To("Hei <hei@example.org>").
		Subject("Welcome").Text("Good to have you here.").
		HTML(`<h1>Good to have you here</h1><p><a href="https://shop.example.org/">Look around</a></p>`).
		Attach(message.FileBytes("terms.txt", []byte("Be happy."))).
		Build()
	if err != nil {
		return err
	}
	_, err = t.Send(ctx, mail)
	return err
}
