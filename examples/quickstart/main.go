// Quickstart composes a message and sends it through a mail server over TLS with a login, then tells
// what became of each recipient.
//
// Without arguments it starts a server of its own, inside this process, so nothing else is needed:
//
//	go run ./examples/quickstart
//
// With -url it sends through your relay instead:
//
//	MAIL_URL=smtps://user:password@smtp.example.com go run ./examples/quickstart -from a@example.com -to b@example.org
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

//go:embed plan.pdf logo.png
var files embed.FS

func main() {
	url := flag.String("url", os.Getenv("MAIL_URL"), "send through this relay, such as smtps://user:password@host (default $MAIL_URL)")
	from := flag.String("from", "Zoë Müller <zoe@example.org>", "the author")
	to := flag.String("to", "", "the recipient, with -url")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var err error
	if *url == "" {
		err = embedded(ctx, os.Stdout, *from)
	} else {
		err = relay(ctx, os.Stdout, *url, *from, *to)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// compose builds the message: text and HTML with an inline image, a PDF, names beyond ASCII.
func compose(from string, to ...string) (*message.Message, error) {
	return message.New().
		From(from).
		To(to...).
		Subject("Grüße aus Zürich — 新年快乐").
		Text("Happy new year!\n\nThe plan is attached.\n").
		HTML(`<p>Happy new year!</p><p><img src="cid:logo" alt="logo"> The plan is attached.</p>`).
		Inline("logo", message.File(files, "logo.png")).
		Attach(message.File(files, "plan.pdf").WithName("Plan für 2027.pdf")).
		Build()
}

// embedded sends through a server that lives in this process.
func embedded(ctx context.Context, out io.Writer, from string) error {
	server, err := smtptest.Start(smtptest.Config{Hooks: []smtptest.Hook{
		smtptest.Script(smtptest.Case{
			At: smtptest.Rcpt, Recipient: "nobody@example.org", Do: smtptest.Reply("550 5.1.1 no such user here"),
		}),
	}})
	if err != nil {
		return err
	}
	defer server.Close()
	var transcript client.Transcript
	sender, err := smtp.StartTLSRelay(server.Host()).Port(server.Port()).
		TLSConfig(server.ClientTLS()).
		Login(smtptest.User, smtptest.Password).
		Trace(transcript.Add).
		Build()
	if err != nil {
		return err
	}
	mail, err := compose(from, "Hei <hei@example.org>", `"Yuin, 由" <yuin@example.org>`, "nobody@example.org")
	if err != nil {
		return err
	}
	result, err := sender.Send(ctx, mail)
	if err := report(out, result, err, 1); err != nil { // the server refuses one recipient on purpose
		return err
	}
	if err := sender.Shutdown(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nThe dialogue, without secrets:\n\n%s", transcript.String())
	received := server.Messages()
	if len(received) != 1 {
		return fmt.Errorf("the server received %d messages", len(received))
	}
	file, err := os.CreateTemp("", "quickstart-*.eml")
	if err != nil {
		return err
	}
	n, err := file.Write(received[0].Content)
	fmt.Fprintf(out, "\nThe message as the server received it, %d octets: %s\n", n, file.Name())
	return errors.Join(err, file.Close())
}

// relay sends through a relay of yours.
func relay(ctx context.Context, out io.Writer, url, from, to string) error {
	if to == "" {
		return errors.New("-to is needed with a relay")
	}
	sender, err := smtp.FromURL(url).Build()
	if err != nil {
		return err
	}
	mail, err := compose(from, to)
	if err != nil {
		return err
	}
	result, err := sender.Send(ctx, mail)
	if err := report(out, result, err, 0); err != nil {
		return err
	}
	return sender.Shutdown(ctx)
}

// report prints the outcome of each recipient. An err that concerns only the refused recipients that
// were expected is not an error of the example.
func report(out io.Writer, result *transport.Result, err error, refused int) error {
	fmt.Fprintf(out, "Sent %s through %s:\n\n", result.MessageID, result.Relay)
	for _, r := range result.Recipients {
		fmt.Fprintf(out, "  %-20s %-9s %s\n", r.Address, r.Outcome, r.Reply)
	}
	if result.Count(transport.Rejected) == refused && result.Count(transport.Accepted)+refused == len(result.Recipients) {
		return nil
	}
	return err
}
