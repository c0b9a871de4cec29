package client_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// relay is a server on this machine. In a program, Config.Address is that of a relay, and TLS is client.TLSImplicit or
// client.TLSStartTLS.
func relay() (*smtptest.Server, client.Config) {
	srv, err := smtptest.Start(smtptest.Config{Security: smtptest.Plaintext})
	if err != nil {
		log.Fatal(err)
	}
	name, err := extension.ParseHelloName("client.example.org")
	if err != nil {
		log.Fatal(err)
	}
	return srv, client.Config{Address: srv.Addr(), TLS: client.TLSNone, HelloName: name}
}

// newsletter is a mail to two recipients.
func newsletter() transport.Mail {
	from, _ := envelope.ParseAddress("news@example.org")
	ann, _ := envelope.ParseAddress("ann@example.org")
	bob, _ := envelope.ParseAddress("bob@example.org")
	env, _ := envelope.New(from, ann, bob)
	return transport.Raw(env, []byte("Subject: News\r\n\r\nHello!\r\n"))
}

// One connection: dial, look at what the server offers, send, say goodbye.
func ExampleConn() {
	srv, config := relay()
	defer srv.Close()
	ctx := context.Background()
	conn, err := client.Dial(ctx, config)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("8BITMIME:", conn.Info().Has(extension.EightBitMIME))
	result := conn.Send(ctx, newsletter())
	for _, r := range result.Recipients {
		fmt.Println(r.Outcome, r.Response.Code)
	}
	fmt.Println(result.Err, conn.Quit(ctx))
	// Output:
	// 8BITMIME: true
	// accepted 250
	// accepted 250
	// <nil> <nil>
}

// A transaction step by step, for content that is made while it is sent.
func ExampleConn_Begin() {
	srv, config := relay()
	defer srv.Close()
	ctx := context.Background()
	conn, err := client.Dial(ctx, config)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = conn.Quit(ctx) }()
	mail := newsletter()
	tx, err := conn.Begin(ctx, mail.Envelope(), client.ContentInfo{})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := mail.WriteTo(tx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(tx.Close(), len(tx.Result().Recipients), len(srv.Messages()))
	// Output: <nil> 2 1
}

// What happens on a connection can be watched; secrets and content are never shown.
func ExampleEvent() {
	srv, config := relay()
	defer srv.Close()
	config.Trace = func(e client.Event) {
		if e.Kind == client.EventCommand && !strings.HasPrefix(e.Text, "EHLO") {
			fmt.Println("C:", e.Text)
		}
	}
	conn, err := client.Dial(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	_ = conn.Noop(context.Background())
	_ = conn.Quit(context.Background())
	// Output:
	// C: NOOP
	// C: QUIT
}

// A pin names the key of a certificate, and survives a renewal that keeps the key.
func ExampleParsePin() {
	pin, err := client.ParsePin("sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
	fmt.Println(pin, err)
	_, err = client.ParsePin("47DEQpj8")
	fmt.Println(err != nil)
	// Output:
	// sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= <nil>
	// true
}
