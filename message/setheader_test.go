package message_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/message"
	"github.com/google/go-cmp/cmp"
)

// TestSetHeader: a field that has a step goes through it, another one is set in place of what it had.
func TestSetHeader(t *testing.T) {
	for name, tc := range map[string]struct {
		set  func(message.Builder) message.Builder
		want string
	}{
		"twice is once": {func(b message.Builder) message.Builder { return b.SetHeader("X-A", "1").SetHeader("x-a", "2") }, "x-a: 2"},
		"in place of some": {func(b message.Builder) message.Builder {
			return b.Header("X-A", "1").Header("X-A", "2").SetHeader("X-A", "3").Header("X-A", "4")
		}, "X-A: 3\nX-A: 4"},
		"empty removes": {func(b message.Builder) message.Builder { return b.Header("X-A", "1").SetHeader("X-A", "") }, ""},
		"subject":       {func(b message.Builder) message.Builder { return b.Subject("old").SetHeader("SUBJECT", "new") }, "Subject: new"},
		"reply-to": {func(b message.Builder) message.Builder {
			return b.ReplyTo("old@example.org").SetHeader("reply-to", `"Us, all" <a@x.example>, c@x.example`)
		}, "Reply-To: \"Us, all\" <a@x.example>, c@x.example"},
		"from":       {func(b message.Builder) message.Builder { return b.SetHeader("From", "Jane <jane@example.org>") }, "From: Jane <jane@example.org>"},
		"message-id": {func(b message.Builder) message.Builder { return b.SetHeader("Message-Id", "<x@example.org>") }, "Message-ID: <x@example.org>"},
		"date":       {func(b message.Builder) message.Builder { return b.SetHeader("Date", "Sun, 01 Mar 2026 10:00:00 +0100") }, "Date: Sun, 1 Mar 2026 10:00:00 +0100"},
		"in-reply-to": {func(b message.Builder) message.Builder {
			return b.InReplyToID("old@x.example").SetHeader("In-Reply-To", "<new@x.example>").SetHeader("References", "<1@x.example> <2@x.example>")
		}, "In-Reply-To: <new@x.example>\nReferences: <1@x.example> <2@x.example>"},
		"a map": {func(b message.Builder) message.Builder {
			return b.Headers(map[string]string{"X-B": "2", "X-A": "1", "Subject": "s", "X-C": ""})
		}, "Subject: s\nX-A: 1\nX-B: 2"},
		"no map": {func(b message.Builder) message.Builder { return b.Headers(nil) }, ""},
		"list-unsubscribe": {func(b message.Builder) message.Builder {
			return b.SetHeader("List-Unsubscribe", "<https://x.example/u>")
		}, "List-Unsubscribe: <https://x.example/u>"},
	} {
		if diff := cmp.Diff(tc.want, extra(t, tc.set(good()))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestSetHeaderRefuses: a header never adds a recipient, and what no step would take is refused here too.
func TestSetHeaderRefuses(t *testing.T) {
	for name, value := range map[string]string{
		"To": "c@example.org", "cc": "c@example.org", "BCC": "", "From": "not an address", "Date": "tomorrow", "Message-ID": "a b",
		"Return-Path": "<x@example.org>", "Content-Type": "text/plain", "DKIM-Signature": "v=1", "X-A": "a\r\nBcc: c@example.org", "X A": "1",
		"Mime-Version": "1.0", "Resent-To": "c@example.org", "Subject": "a\r\nBcc: c@example.org",
	} {
		for step, b := range map[string]message.Builder{"SetHeader": good().SetHeader(name, value), "Headers": good().Headers(map[string]string{name: value})} {
			m, err := b.Build()
			if _, ok := errors.AsType[*message.FieldError](err); !ok || m != nil {
				t.Errorf("%s(%s: %s): %v", step, name, value, err)
			}
		}
	}
	for _, name := range []string{"From", "Sender", "Reply-To"} {
		for _, value := range []string{"\"a\r\nBcc: c@example.org\" <b@example.org>", "\"a\x00b\" <b@example.org>", "a\xff <b@example.org>", "Us: \"a\nb\" <b@example.org>;"} {
			if m, err := good().SetHeader(name, value).Build(); len(message.Faults(err)) == 0 || m != nil {
				t.Errorf("%s: %q: %v", name, value, err)
			}
		}
		m, err := good().SetHeader(name, "Us: b@example.org;").Build() // RFC 5322 section 3.6.2
		if (err == nil) != (name == "Reply-To") {
			t.Errorf("%s of a group: %v, %v", name, m, err)
		}
	}
	m, err := good().SetHeader("To", "c@example.org").Build()
	if err == nil || !strings.Contains(err.Error(), "steps To, Cc and Bcc") {
		t.Errorf("%v, %v", m, err)
	}
}

// TestSetHeaderForks: what one fork sets, another does not see.
func TestSetHeaderForks(t *testing.T) {
	base := good().Header("X-A", "1").Header("X-B", "2")
	fork := base.Clone().SetHeader("X-A", "3")
	if got := extra(t, base); got != "X-A: 1\nX-B: 2" {
		t.Error(got)
	}
	if got := extra(t, fork); !strings.HasSuffix(got, "X-B: 2\nX-A: 3") { // the fork has a Message-ID of its own
		t.Error(got)
	}
}

// TestWithoutMessageID: the field is left out, until one is set.
func TestWithoutMessageID(t *testing.T) {
	m := build(t, good().MessageID("x@example.org").WithoutMessageID())
	if text := string(octets(t, m)); strings.Contains(text, "Message-ID") || m.MessageID() != "" || m.MessageIDGiven() {
		t.Errorf("%q:\n%s", m.MessageID(), text)
	}
	for _, again := range []message.Builder{good().WithoutMessageID().MessageID("x@example.org"), good().WithoutMessageID().SetHeader("Message-ID", "x@example.org")} {
		if m := build(t, again); m.MessageID() != "<x@example.org>" || !strings.Contains(string(octets(t, m)), "Message-ID: <x@example.org>") {
			t.Errorf("%q", m.MessageID())
		}
	}
}
