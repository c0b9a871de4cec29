package mailtest_test

import (
	"context"
	"fmt"

	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
)

func ExampleInbox() {
	inbox := mailtest.New()
	if err := register(context.Background(), inbox, "hei@example.org"); err != nil {
		fmt.Println(err)
	}
	for _, mail := range inbox.Mails(mailtest.SentTo("hei@example.org"), mailtest.SeesInHTML("Good to have you here")) {
		fmt.Println(mail)
	}
	// Output: "Welcome" to hei@example.org
}

// register is code under test.
func register(ctx context.Context, t transport.Transport, address string) error {
	mail, err := message.New().From("shop@example.org").To(address).Subject("Welcome").
		HTML("<p>Good to <b>have</b> you here.</p>").Build()
	if err != nil {
		return err
	}
	_, err = t.Send(ctx, mail)
	return err
}

// What a person sees of a mail, whatever its MIME form.
func ExampleView() {
	view := mailtest.Parse([]byte("From: a@example.org\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\nContent-Type: text/html\r\n\r\n<p>Be <b>happy</b>!</p>\r\n"))
	fmt.Println(view.Subject(), view.Get("From"))
	// Output: grüße a@example.org
}

// Matches are put together, and say what they want.
func ExampleMatch() {
	match := mailtest.All(mailtest.SentTo("hei@example.org"), mailtest.Not(mailtest.HasAttachment("invoice.pdf")))
	fmt.Println(match)
	inbox := mailtest.New()
	if err := register(context.Background(), inbox, "hei@example.org"); err != nil {
		fmt.Println(err)
	}
	fmt.Println(len(inbox.Mails(match)))
	// Output:
	// sent to hei@example.org and not (has the attachment "invoice.pdf")
	// 1
}
