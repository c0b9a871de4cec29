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
