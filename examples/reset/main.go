// Reset sends a link that sets a new password to a person who waits for it: from templates beside the program (the text is
// made of the HTML), within seconds or not at all, and with nothing of the link in an error.
//
//	MAIL_URL=smtp://127.0.0.1:1025 go run ./examples/reset Hei hei@example.org
package main

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"log"
	"os"
	"time"

	"github.com/depeche-mail/depeche"
	"github.com/depeche-mail/depeche/message/templates"
)

//go:embed *.subject *.html
var files embed.FS

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: reset name address")
	}
	relay, errRelay := depeche.OpenEnv() // MAIL_URL
	mails, errMails := templates.Load(files, templates.Options{})
	if err := errors.Join(errRelay, errMails); err != nil {
		log.Fatal(err)
	}
	token := rand.Text() // keep its hash and the time with the account
	if err := send(relay, mails, os.Args[1], os.Args[2], token); err != nil {
		log.Fatal(err)
	}
}

func send(relay *depeche.Sender, mails *templates.Library, name, address, token string) error {
	msg, err := mails.New("reset", map[string]string{"Name": name, "Token": token}).
		From("Portal <portal@example.com>").ToNamed(name, address).
		Build()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, err = relay.Send(ctx, msg)
	return err
}
