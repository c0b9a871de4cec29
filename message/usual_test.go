package message_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
)

// TestUsualMailboxes: what a step of the builder reads at once is what ParseMailbox reads octet by octet.
func TestUsualMailboxes(t *testing.T) {
	pieces := []string{"Jane", "Doe", "ü", "J.", " ", " ", "  ", "<", "<", ">", ">", "a@b.test", "a@b.test", "<<Postmaster>>", "\"q\"", "(c)", ":", ";", ",", "@", "<a@b.test>", "\x01", "\t", "\xff", "\u202e", "=?x"}
	random := rand.New(rand.NewPCG(1, 2))
	good := 0
	for range 50_000 {
		var b strings.Builder
		for range random.IntN(6) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		text := b.String() + []string{"", " <a@b.test>"}[random.IntN(2)]
		want, wrong := message.ParseMailbox(text)
		m, err := message.New().From("x@y.test").BounceTo("x@y.test").To(text).Build()
		if wrong == nil {
			good++
			if err != nil || m.Envelope().At(0).Address != want.Address {
				t.Fatalf("%q: %v, want %v", text, err, want)
			}
			if info, _ := m.BodyInfo(); info.EightBitHeader && !want.Address.NeedsSMTPUTF8() {
				t.Fatalf("%q: a name is written in UTF-8", text)
			}
			if got := m.Header("To"); got != want.String() && got != strings.ReplaceAll(want.String(), "\"", "") {
				t.Fatalf("%q: the field is %q, want %q", text, got, want)
			}
			continue
		}
		if err == nil || !strings.Contains(text, ":") && !isAmong(err, wrong) { // a group has an error of its own
			t.Fatalf("%q: %v, want %v", text, err, wrong)
		}
	}
	if good < 5_000 {
		t.Errorf("%d good mailboxes", good)
	}
}

// isAmong reports whether one of the faults is an error of the same text.
func isAmong(err, wanted error) bool {
	for _, fault := range message.Faults(err) {
		if errors.Is(fault.Err, wanted) || fault.Err.Error() == wanted.Error() {
			return true
		}
	}
	return false
}

// TestLineOfMailbox: a mailbox is on the line of its field as long as that has room (RFC 5322 section 2.1.1).
func TestLineOfMailbox(t *testing.T) {
	address, err := envelope.ParseAddress("someone@example.org")
	if err != nil {
		t.Fatal(err)
	}
	for n := range 70 {
		name := strings.Repeat("n", n)
		text := string(octets(t, build(t, fixed(message.New()).FromMailbox(message.Mailbox{Name: name, Address: address}).To("b@example.net"))))
		_, rest, _ := strings.Cut(text, "From: ")
		got, _, _ := strings.Cut(rest, "\r\nTo:")
		whole, folded := strings.TrimPrefix(name+" <"+address.String()+">", " "), name+"\r\n <"+address.String()+">"
		if n == 0 {
			whole = address.String()
		}
		if fits := len("From: "+whole) <= 78; fits && got != whole || !fits && got != folded {
			t.Errorf("a name of %d: %q", n, got)
		}
	}
}
