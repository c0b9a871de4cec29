package transport_test

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"slices"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
)

// note is a small mail; programs compose theirs with package message.
func note(recipients ...string) transport.Mail {
	var to []envelope.Address
	for _, r := range recipients {
		to = append(to, parse(r))
	}
	env, err := envelope.New(parse("app@example.org"), to...)
	if err != nil {
		log.Fatal(err)
	}
	return transport.Raw(env, []byte("Subject: note\r\nMessage-ID: <1@example.org>\r\n\r\nBe happy!\r\n"))
}

func parse(s string) envelope.Address {
	a, err := envelope.ParseAddress(s)
	if err != nil {
		log.Fatal(err)
	}
	return a
}

// show sends a mail and prints what became of each recipient.
func show(t transport.Transport, mail transport.Mail) {
	result, err := t.Send(context.Background(), mail)
	for _, r := range result.Recipients {
		fmt.Printf("%s %s by %q\n", r.Address, r.Outcome, cmp.Or(r.Relay, result.Relay))
	}
	if err != nil {
		fmt.Println(err)
	}
}

func ExampleDiscard() {
	show(transport.Discard(), note("hei@example.com"))
	// Output: hei@example.com accepted by "discard"
}

// A bounce address per recipient, by which bounces tell whom they are about.
func ExampleWithEnvelope() {
	mail := note("hei@example.com")
	env, err := envelope.New(parse("bounce+hei=example.com@example.org"), mail.Envelope().At(0).Address)
	if err != nil {
		log.Fatal(err)
	}
	relay := stub.New()
	show(relay, transport.WithEnvelope(mail, env))
	fmt.Println("from", relay.Messages()[0].Envelope.From())
	// Output:
	// hei@example.com accepted by "stub"
	// from bounce+hei=example.com@example.org
}

func ExampleSendAll() {
	relays, err := policy.Failover{Relays: []transport.Transport{stub.Named("a"), stub.Named("b")}}.Build()
	if err != nil {
		log.Fatal(err)
	}
	mails := []transport.Mail{note("hei@example.com"), note("yuin@example.com")}
	accepted := 0
	for sent, err := range transport.SendAll(context.Background(), relays, slices.Values(mails)) {
		if err != nil {
			fmt.Println("mail", sent.Index, err)
		}
		accepted += sent.Result.Count(transport.Accepted)
	}
	fmt.Println(accepted, "accepted")
	// Output: 2 accepted
}
