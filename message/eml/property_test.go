package eml_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/message/eml"
)

// seeds are mails that the random ones are made of.
var seeds = []string{
	"From: a@x.example\r\nTo: d@x.example\r\n\r\ntext",
	"Resent-From: <@x:a@x.example>\nResent-To: G: d@x.example;\nTo: (((\n\tx\n\n--",
	"From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\n\xfc\r\n--b--\r\n",
	"From: a@x.example, \"b\nBcc: secret@x.example\nTo: b@x.example; c@x.example\nMessage-ID: <a b>\nReferences: <1> <2@x>\nSubject: =?utf-7?q?+-?=\n\nbegin 644 a\n#86)C\n`\nend\n",
	"From a@x.example Thu Nov 28 18:47:15 2026\nFrom: a@x.example\nContent-Type: multipart/alternative;\nboundary=\"b c\"\n\n--b c\nContent-Transfer-Encoding: base64\n\nYQ\n--b c\nContent-Type: message/rfc822\n\nFrom: b@x.example\nBcc: c@x.example\n\n\x00\n--b c-\n",
	"From: a@x.example\nContent-Type: text/html; charset=iso-2022-kr\nContent-Disposition: attachment; filename*1=a; filename*0*=x''%ff; filename=\"=?utf-8?b?YQ?=\"\nContent-Transfer-Encoding: quoted-printable\n\n=\n=4=41= \n",
	"Date: 1 Jan 49 24:60 (x) EST\nFrom: A <<a@x.example>>\nSubject: \xe9\n\n" + strings.Repeat("x", 1000) + "\n",
}

// answer does everything that can be done with a mail, and holds what must be true of all of them.
func answer(t *testing.T, data []byte) {
	t.Helper()
	m, err := eml.Parse(bytes.NewReader(data))
	if err != nil {
		return
	}
	for _, value := range m.Fields() {
		if !utf8.ValidString(value) || strings.ContainsAny(value, "\r\n\x00") {
			t.Fatalf("a value that can't be written: %q", value)
		}
	}
	if m.Envelope().Len() > 0 != (m.EnvelopeError() == nil) {
		t.Fatalf("envelope %v, %v", m.Envelope(), m.EnvelopeError())
	}
	content, err := m.Content()
	if err != nil {
		t.Fatal(err)
	}
	if !utf8.ValidString(content.Text + content.HTML) {
		t.Fatal("a text that is not UTF-8")
	}
	me := mailbox(t, "me@example.org")
	built := map[string]message.Builder{
		"reply":      m.Reply(me).To("x@example.org").Text(eml.Quote(content.Text)).Attach(content.Attachments...),
		"reply all":  m.ReplyAll(me).To("x@example.org").HTML(content.HTML),
		"forward":    m.Forward(me).To("x@example.org").Text("x"),
		"as a whole": message.New().FromMailbox(me).To("x@example.org").Subject(m.Subject()).InReplyTo(m),
	}
	if built["inline"], err = m.ForwardInline(me, "x"); err != nil {
		t.Fatal(err)
	}
	built["inline"] = built["inline"].To("x@example.org")
	if from, _ := m.From(); len(from) > 0 {
		built["bare reply"] = m.Reply(me)
	}
	for name, b := range built {
		composed, err := b.Build()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := composed.Bytes(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	resent, err := m.Resend(eml.Resent{From: me, To: []message.Mailbox{me}, Date: good0})
	if err != nil {
		t.Fatal(err)
	}
	for name, written := range map[string]*eml.Message{"written": m, "with CRLF": m.WithCRLF(), "resent": resent} {
		checkWritten(t, name, written)
	}
}

// checkWritten reads what is written again: it names no blind recipient, and what it said before it says still.
func checkWritten(t *testing.T, name string, m *eml.Message) {
	t.Helper()
	text := octets(t, m)
	if int64(len(text)) != m.Size() {
		t.Fatalf("%s: %d octets, size %d", name, len(text), m.Size())
	}
	again, err := eml.Parse(strings.NewReader(text))
	if err != nil {
		return // nothing but blind recipients was in it
	}
	for field := range again.Fields() {
		if strings.EqualFold(field, "Bcc") || strings.EqualFold(field, "Resent-Bcc") {
			t.Fatalf("%s: a blind recipient in %q", name, text)
		}
	}
	if again.Subject() != m.Subject() || again.MessageID() != m.MessageID() {
		t.Fatalf("%s: %q and %q became %q and %q in %q", name, m.Subject(), m.MessageID(), again.Subject(), again.MessageID(), text)
	}
}

// FuzzAnswer checks that every input is read, answered, forwarded and sent on.
func FuzzAnswer(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) { answer(t, data) })
}

// TestRandomMails answers mails that are mixed of odd ones.
func TestRandomMails(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	var lines []string
	for _, seed := range seeds {
		lines = append(lines, strings.SplitAfter(seed, "\n")...)
	}
	odd := []string{"\n", "\r\n", "\r", " ", "\t", "--b\n", "--b--\n", "--b c\n", "\x00", "\"", "(", "<", ";", "=?", "?=", "\xff", "Bcc: secret@x.example\n", "Content-Type: multipart/mixed; boundary=b\n", "Content-Type: message/rfc822\n", "X-A: y\n", "odd line\n"}
	for i := range 3000 {
		var b strings.Builder
		for range 1 + random.IntN(20) {
			if random.IntN(3) == 0 {
				b.WriteString(odd[random.IntN(len(odd))])
			} else {
				b.WriteString(lines[random.IntN(len(lines))])
			}
		}
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("%q", b.String())
				}
			}()
			answer(t, []byte(b.String()))
		})
	}
}

// TestNoBlindRecipientIsShown puts blind recipients at random places of header sections with odd lines.
func TestNoBlindRecipientIsShown(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	pieces := []string{
		"From: a@x.example\n", "To: b@x.example\r\n", "Bcc: secret@x.example\n", "bcc : c@x.example,\n secret@x.example\n", "BCC:\r\n\tsecret@x.example\r\n",
		"Resent-Bcc: secret@x.example\n", "X-A: y\r", "odd line\n", "odd: line here\n", " folded\n", ">From x\n", "Subject: x\n", "X-B: y\r\n",
		"From now on\n", "Bcc: d@x.example,\nsecret@x.example\n", "Content-Type: text/plain;\nformat=flowed\n",
	}
	for range 5000 {
		var b strings.Builder
		for range 1 + random.IntN(8) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		in := "From: a@x.example\n" + b.String() + "Bcc: secret@x.example\n\nbody\n"
		m := parse(t, in)
		text, whole := octets(t, m), strings.Count(octets(t, m.WithCRLF()), "secret")
		// What stands after the empty line that was missing is body, and was not a field to any reader.
		head, _, _ := strings.Cut(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), "\n\n")
		if strings.Contains(head, "secret") {
			t.Fatalf("%q\nis written as\n%q", in, text)
		}
		if whole != strings.Count(text, "secret") {
			t.Fatalf("%q: with CRLF it says more", in)
		}
	}
}
