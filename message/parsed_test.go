package message_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/message"
	"github.com/google/go-cmp/cmp"
)

func parse(t *testing.T, s string) *message.ParsedMessage {
	t.Helper()
	p, err := message.Parse(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// route writes an envelope down.
func route(p *message.ParsedMessage) string {
	env := p.Envelope()
	var to []string
	for _, r := range env.Recipients() {
		to = append(to, r.Address.String())
	}
	return env.From().String() + " > " + strings.Join(to, " ")
}

func TestParsedEnvelope(t *testing.T) {
	cases := map[string]struct{ in, want string }{
		"From, To, Cc, Bcc":   {"From: a@x.org\nTo: b@x.org, c@x.org\nCc: b@x.org\nBcc: d@x.org\n\n", "a@x.org > b@x.org c@x.org d@x.org"},
		"Sender wins":         {"From: a@x.org, z@x.org\nSender: s@x.org\nTo: b@x.org\n\n", "s@x.org > b@x.org"},
		"groups":              {"From: a@x.org\nTo: G: b@x.org, N <c@x.org>;, d@x.org\n\n", "a@x.org > b@x.org c@x.org d@x.org"},
		"folded, route":       {"From: <@r.org,@s.org:a@x.org>\nTo: =?utf-8?q?N,?=\n\t<b@x.org>\n\n", "a@x.org > b@x.org"},
		"faulty element":      {"From: a@x.org\nTo: nobody, b@x.org, <c@, d@x.org\n\n", "a@x.org > b@x.org d@x.org"},
		"nobody":              {"From: a@x.org\nSubject: x\n\n", " > "},
		"Resent":              {"Resent-From: r@x.org\nResent-To: e@x.org\nResent-Bcc: f@x.org\nFrom: a@x.org\nTo: b@x.org\n\n", "r@x.org > e@x.org f@x.org"},
		"topmost Resent":      {"Received: x\nResent-From: r2@x.org\nResent-To: e2@x.org\nResent-From: r@x.org\nResent-To: e@x.org\nFrom: a@x.org\n\n", "r2@x.org > e2@x.org"},
		"two Resent blocks":   {"Resent-Sender: s@x.org\nResent-From: r2@x.org\nResent-To: e2@x.org\nReceived: y\nResent-From: r@x.org\nResent-Cc: e@x.org\nTo: b@x.org\n\n", "s@x.org > e2@x.org"},
		"several To fields":   {"From: a@x.org\nTo: b@x.org\nTo: c@x.org\n\n", "a@x.org > b@x.org c@x.org"},
		"no body, no newline": {"From: a@x.org\nTo: b@x.org", "a@x.org > b@x.org"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := route(parse(t, tc.in)); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{"", "\n", " continued\n", "no field\n\n", "From: a@b.c\nno field\n\n", ": empty\n\n", "a b: c\n\n", "F\x00m: x\n\n"} {
		if p, err := message.Parse(strings.NewReader(in)); err == nil {
			t.Errorf("%q reads as %v", in, p)
		}
	}
	broken := errors.New("broken")
	if _, err := message.Parse(io.MultiReader(strings.NewReader("From: a@b.c\n"), failing{broken})); !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestParsedIsUntouched(t *testing.T) {
	const text = "From: a@x.org\nBCC: b@x.org,\n c@x.org\nSubject: \xe9\nResent-bcc: d@x.org\n\nBcc: body\n\x00\r"
	p := parse(t, text)
	if string(p.Bytes()) != text || p.Size() != int64(len(text)) {
		t.Error("the octets changed")
	}
	var b strings.Builder
	if n, err := p.WriteTo(&b); err != nil || b.String() != text || n != p.Size() {
		t.Errorf("wrote %q, %d, %v", b.String(), n, err)
	}
	if !p.Needs8BitMIME() || !p.NeedsSMTPUTF8() {
		t.Error("an octet above 127 was not noticed")
	}
	without := p.WithoutBcc()
	if diff := cmp.Diff("From: a@x.org\nSubject: \xe9\n\nBcc: body\n\x00\r", string(without.Bytes())); diff != "" {
		t.Error(diff)
	}
	if route(without) != route(p) {
		t.Errorf("the envelope changed to %s", route(without))
	}
	if got := string(parse(t, "A: b\n\nx\ry\r\nz").WithCRLF().Bytes()); got != "A: b\r\n\r\nx\r\ny\r\nz\r\n" {
		t.Errorf("with CRLF: %q", got)
	}
}

func TestParsedFields(t *testing.T) {
	p := parse(t, "From: =?iso-8859-1?q?Zo=EB?= =?utf-8?q?_M?= <z@x.org>, \"A \\\"B\\\"\" <a@x.org> (c), old@x.org (Old Style)\r\nReply-To: r@x.org\r\n"+
		"Subject: =?utf-8?b?R3LDvMOf?=\r\n =?utf-8?q?e?= an alle\r\nDate: Sun, 01 Mar 2026 12:30:00 +0100 (CET)\r\nMessage-Id: (x) <1@x.org>\r\nIn-Reply-To: <0@x.org> <00@x.org>\r\nX-Two: 1\r\nX-Two: 2\r\n\r\n")
	var from []string
	for _, m := range p.From() {
		from = append(from, m.Name+"|"+m.Address.String())
	}
	var names []string
	for name, value := range p.Fields() {
		if strings.HasPrefix(name, "X-") {
			names = append(names, name+"="+value)
		}
	}
	got := []any{from, p.ReplyTo()[0].Address.String(), p.Subject(), p.Date().UTC().Format(time.RFC3339), p.MessageID(), p.References(), names, p.Header("x-two"), p.Header("none")}
	want := []any{
		[]string{"Zoë M|z@x.org", `A "B"|a@x.org`, "Old Style|old@x.org"},
		"r@x.org", "Grüße an alle", "2026-03-01T11:30:00Z", "<1@x.org>",
		[]string{"<0@x.org>", "<00@x.org>"},
		[]string{"X-Two=1", "X-Two=2"},
		"1", "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !parse(t, "Date: yesterday\n\n").Date().IsZero() {
		t.Error("a date that is none was read")
	}
}

func TestContent(t *testing.T) {
	const latin1 = "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe\r\n"
	got, err := parse(t, latin1).Content()
	if err != nil || got.Text != "Grüße\n" {
		t.Errorf("%q, %v", got.Text, err)
	}
	m := build(t, fixed(message.New()).From("a@example.org").To("b@example.org").Text("täxt\n").HTML("<p>x</p>").
		Inline("logo", message.File(files, "logo.png")).Attach(message.File(files, "docs/plan.pdf").WithName("Plän.pdf"), message.AttachedMessage(raw("Subject: inner\r\n\r\nx\r\n"))))
	content, err := parse(t, string(octets(t, m))).Content()
	if err != nil {
		t.Fatal(err)
	}
	if content.Text != "täxt\n" || content.HTML != "<p>x</p>\n" || len(content.Attachments) != 3 {
		t.Fatalf("%q, %q, %d attachments", content.Text, content.HTML, len(content.Attachments))
	}
	// What was taken out can be put into another message.
	again := build(t, fixed(message.New()).From("a@example.org").To("b@example.org").Text(content.Text).HTML(content.HTML).
		Inline("logo", content.Attachments[0]).Attach(content.Attachments[1:]...))
	if diff := cmp.Diff(string(octets(t, m)), string(octets(t, again))); diff != "" {
		t.Errorf("(-first +second):\n%s", diff)
	}
	deep := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n", 100)
	if _, err := parse(t, deep).Content(); err == nil {
		t.Error("a body of 100 levels was taken apart")
	}
	many := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 1001) + "--b--\r\n"
	if _, err := parse(t, many).Content(); err == nil {
		t.Error("a body of 1,001 parts was taken apart")
	}
}

func TestReply(t *testing.T) {
	p := parse(t, "From: a@x.org\r\nReply-To: list@x.org\r\nTo: me@x.org, b@x.org\r\nCc: list@x.org, c@x.org, b@x.org\r\nSubject: RE: x\r\nMessage-ID: <9@x.org>\r\nReferences: <1@x.org>\r\n\r\n")
	me, err := message.ParseMailbox("Me <me@x.org>")
	if err != nil {
		t.Fatal(err)
	}
	want := "From: Me <me@x.org>\nTo: list@x.org\nCc: b@x.org, c@x.org\nSubject: RE: x\nMessage-ID: <aaaqeayeaudaocajbifqydiob4@x.org>\nIn-Reply-To: <9@x.org>\nReferences: <1@x.org> <9@x.org>"
	if diff := cmp.Diff(want, extra(t, fixed(p.ReplyAll(me)))); diff != "" {
		t.Error(diff)
	}
	// A thread that has grown keeps its first and its last messages.
	var refs strings.Builder
	refs.WriteString("References:")
	for i := range 100 {
		refs.WriteString(" <" + strings.Repeat("x", i+1) + "@x.org>\r\n")
	}
	long := build(t, fixed(parse(t, "From: a@x.org\r\nMessage-ID: <9@x.org>\r\n"+refs.String()+"\r\n").Reply(me)))
	ids := long.References()
	if len(ids) != 40 || ids[0] != "<x@x.org>" || ids[39] != "<9@x.org>" || ids[38] != "<"+strings.Repeat("x", 100)+"@x.org>" {
		t.Errorf("%d references, first %s, last %s", len(ids), ids[0], ids[len(ids)-1])
	}
	if got := message.Quote("a\n\n> b\n  c"); got != "> a\n>\n>> b\n>   c" {
		t.Errorf("quote %q", got)
	}
	// Controls that a subject was given in encoded-words do not come back.
	if got := extra(t, fixed(parse(t, "From: a@x.org\r\nSubject: =?utf-8?q?x=0D=0ABcc:_y?=\r\n\r\n").Reply(me))); !strings.Contains(got, "Subject: Re: =?utf-8?q?x__Bcc=3A?= y") {
		t.Errorf("header %s", got)
	}
}

func TestResend(t *testing.T) {
	p := parse(t, "From: a@x.org\r\nTo: b@x.org\r\n\r\ntext\r\n")
	r, err := message.ParseMailbox("Ré <r@x.org>")
	if err != nil {
		t.Fatal(err)
	}
	to, err := message.ParseMailbox("e@x.org")
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.Resend(message.Resent{From: r, To: []message.Mailbox{to}, Bcc: []message.Mailbox{r}, Date: good0, MessageID: "7@x.org"})
	if err != nil {
		t.Fatal(err)
	}
	want := "Resent-From: =?utf-8?b?UsOp?= <r@x.org>\r\nResent-To: e@x.org\r\nResent-Date: Sun, 1 Mar 2026 00:00:00 +0000\r\nResent-Message-ID: <7@x.org>\r\nFrom: a@x.org\r\nTo: b@x.org\r\n\r\ntext\r\n"
	if diff := cmp.Diff(want, string(again.Bytes())); diff != "" || route(again) != "r@x.org > e@x.org r@x.org" {
		t.Errorf("%s\n%s", route(again), diff)
	}
	for _, bad := range []message.Resent{{From: r, To: []message.Mailbox{to}}, {To: []message.Mailbox{to}, Date: good0}, {From: r, Date: good0}, {From: r, To: []message.Mailbox{to}, Date: good0, MessageID: "x"}} {
		if _, err := p.Resend(bad); !errors.As(err, new(*message.FieldError)) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
