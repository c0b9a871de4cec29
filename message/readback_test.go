package message_test

import (
	"bytes"
	"errors"
	"net/mail"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
)

// TestReadBackFields: what a built message says of itself is what package net/mail reads from its octets.
func TestReadBackFields(t *testing.T) {
	long := strings.Repeat("wörter und mehr ", 30)
	m := build(t, good().Subject(long+"Ende").Header("X-Note", "schön").Header("x-long", strings.Repeat("word ", 60)+"end").Bcc("blind@example.org").
		Attach(message.FileBytes("a.bin", bytes.Repeat([]byte{1}, 1<<16))))
	read, err := mail.ReadMessage(bytes.NewReader(octets(t, m)))
	if err != nil {
		t.Fatal(err)
	}
	date, err := read.Header.Date()
	if err != nil || !m.Date().Equal(date) || m.Date().IsZero() {
		t.Errorf("date %v, want %v, %v", m.Date(), date, err)
	}
	for name, want := range map[string]string{
		"Subject": long + "Ende", "X-Note": "schön", "X-LONG": strings.Repeat("word ", 60) + "end", "From": "a@example.org",
		"To": "b@example.org", "Message-Id": read.Header.Get("Message-Id"), "Bcc": "", "Nothing": "", "Content-Type": read.Header.Get("Content-Type"),
	} {
		if got := m.Header(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if m.Subject() != long+"Ende" {
		t.Errorf("subject %q", m.Subject())
	}
}

// TestWithHeader: the message with one more field is the same message after that field, and the first one stays.
func TestWithHeader(t *testing.T) {
	m := build(t, good().Subject("x"))
	before := string(octets(t, m))
	more, err := m.WithHeader("X-Relay", "größer "+strings.Repeat("long ", 40)+"end")
	if err != nil {
		t.Fatal(err)
	}
	again, err := more.WithHeader("X-Tag", "b")
	if err != nil {
		t.Fatal(err)
	}
	text := string(octets(t, again))
	if !strings.HasPrefix(text, "X-Tag: b\r\nX-Relay: ") || !strings.HasSuffix(text, before) || string(octets(t, m)) != before {
		t.Errorf("%s", text)
	}
	if again.Size() != int64(len(text)) || again.MessageID() != m.MessageID() || again.Envelope().String() != m.Envelope().String() {
		t.Errorf("%d octets of %d, %v", again.Size(), len(text), again)
	}
	if got := again.Header("x-relay"); !strings.HasPrefix(got, "größer long") {
		t.Errorf("%q", got)
	}
	for name, value := range map[string]string{"X-A": "a\r\nBcc: evil@example.org", "Subject": "y", "Content-Type": "x/y", "a b": "c", "Bcc": "evil@example.org"} {
		if bad, err := m.WithHeader(name, value); bad != nil || !errors.As(err, new(*message.FieldError)) {
			t.Errorf("%s: %q: %v", name, value, err)
		}
	}
	for name, value := range map[string]string{"List-Unsubscribe": "<https://example.org/>", "Precedence": "bulk", "Feedback-ID": "a:b:c:d"} { // as for Build
		there, err := m.WithHeader(name, value)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := there.WithHeader(strings.ToLower(name), value); err == nil {
			t.Errorf("%s, which may occur once, is there twice", name)
		}
	}
}

func TestMessageWithEnvelope(t *testing.T) {
	m := build(t, good())
	env, err := envelope.Parse("bounces@example.org", "c@example.org")
	if err != nil {
		t.Fatal(err)
	}
	other := m.WithEnvelope(env)
	if other.Envelope().String() != "bounces@example.org > c@example.org" || m.Envelope().String() != "a@example.org > b@example.org" || !bytes.Equal(octets(t, other), octets(t, m)) {
		t.Errorf("%v, %v", other, m)
	}
}
