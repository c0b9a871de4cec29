// Invoice sends an invoice as a PDF, and says in its exit status whether it was accepted.
//
//	MAIL_URL=smtp://127.0.0.1:1025 go run ./examples/invoice Hei hei@example.org 2027-0007.pdf
package main

import (
	"context"
	"log"
	"os"

	"github.com/depeche-mail/depeche"
	"github.com/depeche-mail/depeche/message"
)

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: invoice name address file.pdf")
	}
	if err := send(os.Getenv("MAIL_URL"), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err) // says who did not get it, and why
	}
}

func send(relay, name, address, pdf string) error {
	msg, err := message.New().
		From("Shop <billing@example.com>").ToNamed(name, address).
		Subject("Your invoice").Text("Dear " + name + ",\n\nyour invoice is attached.\n").
		Attach(message.Path(pdf)).
		Build()
	if err != nil {
		return err
	}
	_, err = depeche.Send(context.Background(), relay, msg)
	return err
}
