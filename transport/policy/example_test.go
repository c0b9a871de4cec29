package policy_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"time"

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

// The examples have stubs where programs have relays.
func ExampleFailover() {
	primary := stub.Named("primary").Always(stub.Fail(transport.PhaseDial, errors.New("connection refused")))
	backup := stub.Named("backup")
	sender, err := policy.Failover{
		Relays:      []transport.Transport{primary, backup},
		RetryPeriod: 15 * time.Second,
	}.Build()
	if err != nil {
		log.Fatal(err)
	}
	show(sender, note("hei@example.com"))
	// Output: hei@example.com accepted by "backup"
}

// No recipient gets a mail twice: one whose outcome is unknown does not move on.
func ExampleFailover_unknown() {
	primary := stub.Named("primary").
		AlwaysFor("yuin@example.com", stub.Reject(transport.PhaseRcpt, 421, "busy")).
		AlwaysFor("hei@example.com", stub.LoseReply())
	sender, err := policy.Failover{Relays: []transport.Transport{primary, stub.Named("backup")}}.Build()
	if err != nil {
		log.Fatal(err)
	}
	show(sender, note("hei@example.com", "yuin@example.com"))
	// Output:
	// hei@example.com unknown by "primary"
	// yuin@example.com accepted by "backup"
	// send: 1 of 2 recipients not accepted, first hei@example.com unknown: primary: final: stub: the relay hung up before its verdict: unexpected EOF
}

func ExampleBalance() {
	sender, err := policy.Balance{
		Relays:  []transport.Transport{stub.Named("large"), stub.Named("small")},
		Weights: []int{2, 1},
	}.Build()
	if err != nil {
		log.Fatal(err)
	}
	for range 6 {
		show(sender, note("hei@example.com"))
	}
	// Output:
	// hei@example.com accepted by "large"
	// hei@example.com accepted by "small"
	// hei@example.com accepted by "large"
	// hei@example.com accepted by "large"
	// hei@example.com accepted by "small"
	// hei@example.com accepted by "large"
}

func ExampleRetry() {
	relay := stub.Named("relay").NextFor("yuin@example.com", stub.Reject(transport.PhaseRcpt, 450, "greylisted"))
	sender, err := policy.Retry{Next: relay, MaxAttempts: 5, InitialBackoff: time.Millisecond}.Build()
	if err != nil {
		log.Fatal(err)
	}
	show(sender, note("hei@example.com", "yuin@example.com"))
	for _, call := range relay.Calls() {
		fmt.Println(call.MessageID, "to", call.Envelope.Len())
	}
	// Output:
	// hei@example.com accepted by "relay"
	// yuin@example.com accepted by "relay"
	// <1@example.org> to 2
	// <1@example.org> to 1
}

func ExampleRateLimit() {
	sender, err := policy.RateLimit{
		Next:       stub.Named("relay"),
		Messages:   policy.Rate{Count: 14},                                      // each second
		Recipients: policy.Rate{Count: 50_000, Per: 24 * time.Hour, Burst: 100}, // each day
	}.Build()
	if err != nil {
		log.Fatal(err)
	}
	show(sender, note("hei@example.com"))
	// Output: hei@example.com accepted by "relay"
}

func ExampleBreaker() {
	relay := stub.Named("relay").Always(stub.Fail(transport.PhaseDial, io.EOF))
	sender, err := policy.Breaker{Next: relay, Threshold: 2, OpenFor: time.Minute}.Build()
	if err != nil {
		log.Fatal(err)
	}
	for range 5 {
		_, err = sender.Send(context.Background(), note("hei@example.com"))
	}
	var open *policy.BreakerOpenError
	fmt.Println(errors.As(err, &open), len(relay.Calls()))
	// Output: true 2
}

func ExampleByDomain() {
	sender, err := policy.ByDomain{
		Routes: map[string]transport.Transport{
			"example.com":  stub.Named("partner"),
			".example.com": stub.Named("partner"),
		},
		Default: stub.Named("relay"),
	}.Build()
	if err != nil {
		log.Fatal(err)
	}
	show(sender, note("hei@example.net", "yuin@mail.example.com"))
	// Output:
	// hei@example.net accepted by "relay"
	// yuin@mail.example.com accepted by "partner"
}

func ExampleTee() {
	archive := stub.Named("archive")
	sender, err := policy.Tee{
		Next:        stub.Named("relay").AlwaysFor("gone@example.com", stub.Reject(transport.PhaseRcpt, 550, "gone")),
		Copy:        archive,
		OnCopyError: func(_ transport.Mail, failed *transport.SendError) { log.Print("not archived: ", failed) },
	}.Build()
	if err != nil {
		log.Fatal(err)
	}
	show(sender, note("hei@example.com", "gone@example.com"))
	fmt.Println("archived for", archive.Messages()[0].Envelope.At(0).Address)
	// Output:
	// hei@example.com accepted by "relay"
	// gone@example.com rejected by "relay"
	// send: 1 of 2 recipients not accepted, first gone@example.com rejected: relay: rcpt: 550 gone
	// archived for hei@example.com
}

func ExampleRedirectAll() {
	relay := stub.Named("relay")
	sender, err := policy.RedirectAll{Next: relay, To: parse("staging@example.org")}.Build()
	if err != nil {
		log.Fatal(err)
	}
	show(sender, note("customer@example.com"))
	fmt.Println("sent to", relay.Messages()[0].Envelope.At(0).Address)
	// Output:
	// customer@example.com accepted by "relay"
	// sent to staging@example.org
}

func ExampleOverrides() {
	relay := stub.Named("relay")
	sender, err := policy.Overrides{
		Next:    relay,
		From:    parse("bounces@example.org"),
		Options: envelope.Options{RequireTLS: true},
	}.Build()
	if err != nil {
		log.Fatal(err)
	}
	show(sender, note("hei@example.com"))
	env := relay.Messages()[0].Envelope
	fmt.Println("from", env.From(), "TLS required:", env.Options().RequireTLS)
	// Output:
	// hei@example.com accepted by "relay"
	// from bounces@example.org TLS required: true
}

func ExampleDefaults() {
	relay := stub.Named("relay")
	sender, err := policy.Defaults{Next: relay, Notify: envelope.NotifyFailure | envelope.NotifyDelay}.Build()
	if err != nil {
		log.Fatal(err)
	}
	show(sender, note("hei@example.com"))
	fmt.Println("NOTIFY =", relay.Messages()[0].Envelope.At(0).Notify)
	// Output:
	// hei@example.com accepted by "relay"
	// NOTIFY = FAILURE,DELAY
}

func ExampleLimit() {
	sender, err := policy.Limit{Next: stub.New(), Recipients: 1, MaxBytes: 25 << 20}.Build()
	if err != nil {
		log.Fatal(err)
	}
	_, err = sender.Send(context.Background(), note("hei@example.com", "yuin@example.com"))
	var limit *policy.LimitError
	if errors.As(err, &limit) {
		fmt.Println(limit)
	}
	// Output: 2 recipients, at most 1 are allowed
}

func ExampleWrap() {
	logged := func(ctx context.Context, mail transport.Mail, next transport.Transport) (*transport.Result, error) {
		result, err := next.Send(ctx, mail)
		fmt.Println(transport.MessageID(mail), result.Count(transport.Accepted), "accepted")
		return result, err
	}
	suppressed := errors.New("on the list of those who want no mail")
	polite := func(ctx context.Context, mail transport.Mail, next transport.Transport) (*transport.Result, error) {
		if mail.Envelope().At(0).Address == parse("nobody@example.com") {
			return transport.Fail(mail, transport.PhaseMessage, suppressed)
		}
		return next.Send(ctx, mail)
	}
	sender, err := policy.Wrap{Next: stub.New(), Middleware: []policy.Middleware{logged, polite}}.Build()
	if err != nil {
		log.Fatal(err)
	}
	_, err = sender.Send(context.Background(), note("nobody@example.com"))
	fmt.Println(errors.Is(err, suppressed))
	// Output:
	// <1@example.org> 0 accepted
	// true
}

// A bounce address of its own for each recipient says who a bounce is about, whatever the bounce says.
func ExamplePrepare() {
	relay := stub.Named("relay")
	bounces := func(_ context.Context, mail transport.Mail) ([]transport.Mail, error) {
		var mails []transport.Mail
		for _, to := range mail.Envelope().Recipients() {
			from, err := envelope.NewAddress("bounce+"+to.Address.LocalPart(), "bounces.example.org")
			if err != nil {
				return nil, err
			}
			env, err := envelope.New(from, to.Address)
			if err != nil {
				return nil, err
			}
			mails = append(mails, transport.WithEnvelope(mail, env))
		}
		return mails, nil
	}
	sender, err := policy.Prepare{Next: relay, Steps: []policy.Step{bounces}}.Build()
	if err != nil {
		log.Fatal(err)
	}
	show(sender, note("alice@example.com", "bob@example.net"))
	for _, m := range relay.Messages() {
		fmt.Println(m.Envelope)
	}
	// Output:
	// alice@example.com accepted by "relay"
	// bob@example.net accepted by "relay"
	// bounce+alice@bounces.example.org > alice@example.com
	// bounce+bob@bounces.example.org > bob@example.net
}
