package smtptest_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// send is the code under test: it knows nothing of the server but what its configuration says.
func send(srv *smtptest.Server, to ...string) (*transport.Result, error) {
	sender, err := smtp.FromURL(srv.UserURL()).TLSConfig(srv.ClientTLS()).HelloName("client.example").Build()
	if err != nil {
		return nil, err
	}
	defer func() { _ = sender.Shutdown(context.Background()) }()
	return sender.Send(context.Background(), transport.Raw(addressed(to...), []byte("Subject: hi\r\n\r\n.\r\n")))
}

func addressed(to ...string) envelope.Envelope {
	var list []envelope.Address
	for _, text := range append([]string{"from@example.org"}, to...) {
		address, err := envelope.ParseAddress(text)
		if err != nil {
			log.Fatal(err)
		}
		list = append(list, address)
	}
	env, err := envelope.New(list[0], list[1:]...)
	if err != nil {
		log.Fatal(err)
	}
	return env
}

// In a test it is srv := smtptest.NewServer(t), and the test need not close it.
func ExampleStart() {
	srv, err := smtptest.Start(smtptest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	if _, err := send(srv, "to@example.org"); err != nil {
		log.Fatal(err)
	}
	for _, m := range srv.Messages() {
		fmt.Printf("%s -> %s, TLS %t, user %s: %q\n", m.From.Address, m.Addresses(), m.TLS, m.User, m.Content)
	}
	fmt.Println("violations:", len(srv.Violations()))
	// Output:
	// from@example.org -> [to@example.org], TLS true, user user@example.org: "Subject: hi\r\n\r\n.\r\n"
	// violations: 0
}

// The server takes the message for one of two recipients, and its last reply gets lost.
func ExampleScript() {
	srv, err := smtptest.Start(smtptest.Config{Hooks: []smtptest.Hook{smtptest.Script(
		smtptest.Case{At: smtptest.Rcpt, Recipient: "no@example.org", Do: smtptest.Reply("550 5.1.1 who?")},
		smtptest.Case{At: smtptest.End, Do: smtptest.Accept().Then(smtptest.Reset())},
	)}})
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	_, err = send(srv, "yes@example.org", "no@example.org")
	failed, _ := errors.AsType[*transport.SendError](err)
	for _, r := range failed.Result.Recipients {
		fmt.Println(r.Address, r.Outcome)
	}
	fmt.Println("in truth stored for", srv.Messages()[0].Addresses())
	// Output:
	// yes@example.org unknown
	// no@example.org rejected
	// in truth stored for [yes@example.org]
}

// A dialogue is the strictest test of a client: line by line.
func ExampleConfig_dialogue() {
	srv, err := smtptest.Start(smtptest.Config{Security: smtptest.Plaintext, Dialogue: `
S: 220 mx.example.org
C: EHLO client.example
S: 554 5.7.1 go away
C: QUIT
`})
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	sender, err := smtp.UnencryptedLocalhost().Port(srv.Port()).HelloName("client.example").Build()
	if err != nil {
		log.Fatal(err)
	}
	_, err = sender.Send(context.Background(), transport.Raw(addressed("to@example.org"), nil))
	_ = sender.Shutdown(context.Background())
	fmt.Println("refused:", err != nil)
	if _, err := srv.WaitIdle(context.Background(), 1); err != nil {
		log.Fatal(err)
	}
	fmt.Println("violations:", srv.Violations())
	// Output:
	// refused: true
	// violations: []
}

// A server that refuses one recipient, and one that answers the third mail with 421.
func ExampleHook() {
	srv, err := smtptest.Start(smtptest.Config{Hooks: []smtptest.Hook{
		smtptest.RefuseRecipients(map[string]string{"gone@example.org": "550 5.1.1 no such user"}),
		smtptest.MessagesPerSession(2, smtptest.Reply("421 4.7.0 come back later").Then(smtptest.Close())),
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	result, err := send(srv, "gone@example.org", "to@example.org")
	for _, r := range result.Recipients {
		fmt.Println(r.Address, r.Outcome, r.Reply)
	}
	fmt.Println(err != nil)
	// Output:
	// gone@example.org rejected 550 5.1.1 no such user
	// to@example.org accepted 250 2.0.0 queued as 1.1
	// true
}

// What was said, line by line.
func ExampleSession() {
	srv, err := smtptest.Start(smtptest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	if _, err := send(srv, "to@example.org"); err != nil {
		log.Fatal(err)
	}
	for _, session := range srv.Sessions() {
		fmt.Println(session.Count("MAIL"), "mail,", session.Count("AUTH"), "login")
	}
	// Output: 1 mail, 1 login
}
