package eml_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/message/eml"
	"github.com/google/go-cmp/cmp"
)

func parse(t *testing.T, s string) *eml.Message {
	t.Helper()
	p, err := eml.Parse(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func octets(t *testing.T, m interface{ Bytes() ([]byte, error) }) string {
	t.Helper()
	b, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func mailbox(t *testing.T, s string) message.Mailbox {
	t.Helper()
	m, err := message.ParseMailbox(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// route writes an envelope down.
func route(m *eml.Message) string {
	env := m.Envelope()
	var to []string
	for _, r := range env.Recipients() {
		to = append(to, r.Address.String())
	}
	return env.From().String() + " > " + strings.Join(to, " ")
}

func TestEnvelope(t *testing.T) {
	cases := map[string]struct{ in, want string }{
		"From, To, Cc, Bcc":                   {"From: a@x.example\nTo: b@x.example, c@x.example\nCc: b@x.example\nBcc: d@x.example\n\n", "a@x.example > b@x.example c@x.example d@x.example"},
		"Sender wins":                         {"From: a@x.example, z@x.example\nSender: s@x.example\nTo: b@x.example\n\n", "s@x.example > b@x.example"},
		"Sender wins over an unreadable From": {"From: a\nSender: s@x.example\nTo: b@x.example\n\n", "s@x.example > b@x.example"},
		"groups":                              {"From: a@x.example\nTo: G: b@x.example, N <c@x.example>;, d@x.example\n\n", "a@x.example > b@x.example c@x.example d@x.example"},
		"empty elements":                      {"From: a@x.example\nTo: b@x.example, , c@x.example\n\n", "a@x.example > b@x.example c@x.example"},
		"undisclosed and Bcc":                 {"From: a@x.example\nTo: undisclosed-recipients:;\nBcc: b@x.example\n\n", "a@x.example > b@x.example"},
		"folded, route":                       {"From: <@r.example,@s.example:a@x.example>\nTo: =?utf-8?q?N,?=\n\t<b@x.example>\n\n", "a@x.example > b@x.example"},
		"a lost blank":                        {"From: a@x.example\nTo: b@x.example,\nc@x.example\n\n", "a@x.example > b@x.example c@x.example"},
		"an odd line within":                  {"From: a@x.example\nTo: b@x.example\nodd\n , c@x.example\nSubject: x\n\n", " > "},
		"Resent":                              {"Resent-From: r@x.example\nResent-To: e@x.example\nResent-Bcc: f@x.example\nFrom: a@x.example\nTo: b@x.example\n\n", "r@x.example > e@x.example f@x.example"},
		"Resent decides":                      {"Resent-From: r@x.example\nResent-To: e@x.example\nFrom: a@x.example\nTo: what is this\n\n", "r@x.example > e@x.example"},
		"topmost Resent":                      {"Received: x\nResent-From: r2@x.example\nResent-To: e2@x.example\nResent-From: r@x.example\nResent-To: e@x.example\nFrom: a@x.example\n\n", "r2@x.example > e2@x.example"},
		"two Resent blocks":                   {"Resent-Sender: s@x.example\nResent-From: r2@x.example\nResent-To: e2@x.example\nReceived: y\nResent-From: r@x.example\nResent-Cc: e@x.example\nTo: b@x.example\n\n", "s@x.example > e2@x.example"},
		"several To fields":                   {"From: a@x.example\nTo: b@x.example\nTo: c@x.example\n\n", "a@x.example > b@x.example c@x.example"},
		"no body, no newline":                 {"From: a@x.example\nTo: b@x.example", "a@x.example > b@x.example"},
		"blank before colon":                  {"From : a@x.example\nTo\t: b@x.example\n\n", "a@x.example > b@x.example"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := route(parse(t, tc.in)); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

// TestEnvelopeError holds that no recipient is left out in silence: the envelope cannot be used, and the reason names
// field, element and text.
func TestEnvelopeError(t *testing.T) {
	cases := map[string]struct {
		in    string
		field string
		index int
		value string
	}{
		"To":         {"From: a@x.example\nTo: b@x.example, nobody, c@x.example\n\n", "To", 1, "nobody"},
		"Cc":         {"From: a@x.example\nTo: b@x.example\nCc: <c@\n\n", "Cc", 0, "<c@"},
		"Bcc":        {"From: a@x.example\nTo: b@x.example\nBcc: d\n\n", "Bcc", 0, "d"},
		"member":     {"From: a@x.example\nTo: G: b@x.example, c;\n\n", "To", 1, "c"},
		"From":       {"From: some one\nTo: b@x.example\n\n", "From", 0, "some one"},
		"one of two": {"From: some one, a@x.example\nTo: b@x.example\n\n", "From", 0, "some one"},
		"Sender":     {"From: a@x.example\nSender: me\nTo: b@x.example\n\n", "Sender", 0, "me"},
		"no From":    {"From: (x)\nTo: b@x.example\n\n", "From", 0, ""},
		"null From":  {"From: <>\nTo: b@x.example\n\n", "From", 0, "<>"},
		"Resent-To":  {"Resent-From: r@x.example\nResent-To: e\nFrom: a@x.example\nTo: b@x.example\n\n", "Resent-To", 0, "e"},
		"second To":  {"From: a@x.example\nTo: b@x.example\nTo: c\n\n", "To", 0, "c"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			m := parse(t, tc.in)
			var reason *envelope.FieldError
			if err := m.EnvelopeError(); m.Envelope().Len() != 0 || !errors.As(err, &reason) {
				t.Fatalf("envelope %v, %v", m.Envelope(), err)
			}
			if reason.Field != tc.field || reason.Index != tc.index || reason.Value != tc.value {
				t.Errorf("the reason is about %s[%d] %q: %v", reason.Field, reason.Index, reason.Value, reason)
			}
			env, err := envelope.New(mailbox(t, "s@x.example").Address, mailbox(t, "t@x.example").Address)
			if err != nil {
				t.Fatal(err)
			}
			if decided := m.WithEnvelope(env); decided.EnvelopeError() != nil || route(decided) != "s@x.example > t@x.example" {
				t.Errorf("with an explicit envelope: %s, %v", route(decided), decided.EnvelopeError())
			}
		})
	}
	nobody := parse(t, "From: a@x.example\nTo: undisclosed-recipients:;\n\n")
	if err := nobody.EnvelopeError(); !errors.Is(err, envelope.ErrNoRecipient) {
		t.Errorf("no recipients: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{"", "\n", " continued\n", "no field\n\n", "\xef\xbb\xbf", "From nobody Thu Nov 28 18:47:15 2026\n"} {
		if m, err := eml.Parse(strings.NewReader(in)); !errors.Is(err, eml.ErrNoField) {
			t.Errorf("%q reads as %v, %v", in, m, err)
		}
	}
	broken := errors.New("broken")
	if _, err := eml.Parse(io.MultiReader(strings.NewReader("From: a@b.example\n"), failing{broken})); !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
	var limit *eml.LimitError
	if _, err := eml.ParseWithOptions(strings.NewReader("From: a@b.example\n\n"), eml.Options{MaxSize: 10}); !errors.As(err, &limit) || limit.Option != "MaxSize" {
		t.Errorf("over MaxSize: %v", err)
	}
	long := "From: a@b.example\nTo: " + strings.Repeat("b@x.example,\n ", 10_000) + "c@x.example\n\n"
	if _, err := eml.ParseWithOptions(strings.NewReader(long), eml.Options{MaxHeader: 1000}); !errors.As(err, &limit) || limit.Option != "MaxHeader" {
		t.Errorf("over MaxHeader: %v", err)
	}
	if got := parse(t, long).Envelope().Len(); got != 2 {
		t.Errorf("%d recipients in a long header", got)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestOddLines holds that an odd line costs nothing but itself, in all that is written.
func TestOddLines(t *testing.T) {
	const body = "\nbody\n"
	cases := map[string]struct{ in, want string }{
		"mbox From":              {"From a@x.example Thu Nov 28 18:47:15 2026\nFrom: a@x.example\nSubject: x\n" + body, ""},
		"quoted mbox From":       {">From a@x.example Thu Nov 28 18:47:15 2026\nFrom: a@x.example\nSubject: x\n" + body, ""},
		"mbox From within":       {"From: a@x.example\n>From a@x.example Thu Nov 28 18:47:15 2026\nSubject: x\n" + body, ""},
		"byte order mark":        {"\xef\xbb\xbfFrom: a@x.example\nSubject: x\n" + body, ""},
		"an empty first line":    {"\nFrom: a@x.example\nSubject: x\n" + body, ""},
		"several":                {"\r\n\n\nFrom: a@x.example\nSubject: x\n" + body, ""},
		"a banner":               {"Saved by a program\nFrom: a@x.example\nSubject: x\n" + body, ""},
		"a banner and its line":  {"Saved by a program\n------\n\nFrom: a@x.example\nSubject: x\n" + body, ""},
		"no colon":               {"From: a@x.example\nodd line\nSubject: x\n" + body, ""},
		"two without":            {"From: a@x.example\nodd line\nodder line\nSubject: x\n" + body, ""},
		"a continuation first":   {" continued\nFrom: a@x.example\nSubject: x\n" + body, ""},
		"continuation of it":     {"From: a@x.example\nSubject: x\nodd line\n of it\nX-A: y\n" + body, "From: a@x.example\nSubject: x\nX-A: y\n" + body},
		"a blank in a name":      {"From: a@x.example\nodd name: x\nSubject: x\n" + body, ""},
		"control in a name":      {"From: a@x.example\nSub\x00ject: y\nSubject: x\n" + body, ""},
		"no name":                {"From: a@x.example\n: y\nSubject: x\n" + body, ""},
		"no empty line":          {"From: a@x.example\nSubject: x\nbody\n", "From: a@x.example\nSubject: x\n\r\nbody\n"},
		"no empty line, a blank": {"From: a@x.example\nSubject: x\nbody text\n\nmore: text\n", "From: a@x.example\nSubject: x\n\r\nbody text\n\nmore: text\n"},
		"a lost blank":           {"From: a@x.example\nSubject: x\nContent-Type: text/plain;\ncharset=utf-8\n" + body, "From: a@x.example\nSubject: x\nContent-Type: text/plain;\n charset=utf-8\n" + body},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.want == "" {
				tc.want = "From: a@x.example\nSubject: x\n" + body
			}
			m := parse(t, tc.in)
			if m.Subject() != "x" || len(m.Faults()) == 0 {
				t.Errorf("subject %q, faults %v", m.Subject(), m.Faults())
			}
			content, err := m.Content()
			if err != nil || !strings.HasPrefix(content.Text, "body") {
				t.Errorf("text %q, %v", content.Text, err)
			}
			if diff := cmp.Diff(tc.want, octets(t, m)); diff != "" {
				t.Errorf("written (-want +got):\n%s", diff)
			}
			if m.Size() != int64(len(tc.want)) {
				t.Errorf("size %d", m.Size())
			}
			crlf := strings.ReplaceAll(strings.ReplaceAll(tc.want, "\r\n", "\n"), "\n", "\r\n")
			if diff := cmp.Diff(crlf, octets(t, m.WithCRLF())); diff != "" {
				t.Errorf("with CRLF (-want +got):\n%s", diff)
			}
			forward := octets(t, build(t, m.Forward(mailbox(t, "me@x.example")).To("to@x.example")))
			if !strings.Contains(forward, crlf) {
				t.Errorf("forwarded:\n%s", forward)
			}
			again, err := m.Resend(eml.Resent{From: mailbox(t, "r@x.example"), To: []message.Mailbox{mailbox(t, "e@x.example")}, Date: good0})
			if err != nil {
				t.Fatal(err)
			}
			if got := octets(t, again); !strings.HasSuffix(got, "\r\n"+tc.want) {
				t.Errorf("resent:\n%s", got)
			}
		})
	}
}

var good0 = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func build(t *testing.T, b message.Builder) *message.Message {
	t.Helper()
	m, err := b.Clock(func() time.Time { return good0 }).Random(&counting{}).Build()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// counting is a source of randomness for golden messages.
type counting struct{ n byte }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = c.n
		c.n++
	}
	return len(p), nil
}

// TestBlindRecipients holds that no mail that is sent names them.
func TestBlindRecipients(t *testing.T) {
	const secret = "secret@x.example"
	for name, in := range map[string]string{
		"Bcc":               "From: a@x.example\nBcc: secret@x.example\nTo: b@x.example\n\nbody\n",
		"in any case":       "From: a@x.example\nbCC: secret@x.example\nTo: b@x.example\n\nbody\n",
		"blank and folds":   "From: a@x.example\nBcc : d@x.example,\n secret@x.example\n\t, e@x.example\nTo: b@x.example\n\nbody\n",
		"a lost blank":      "From: a@x.example\nBcc: d@x.example,\nsecret@x.example\nTo: b@x.example\n\nbody\n",
		"last field":        "From: a@x.example\nTo: b@x.example\nBcc: secret@x.example\n\nbody\n",
		"last of all":       "From: a@x.example\nTo: b@x.example\nBcc: secret@x.example",
		"Resent-Bcc":        "Resent-From: r@x.example\nResent-To: e@x.example\nResent-Bcc: secret@x.example\nFrom: a@x.example\nTo: b@x.example\n\nbody\n",
		"CR":                "From: a@x.example\rBcc: secret@x.example\rTo: b@x.example\r\rbody\r",
		"between CR and LF": "From: a@x.example\rBcc: secret@x.example\r\n\nbody\n",
		"twice":             "Bcc: secret@x.example\nFrom: a@x.example\nBcc: secret@x.example\n\nbody\n",
		"after an odd line": "From: a@x.example\nodd\nBcc: secret@x.example\nTo: b@x.example\n\nbody\n",
		"after two":         "From: a@x.example\nodd\nodder one\nBcc: secret@x.example\n\nbody\n",
		"odd line within":   "From: a@x.example\nBcc: d@x.example\nodd\n , secret@x.example\nTo: b@x.example\n\nbody\n",
		"control before":    "From: a@x.example\nX: \x1b\x0b\nBcc: secret@x.example\nTo: b@x.example\n\nbody\n",
		"byte order mark":   "\xef\xbb\xbfBcc: secret@x.example\nFrom: a@x.example\n\nbody\n",
	} {
		t.Run(name, func(t *testing.T) {
			m := parse(t, in)
			me := mailbox(t, "me@x.example")
			resent, err := m.KeepBcc().Resend(eml.Resent{From: me, To: []message.Mailbox{me}, Bcc: []message.Mailbox{mailbox(t, "secret2@x.example")}, Date: good0})
			if err != nil {
				t.Fatal(err)
			}
			for way, mail := range map[string]interface{ Bytes() ([]byte, error) }{
				"resent, and those of the new block kept": resent.KeepBcc(),
				"sent": m, "with CRLF": m.WithCRLF(), "resent": resent, "forwarded": build(t, m.Forward(me).To("to@x.example")),
				"embedded": build(t, message.New().FromMailbox(me).To("x@x.example").Attach(message.AttachedMessage(m.WithCRLF()))),
			} {
				if got := octets(t, mail); strings.Contains(got, "secret") || !strings.Contains(got, "body") && name != "last of all" {
					t.Errorf("%s:\n%q", way, got)
				}
			}
			if kept := octets(t, m.KeepBcc()); !strings.Contains(kept, secret) {
				t.Errorf("KeepBcc:\n%q", kept)
			}
			if again := parse(t, octets(t, m)); again.Header("Subject") != m.Header("Subject") || again.Header("From") != m.Header("From") {
				t.Errorf("reads differently without them:\n%q", octets(t, m))
			}
		})
	}
}

// TestUntouched holds that nothing else changes.
func TestUntouched(t *testing.T) {
	const text = "From: a@x.example\nSubject: \xe9\n folded\r\nX: y\r\r\nBcc: body\n\x00\r"
	m := parse(t, text)
	if got := octets(t, m); got != text || m.Size() != int64(len(text)) {
		t.Errorf("%q", got)
	}
	var b strings.Builder
	if n, err := m.WriteTo(&b); err != nil || b.String() != text || n != m.Size() {
		t.Errorf("wrote %q, %d, %v", b.String(), n, err)
	}
	if !eightBit(m) || !eightBitHeader(m) {
		t.Error("an octet above 127 was not noticed")
	}
	if got := octets(t, parse(t, "A: b\n\nx\ry\r\nz").WithCRLF()); got != "A: b\r\n\r\nx\r\ny\r\nz\r\n" {
		t.Errorf("with CRLF: %q", got)
	}
	opened, err := eml.Open(bytes.NewReader([]byte(text)), int64(len(text)), eml.Options{})
	if err != nil || octets(t, opened) != text {
		t.Errorf("opened: %v", err)
	}
}

func eightBit(m *eml.Message) bool {
	info, _ := m.BodyInfo()
	return info.EightBit
}

func eightBitHeader(m *eml.Message) bool {
	info, _ := m.BodyInfo()
	return info.EightBitHeader
}
