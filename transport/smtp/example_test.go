package smtp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"slices"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// note is a small mail; programs make theirs with package message.
func note(to ...string) transport.Mail {
	env, err := envelope.Parse("app@example.org", to...)
	if err != nil {
		log.Fatal(err)
	}
	return transport.Raw(env, []byte("Subject: note\r\n\r\nBe happy!\r\n"))
}

// started is a relay of this process, as a test has one.
func started(config smtptest.Config) *smtptest.Server {
	srv, err := smtptest.Start(config)
	if err != nil {
		log.Fatal(err)
	}
	return srv
}

// A relay that speaks TLS from the first octet. A program writes smtp.Relay("smtp.example.com") and no port.
func ExampleRelay() {
	srv := started(smtptest.Config{Security: smtptest.ImplicitTLS})
	defer srv.Close()
	sender, err := smtp.Relay(srv.Host()).Port(srv.Port()).ExtraRoots(srv.AuthorityPEM()).
		Login(smtptest.User, smtptest.Password).Build()
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = sender.Close() }()
	result, err := sender.Send(context.Background(), note("hei@example.com"))
	fmt.Println(result.Recipients[0].Outcome, err)
	// Output: accepted <nil>
}

// A relay that must offer STARTTLS; without it nothing is sent.
func ExampleStartTLSRelay() {
	srv := started(smtptest.Config{Extensions: smtptest.Without("STARTTLS"), Security: smtptest.Plaintext})
	defer srv.Close()
	sender, err := smtp.StartTLSRelay(srv.Host()).Port(srv.Port()).Build()
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = sender.Close() }()
	result, err := sender.Send(context.Background(), note("hei@example.com"))
	fmt.Println(result.Recipients[0].Outcome, err != nil, len(srv.Messages()))
	// Output: not sent true 0
}

// Bulk mail: up to 20 mails on their way on each of two connections.
func ExampleTransport_SendAll() {
	srv := started(smtptest.Config{})
	defer srv.Close()
	sender, err := smtp.StartTLSRelay(srv.Host()).Port(srv.Port()).ExtraRoots(srv.AuthorityPEM()).
		Login(smtptest.User, smtptest.Password).
		Pool(smtp.Pool{MaxOpen: 2}).BulkWindow(20).Build()
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = sender.Close() }()
	var mails []transport.Mail
	for i := range 100 {
		mails = append(mails, note(fmt.Sprintf("user%d@example.com", i)))
	}
	accepted := 0
	for sent, err := range sender.SendAll(context.Background(), slices.Values(mails)) {
		if err != nil {
			fmt.Println(sent.Index, err)
		}
		accepted += sent.Result.Count(transport.Accepted)
	}
	fmt.Println(accepted, sender.Stats().Opened <= 2)
	// Output: 100 true
}

// A newsletter and passwords through one account: together they have ten connections, of which the newsletter leaves two.
func ExampleAccount() {
	srv := started(smtptest.Config{})
	defer srv.Close()
	account := smtp.NewAccount()
	relay := smtp.StartTLSRelay(srv.Host()).Port(srv.Port()).ExtraRoots(srv.AuthorityPEM()).
		Login(smtptest.User, smtptest.Password).Account(account)
	newsletter, err := relay.Clone().Pool(smtp.Pool{MaxOpen: 8}).BulkWindow(20).ResendUnsent().Build()
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = newsletter.Close() }()
	passwords, err := relay.Pool(smtp.Pool{MaxOpen: 10}).AllOrNothing().Build()
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = passwords.Close() }()

	result, err := passwords.Send(context.Background(), note("hei@example.com"))
	fmt.Println(result.Recipients[0].Outcome, err)
	fmt.Println(account.String() == srv.Addr(), account.Stats().Opened, newsletter.Stats().Opened)
	// Output:
	// accepted <nil>
	// true 1 0
}

// A delivery agent beside the program has a verdict for each recipient.
func ExampleLMTP() {
	srv := started(smtptest.Config{Protocol: smtptest.LMTP, Security: smtptest.Plaintext, Mechanisms: map[string]smtptest.Mechanism{}, Hooks: []smtptest.Hook{
		smtptest.Script(smtptest.Case{At: smtptest.End, Recipient: "full@example.com", Do: smtptest.Reply("452 4.2.2 mailbox full")}),
	}})
	defer srv.Close()
	agent, err := smtp.LMTP(srv.Host()).Port(srv.Port()).Build()
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = agent.Close() }()
	result, _ := agent.Send(context.Background(), note("hei@example.com", "full@example.com"))
	for _, r := range result.Recipients {
		fmt.Println(r.Address, r.Outcome)
	}
	// Output:
	// hei@example.com accepted
	// full@example.com deferred
}

// The configuration of a transport also serves for one connection by hand: see package client.
func ExampleBuilder_ClientConfig() {
	config, err := smtp.Relay("smtp.example.com").HelloName("app.example.org").ClientConfig()
	fmt.Println(config.Address, config.HelloName, err)
	// Output: smtp.example.com:465 app.example.org <nil>
}

// A relay as a configuration file says it. Every fault is found at once; what prints has no secret.
func ExampleConfig() {
	var c smtp.Config
	err := json.Unmarshal([]byte(`{
		"host": "smtp.example.com",
		"security": "starttls",
		"user": "app@example.com",
		"password": "p@ss:word",
		"timeout": "30s",
		"tls_min": "1.3"
	}`), &c)
	if err != nil {
		fmt.Println(err)
		return
	}
	u, err := c.URL()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(u)
	fmt.Println(c.Password)

	c.Pool, c.TLSMin = -1, "1.1"
	fmt.Println(c.Validate())
	// Output:
	// smtp+starttls://app%40example.com:***@smtp.example.com?timeout=30s&tls_min=1.3
	// ***
	// tls_min: "1.1": want one of 1.2, 1.3
	// pool: "-1": want a number above 0
}

// A relay that signed its own certificate, trusted by its key alone.
func ExampleBuilder_TrustedKeys() {
	_, err := smtp.Relay("relay.internal").TrustedKeys("sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").Build()
	fmt.Println(err)
	_, err = smtp.FromURL("smtps://relay.internal?tls_trusted_kye=sha256/AAAA").Build()
	fmt.Println(err)
	// Output:
	// <nil>
	// URL "tls_trusted_kye": unknown key; did you mean tls_trusted_key?
}
