package eml_test

import (
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/message/eml"
	"github.com/google/go-cmp/cmp"
)

func TestFields(t *testing.T) {
	p := parse(t, "From: =?iso-8859-1?q?Zo=EB?= =?utf-8?q?_M?= <z@x.example>, \"A \\\"B\\\"\" <a@x.example> (c), old@x.example (Old Style)\r\nReply-To: r@x.example\r\n"+
		"Subject: =?utf-8?b?R3LDvMOf?=\r\n =?utf-8?q?e?= an alle\r\nDate: Sun, 01 Mar 2026 12:30:00 +0100 (CET)\r\nMessage-Id: (x) <1@x.example>\r\nIn-Reply-To: <0@x.example> <00@x.example>\r\nX-Two: 1\r\nX-Two: 2\r\n\r\n")
	list, err := p.From()
	if err != nil {
		t.Fatal(err)
	}
	var from []string
	for _, m := range list {
		from = append(from, m.Name+"|"+m.Address.String())
	}
	var names []string
	for name, value := range p.Fields() {
		if strings.HasPrefix(name, "X-") {
			names = append(names, name+"="+value)
		}
	}
	reply, err := p.ReplyTo()
	if err != nil {
		t.Fatal(err)
	}
	got := []any{from, reply[0].Address.String(), p.Subject(), p.Date().UTC().Format(time.RFC3339), p.MessageID(), p.References(), names, p.Header("x-two"), p.Header("none")}
	want := []any{
		[]string{"Zoë M|z@x.example", `A "B"|a@x.example`, "Old Style|old@x.example"},
		"r@x.example", "Grüße an alle", "2026-03-01T11:30:00Z", "<1@x.example>",
		[]string{"<0@x.example>", "<00@x.example>"},
		[]string{"X-Two=1", "X-Two=2"},
		"1", "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !parse(t, "Date: yesterday\n\n").Date().IsZero() {
		t.Error("a date that is not one was read")
	}
}

// TestPeopleErrors holds that the accessors return what can be read and name what can't.
func TestPeopleErrors(t *testing.T) {
	p := parse(t, "From: me, a@x.example\nReply-To: what\nTo: b@x.example, G: c@x.example, d;\nCc: e\nBcc: f@x.example, <g>\n\n")
	from, err := p.From()
	if len(from) != 1 || err == nil || !strings.Contains(err.Error(), `From "me"`) {
		t.Errorf("From: %v, %v", from, err)
	}
	to, err := p.To()
	if to.String() != "b@x.example, G: c@x.example;" || err == nil || !strings.Contains(err.Error(), `To[2] "d"`) {
		t.Errorf("To: %v, %v", to, err)
	}
	if cc, err := p.Cc(); !cc.IsEmpty() || err == nil {
		t.Errorf("Cc: %v, %v", cc, err)
	}
	if bcc, err := p.Bcc(); len(bcc.Mailboxes()) != 1 || err == nil {
		t.Errorf("Bcc: %v, %v", bcc, err)
	}
	reply, err := p.ReplyTo()
	if len(reply) != 1 || err == nil || !strings.Contains(err.Error(), `Reply-To "what"`) {
		t.Errorf("Reply-To: %v, %v", reply, err)
	}
	if _, err := parse(t, "From: a@x.example\n\n").From(); err != nil {
		t.Errorf("a good one: %v", err)
	}
}

func TestReply(t *testing.T) {
	p := parse(t, "From: a@x.example\r\nReply-To: list@x.example\r\nTo: me@x.example, b@x.example\r\nCc: List@X.example, c@x.example, B@x.example\r\nSubject: RE: x\r\nMessage-ID: <9@x.example>\r\nReferences: <1@x.example>\r\n\r\n")
	me := mailbox(t, "Me <ME@x.example>")
	want := "From: Me <ME@x.example>\nTo: list@x.example\nCc: b@x.example, c@x.example\nSubject: RE: x\nDate: Sun, 1 Mar 2026 00:00:00 +0000\nMessage-ID: <aaaqeayeaudaocajbifqydiob4@x.example>\nIn-Reply-To: <9@x.example>\nReferences: <1@x.example> <9@x.example>"
	if diff := cmp.Diff(want, header(t, p.ReplyAll(me))); diff != "" {
		t.Error(diff)
	}
	// A thread that has grown keeps its first and its last messages.
	var refs strings.Builder
	refs.WriteString("References:")
	for i := range 100 {
		refs.WriteString(" <" + strings.Repeat("x", i+1) + "@x.example>\r\n")
	}
	long := build(t, parse(t, "From: a@x.example\r\nMessage-ID: <9@x.example>\r\n"+refs.String()+"\r\n").Reply(me))
	ids := long.References()
	if len(ids) != 40 || ids[0] != "<x@x.example>" || ids[39] != "<9@x.example>" || ids[38] != "<"+strings.Repeat("x", 100)+"@x.example>" {
		t.Errorf("%d references, first %s, last %s", len(ids), ids[0], ids[len(ids)-1])
	}
	// Controls that a subject was given in encoded-words do not come back.
	if got := header(t, parse(t, "From: a@x.example\r\nSubject: =?utf-8?q?x=0D=0ABcc:_y?=\r\n\r\n").Reply(me)); !strings.Contains(got, "Subject: Re: =?utf-8?q?x__Bcc=3A?= y") {
		t.Errorf("header %s", got)
	}
}

// header returns the fields before MIME-Version of the message that b builds.
func header(t *testing.T, b message.Builder) string {
	t.Helper()
	text, _, _ := strings.Cut(octets(t, build(t, b)), "\r\nMIME-Version")
	return strings.ReplaceAll(text, "\r\n", "\n")
}

// TestReplyToOwnMail: the answer to a mail of one's own goes on to its recipients.
func TestReplyToOwnMail(t *testing.T) {
	me := mailbox(t, "me@x.example")
	p := parse(t, "From: ME@x.example\nTo: a@x.example, Me@X.example\nCc: b@x.example\nSubject: x\n\n")
	to := func(b message.Builder) string {
		var list []string
		for _, r := range build(t, b).Envelope().Recipients() {
			list = append(list, r.Address.String())
		}
		return strings.Join(list, " ")
	}
	if got := to(p.Reply(me)); got != "a@x.example Me@x.example" {
		t.Errorf("Reply goes to %s", got)
	}
	if got := to(p.ReplyAll(me)); got != "a@x.example Me@x.example b@x.example" {
		t.Errorf("ReplyAll goes to %s", got)
	}
}

func TestSubjectPrefixes(t *testing.T) {
	me := mailbox(t, "me@x.example")
	for subject, want := range map[string]string{
		"": "Re:", "x": "Re: x", "Re: x": "Re: x", "RE: x": "RE: x", "re : x": "re : x", "Re[2]: x": "Re[2]: x", "AW: x": "AW: x",
		"Antw: x": "Antw: x", "SV: x": "SV: x", "Vs: x": "Vs: x", "Fwd: x": "Re: Fwd: x", "report: x": "Re: report: x", "Ref. 7: x": "Re: Ref. 7: x",
	} {
		m := build(t, parse(t, "From: a@x.example\nSubject: "+subject+"\n\n").Reply(me))
		if got := parse(t, octets(t, m)).Subject(); got != want || strings.Contains(octets(t, m), "=?") {
			t.Errorf("%q becomes %q, want %q", subject, got, want)
		}
	}
	for subject, want := range map[string]string{"": "Fwd:", "x": "Fwd: x", "FW: x": "FW: x", "WG: x": "WG: x", "Re: x": "Fwd: Re: x"} {
		m := build(t, parse(t, "From: a@x.example\nSubject: "+subject+"\n\n").Forward(me).To("b@x.example"))
		if got := parse(t, octets(t, m)).Subject(); got != want {
			t.Errorf("%q becomes %q, want %q", subject, got, want)
		}
	}
	if got := parse(t, octets(t, build(t, parse(t, "From: a@x.example\nSubject: =?utf-8?q?=E5=9B=9E=E5=A4=8D=EF=BC=9Ax?=\n\n").Reply(me)))).Subject(); got != "回复：x" {
		t.Errorf("a full-width colon: %q", got)
	}
}

func TestQuote(t *testing.T) {
	if got := eml.Quote("a\n\n> b\n  c"); got != "> a\n>\n>> b\n>   c" {
		t.Errorf("quote %q", got)
	}
	by := func(m *eml.Message) string { return m.Header("From") + " wrote:" }
	for in, want := range map[string]string{
		"From: a@x.example\n\nhello\n": "a@x.example wrote:\n> hello\n",
		"From: a@x.example\nContent-Type: text/html\n\n<head><title>t</title><style>p{}</style></head><body><p>Hello&nbsp;<b>you</b>,<br>two\nlines.</p><ul><li>one<li>two</ul><script>x</script></body>": "a@x.example wrote:\n> Hello you,\n> two lines.\n>\n> - one\n> - two\n",
	} {
		if got, err := parse(t, in).Quoted(by); err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	if got, err := parse(t, "From: a@x.example\n\nhello\n").Quoted(nil); err != nil || got != "> hello\n" {
		t.Errorf("without attribution: %q, %v", got, err)
	}
}

func TestForwardInline(t *testing.T) {
	p := parse(t, "From: A <a@x.example>\nTo: b@x.example\nBcc: secret@x.example\nSubject: x\nDate: Sun, 1 Mar 2026 12:30:00 +0100\nContent-Type: multipart/mixed; boundary=m\n\n"+
		"--m\n\nhello\n--m\nContent-Type: application/pdf; name=a.pdf\nContent-Disposition: attachment\n\npdf\n--m--\n")
	b, err := p.ForwardInline(mailbox(t, "me@x.example"), "For you.")
	if err != nil {
		t.Fatal(err)
	}
	m := octets(t, build(t, b.To("c@x.example")))
	content, err := parse(t, m).Content()
	if err != nil {
		t.Fatal(err)
	}
	want := "For you.\n\n---------- Forwarded message ----------\nFrom: A <a@x.example>\nDate: Sun, 01 Mar 2026 12:30:00 +0100\nSubject: x\nTo: b@x.example\n\nhello\n"
	if diff := cmp.Diff(want, content.Text); diff != "" || len(content.Attachments) != 1 || content.Attachments[0].Name() != "a.pdf" || strings.Contains(m, "secret") {
		t.Errorf("%s\n%s", diff, m)
	}
}

// TestForwardOddHeader: a mail whose header is neither ASCII nor UTF-8 goes as a file that keeps its octets: a reader of
// message/rfc822 would take the header for UTF-8.
func TestForwardOddHeader(t *testing.T) {
	for in, want := range map[string]string{
		"From: a@x.example\r\nSubject: caf\xe9\r\n\r\nx\r\n":    "application/octet-stream",
		"From: a@x.example\r\nSubject: caf\u00e9\r\n\r\nx\r\n":  "message/global",
		"From: a@x.example\r\nSubject: cafe\r\n\r\ncaf\xe9\r\n": "message/rfc822",
	} {
		m := octets(t, build(t, parse(t, in).Forward(mailbox(t, "me@x.example")).To("b@x.example")))
		if !strings.Contains(m, "Content-Type: "+want) {
			t.Errorf("%q was forwarded as\n%s\nwant %s", in, m, want)
		}
	}
}

// TestResend: a block of Resent fields before the others, and an envelope of its own.
func TestResend(t *testing.T) {
	p := parse(t, "From: a@x.example\r\nTo: b@x.example\r\n\r\ntext\r\n")
	r, to := mailbox(t, "Ré <r@x.example>"), []message.Mailbox{mailbox(t, "e@x.example")}
	again, err := p.Resend(eml.Resent{From: r, To: to, Bcc: []message.Mailbox{r}, Date: good0, MessageID: "7@x.example"})
	if err != nil {
		t.Fatal(err)
	}
	want := "Resent-From: =?utf-8?b?UsOp?= <r@x.example>\r\nResent-To: e@x.example\r\nResent-Date: Sun, 1 Mar 2026 00:00:00 +0000\r\nResent-Message-ID: <7@x.example>\r\nFrom: a@x.example\r\nTo: b@x.example\r\n\r\ntext\r\n"
	if diff := cmp.Diff(want, octets(t, again)); diff != "" || route(again) != "r@x.example > e@x.example r@x.example" || again.Header("Resent-To") != "e@x.example" {
		t.Errorf("%s\n%s", route(again), diff)
	}
	twice, err := again.Resend(eml.Resent{From: to[0], To: []message.Mailbox{r}, Date: good0})
	if err != nil || !strings.HasPrefix(octets(t, twice), "Resent-From: e@x.example\r\n") || !strings.HasSuffix(octets(t, twice), want) {
		t.Errorf("twice: %v\n%s", err, octets(t, twice))
	}
	for _, bad := range []eml.Resent{{From: r, To: to}, {To: to, Date: good0}, {From: r, Date: good0}, {From: r, To: to, Date: good0, MessageID: "x"}, {From: message.Mailbox{Name: "a\nb", Address: r.Address}, To: to, Date: good0}, {From: r, To: []message.Mailbox{{Address: envelope.Postmaster()}}, Date: good0}} { // RFC 5322 section 3.4.1
		if _, err := p.Resend(bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

// TestThreads holds that identifiers of all forms survive into the reply.
func TestThreads(t *testing.T) {
	me := mailbox(t, "me@x.example")
	for name, tc := range map[string]struct{ in, want string }{
		"without at":      {"Message-ID: <123>\nReferences: <1@x.example> <22>\n", "<1@x.example> <22> <123>"},
		"folded":          {"Message-ID: <1234 @ local(blah)\n .machine .example>\n", "<1234@local.machine.example>"},
		"quoted":          {"Message-ID: <\"a b\"@x.example>\nIn-Reply-To: <0@x.example>\n", `<0@x.example> <"a b"@x.example>`},
		"no brackets":     {"Message-ID: 1@x.example\nReferences: 2@x.example, 3@x.example\n", "<2@x.example> <3@x.example> <1@x.example>"},
		"a phrase":        {"Message-ID: <1@x.example>\nIn-Reply-To: Your message of \"Mon\" by bob@x.example <2@x.example>\n", "<2@x.example> <1@x.example>"},
		"one that is bad": {"Message-ID: <1@x.example>\nReferences: <2@x.example> <\xe9@x.example> <3\n", "<2@x.example> <1@x.example>"},
		"a lost blank":    {"Message-ID: <1@x.example>\nReferences: <2@x.example>\n<3@x.example>\n", "<2@x.example> <3@x.example> <1@x.example>"},
	} {
		t.Run(name, func(t *testing.T) {
			m := build(t, parse(t, "From: a@x.example\n"+tc.in+"\n").Reply(me))
			if got := strings.Join(m.References(), " "); got != tc.want {
				t.Errorf("References %s, want %s", got, tc.want)
			}
			if again := parse(t, octets(t, m)); strings.Join(again.References(), " ") != tc.want {
				t.Errorf("written as %s", again.Header("References"))
			}
		})
	}
}
