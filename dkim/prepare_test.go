package dkim_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/dkim"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

// TestPrepared: signed mail goes through Prepare, by Send and by SendAll, and what reaches the relay holds. A
// mail that changed after it was signed is not sent, in the phase in which it was written.
func TestPrepared(t *testing.T) {
	relay := stub.New()
	sender, err := policy.Prepare{Next: relay, Sign: build(t, signer())}.Build()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sender.Send(t.Context(), raw(t, full)); err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(full, "\n", "\r\n")
	bad := &changing{raw(t, full), []string{text, strings.Replace(text, "happy", "hippy", 1)}}
	mails := []transport.Mail{raw(t, full), bad, raw(t, full), raw(t, "no field\n\n")}
	for sent, err := range transport.SendAll(t.Context(), sender, slices.Values(mails)) {
		var failed *transport.SendError
		switch sent.Index {
		case 1:
			if !errors.As(err, &failed) || !errors.Is(err, dkim.ErrChanged) || failed.Phase != transport.PhaseBody || !failed.SafeToRetry() {
				t.Errorf("a changed mail: %v", err)
			}
		case 3:
			if !errors.As(err, &failed) || failed.Phase != transport.PhaseMessage || !failed.SafeToRetry() {
				t.Errorf("a mail that cannot be signed: %v", err)
			}
		default:
			if err != nil {
				t.Errorf("%d: %v", sent.Index, err)
			}
		}
	}
	messages := relay.Messages()
	if len(messages) != 3 {
		t.Errorf("%d messages", len(messages))
	}
	for _, m := range messages {
		if got := verify(t, verifier(), m.Data); !cmp.Equal(got, []string{"", ""}) {
			t.Errorf("%v", got)
		}
	}
}

// TestAmazonSES: what the provider allows is known, so that two keys are an error of Build and not a 554 later.
func TestAmazonSES(t *testing.T) {
	relay, err := smtp.ForProvider("ses-eu-west-1").Login("user", "password").Build()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (policy.Prepare{Next: relay, Sign: build(t, signer())}).Build(); err == nil || !strings.Contains(err.Error(), "Sign: dkim: 2 keys for example.org") {
		t.Errorf("two keys: %v", err)
	}
	if _, err := (policy.Prepare{Next: relay, Sign: build(t, dkim.Sign("example.org").Key("r", rsaKey()))}).Build(); err != nil {
		t.Errorf("one key: %v", err)
	}
	step, err := build(t, dkim.Sign("example.org").Key("r", rsaKey()).Clock(clock)).ForRelay(transport.SignatureRulesOf(relay))
	if err != nil {
		t.Fatal(err)
	}
	mails, err := step(t.Context(), raw(t, full))
	if err != nil {
		t.Fatal(err)
	}
	text := bytes.Replace(octets(t, mails[0]), []byte("<1@example.org>"), []byte("<0100018e@eu-west-1.amazonses.com>"), 1) // as SES does
	text = bytes.Replace(text, []byte("\r\nDate: Wed"), []byte("\r\nDate: Thu"), 1)
	if got := verify(t, verifier(), text); !cmp.Equal(got, []string{""}) {
		t.Error(got)
	}
}
