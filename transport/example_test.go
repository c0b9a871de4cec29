package transport_test

import (
	"cmp"
	"context"
	"errors"
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

// A function is a transport: for tests, and for steps of a program's own.
func ExampleFunc() {
	refuse := transport.Func(func(_ context.Context, mail transport.Mail) (*transport.Result, error) {
		return transport.Fail(mail, transport.PhaseMessage, errors.New("not on Sundays"))
	})
	_, err := refuse.Send(context.Background(), note("hei@example.com"))
	var failed *transport.SendError
	fmt.Println(errors.As(err, &failed), failed.Phase, failed.SafeToRetry())
	// Output: true message true
}

// What to do after a send that did not reach every recipient.
func ExampleSendError() {
	relay := stub.New().AlwaysFor("gone@example.com", stub.Reject(transport.PhaseRcpt, 550, "no such user"))
	result, err := relay.Send(context.Background(), note("hei@example.com", "gone@example.com"))
	var failed *transport.SendError
	switch {
	case err == nil:
		fmt.Println("every recipient was accepted")
	case errors.As(err, &failed) && failed.Uncertain():
		fmt.Println("may be delivered: do not send again blindly")
	case errors.As(err, &failed) && failed.SafeToRetry() && failed.Temporary():
		fmt.Println("try again later")
	default:
		for _, r := range result.Recipients {
			fmt.Println(r.Address, r.Outcome, r.Reply)
		}
	}
	// Output:
	// hei@example.com accepted 250 recorded
	// gone@example.com rejected 550 no such user
}

// A message that another program composed, with the line ends of its system.
func ExampleRaw() {
	env, err := envelope.Parse("app@example.org", "hei@example.com")
	if err != nil {
		log.Fatal(err)
	}
	text := []byte("Subject: note\n\nBe happy!\n")
	info, err := transport.InfoOf(transport.Raw(env, text))
	fmt.Println(info.BareNewline, err)
	info, err = transport.InfoOf(transport.Raw(env, transport.NormalizeNewlines(text)))
	fmt.Println(info.BareNewline, info.Size, err)
	// Output:
	// 14 <nil>
	// 0 28 <nil>
}

// The caller's key goes with a mail to its result.
func ExampleWithKey() {
	mail := transport.WithKey(note("hei@example.com"), "order-4711/receipt")
	result, err := stub.New().Send(context.Background(), mail)
	fmt.Println(result.Key, err)
	// Output: order-4711/receipt <nil>
}

// The part of a mail for some of its recipients.
func ExampleForRecipients() {
	part, err := transport.ForRecipients(note("hei@example.com", "yuin@example.com"), []int{1})
	fmt.Println(part.Envelope(), err)
	// Output: app@example.org > yuin@example.com <nil>
}
