package message_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
)

// refused builds and returns the error, which must be a FieldError that says so much.
func refused(t *testing.T, b message.Builder, want string) {
	t.Helper()
	_, err := b.Build()
	if !errors.As(err, new(*message.FieldError)) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want a FieldError about %q", err, want)
	}
}

// TestCompositeLeaves: content that is not made of parts must not say that it is.
func TestCompositeLeaves(t *testing.T) {
	data := func(media string) message.Part {
		return message.FileBytes("f", []byte("From: a@example.org\r\n\r\nx\r\n")).WithType(media)
	}
	for media, want := range map[string]string{
		"multipart/mixed": "use Mixed", "multipart/x-own": "Multipart", "message/rfc822": "AttachedMessage",
		"message/partial": "can't be encoded", "message/external-body": "can't be encoded",
	} {
		refused(t, good().Attach(data(media)), want)
		refused(t, good().Attach(data(media).Encoding(message.QuotedPrintable)), want)
	}
	refused(t, good().Attach(message.TextPart("multipart/mixed", "x")), "use Mixed")
	build(t, good().Attach(data("message/partial").Param("id", "x").Encoding(message.SevenBit)))
	build(t, good().Attach(data("message/rfc822").Encoding(message.SevenBit)))
	ready, err := data("a/b").Preencoded()
	if err != nil {
		t.Fatal(err)
	}
	refused(t, good().Attach(ready.WithType("message/rfc822")), "AttachedMessage")
}

// TestDepth: what is nested endlessly is refused at once.
func TestDepth(t *testing.T) {
	p := message.Plain("x")
	for range 100_000 {
		p = message.Multipart("mixed", p)
	}
	refused(t, bare().Body(p), "deeper than 100")
	p = message.Plain("x")
	for range 99 {
		p = message.Multipart("mixed", p)
	}
	build(t, bare().Body(p))
	refused(t, bare().Body(message.Multipart("mixed", p)), "deeper than 100")
}

// TestSignedContent holds nothing that relays change (RFC 3156 section 5).
func TestSignedContent(t *testing.T) {
	var seen string
	sign := func(content message.Part) message.Builder {
		return bare().Body(message.Signed("application/pgp-signature", "pgp-sha256", content, func(octets io.WriterTo) (message.Part, error) {
			var b bytes.Buffer
			_, err := octets.WriteTo(&b)
			seen = b.String()
			return message.FileBytes("signature.asc", []byte("-----BEGIN PGP SIGNATURE-----\n\nabc=\n-----END PGP SIGNATURE-----\n")).WithType("application/pgp-signature"), err
		}))
	}
	refused(t, sign(message.Plain("Grüße\n").Encoding(message.EightBit)), "signed content must be 7-bit")
	for name, content := range map[string]message.Part{
		"blank at a line end": message.Plain("a \nb\n"), "From": message.Plain("From here\n"), "flowed": message.Plain(strings.Repeat("word ", 40) + "\n").Flowed(),
	} {
		text := string(octets(t, build(t, sign(content))))
		for line := range strings.Lines(seen) {
			if line = strings.TrimRight(line, "\r\n"); strings.HasSuffix(line, " ") || strings.HasPrefix(line, "From ") {
				t.Errorf("%s: signed %q", name, line)
			}
		}
		if !strings.Contains(text, "Content-Transfer-Encoding: 7bit\r\nContent-Disposition: attachment; filename=signature.asc\r\n\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\nabc=\r\n") {
			t.Errorf("%s: the signature is not 7bit:\n%s", name, text)
		}
	}
	refused(t, sign(message.Plain("a \n").Encoding(message.SevenBit)), "RFC 3156")
	refused(t, sign(message.Mixed(message.Plain("x"), message.AttachedMessage(raw("From: a@example.org\r\n\r\nFrom here\r\n")))), "RFC 3156")
	ready, err := message.Plain(strings.Repeat("word ", 40) + "\n").Flowed().Preencoded()
	if err != nil {
		t.Fatal(err)
	}
	refused(t, sign(ready), "RFC 3156")
}

// TestMultipartOfOne: what was set on a multipart that is written as its part is not lost.
func TestMultipartOfOne(t *testing.T) {
	text := string(octets(t, build(t, good().Attach(message.Mixed(message.FileBytes("f", []byte("x"))).Description("about").Header("Content-Language", "en").ContentID("i@x")))))
	for _, want := range []string{"Content-Description: about\r\n", "Content-Language: en\r\n", "Content-ID: <i@x>\r\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	refused(t, good().Attach(message.Mixed(message.FileBytes("f", nil).Description("a")).Description("b")), "description")
	refused(t, good().Attach(message.Mixed(message.FileBytes("f", nil)).Param("x", "y")), "parameters")
	own := string(octets(t, build(t, bare().Body(message.Multipart("mixed", message.Plain("x"))))))
	if !strings.Contains(own, "Content-Type: multipart/mixed; boundary=") {
		t.Errorf("Multipart has no boundary of its own:\n%s", own)
	}
}

// TestOnceOnly: two fields where one is allowed are refused, whichever steps wrote them.
func TestOnceOnly(t *testing.T) {
	list := message.ListHeaders{Unsubscribe: []string{"mailto:a@example.org"}}
	for name, b := range map[string]message.Builder{
		"Header twice":    good().Header("List-Unsubscribe", "<mailto:a@example.org>").Header("list-unsubscribe", "<mailto:b@example.org>"),
		"step and Header": good().List(list).Header("List-Unsubscribe", "<mailto:b@example.org>"),
		"Header and step": good().Header("List-Unsubscribe", "<mailto:b@example.org>").List(list),
		"RawHeader":       good().AutoSubmitted(message.AutoGenerated).RawHeader("Auto-Submitted", "auto-replied"),
	} {
		t.Run(name, func(t *testing.T) { refused(t, b, "may have one") })
	}
	build(t, good().Header("X-A", "1").Header("X-A", "2").Comments("a").Comments("b"))
	if got := extra(t, good().List(list).List(message.ListHeaders{Unsubscribe: []string{"mailto:c@example.org"}})); strings.Count(got, "List-Unsubscribe") != 1 || !strings.Contains(got, "c@example.org") {
		t.Errorf("the last of two steps: %s", got)
	}
}

func TestTraceFields(t *testing.T) {
	for name, want := range map[string]string{
		"Return-Path": "BounceTo", "Received": "no step", "Delivered-To": "To, Cc and Bcc", "authentication-results": "no step", "DKIM-Signature": "package dkim", "Resent-To": "message/eml",
	} {
		refused(t, good().Header(name, "x"), want)
		build(t, good().RawHeader(name, "x"))
	}
}

// TestFreeText: names and free text hold no control that turns a line or ends it, and all that people write.
func TestFreeText(t *testing.T) {
	address, err := envelope.ParseAddress("a@example.org")
	if err != nil {
		t.Fatal(err)
	}
	steps := func(s string) map[string]message.Builder {
		return map[string]message.Builder{
			"Subject": good().Subject(s), "name": good().CcMailbox(message.Mailbox{Name: s, Address: address}), "Header": good().Header("X-A", s),
			"Comments": good().Comments(s), "file": good().Attach(message.FileBytes(s, nil)), "description": good().Attach(message.FileBytes("f", nil).Description(s)),
			"group": good().ToList(message.AddressList{}.WithGroup(message.Group{Name: s})),
		}
	}
	for _, bad := range []rune{0, 7, '\r', '\n', 0x7f, 0x80, 0x85, 0x9f, 0x2028, 0x2029, 0x202a, 0x202e, 0x202c, 0x2066, 0x2069} {
		for name, b := range steps("a" + string(bad) + "b") {
			if _, err := b.Build(); err == nil || !strings.Contains(err.Error(), "U+") {
				t.Errorf("%s with %U: %v", name, bad, err)
			}
		}
	}
	for _, good := range []string{"👩‍👩‍👧‍👦", "می‌خواهم", "क्‍ष", "שלום\u200f!", "\u2067שלום\u2069 a", "\u202bשלום\u202c a", "a\u200eb", "soft\u00adhyphen"} {
		for name, b := range steps(good) {
			if _, err := b.Build(); err != nil {
				t.Errorf("%s with %q: %v", name, good, err)
			}
		}
	}
}

// TestFlowedSignature: no line becomes a signature separator, and one that is stays.
func TestFlowedSignature(t *testing.T) {
	flowed := func(text string) []string {
		m := string(octets(t, build(t, bare().TextPart(message.Plain(text).Flowed().Encoding(message.SevenBit)))))
		_, body, _ := strings.Cut(m, "\r\n\r\n")
		return strings.Split(body, "\r\n")
	}
	count := func(lines []string) (n int) {
		for _, line := range lines {
			if strings.TrimLeft(strings.TrimLeft(line, ">"), " ") == "-- " {
				n++
			}
		}
		return n
	}
	long := strings.Repeat("x", 100)
	for text, want := range map[string]int{
		"-- " + long + "\n": 0, strings.Repeat("word ", 13) + "-- " + long + "\n": 0, "--  \n": 0, "> -- " + long + "\n": 0, "-- \nme\n": 1, "> -- \n> me\n": 1, ">> -- \n": 1, "--\n": 0,
		"-- " + long + " " + long + "\n": 0,
	} {
		if got := flowed(text); count(got) != want {
			t.Errorf("%.20q: %d separators, want %d, in %q", text, count(got), want, got)
		}
	}
}

// TestCharsetIsSeenWhole: a text is said to be UTF-8 when all of it is.
func TestCharsetIsSeenWhole(t *testing.T) {
	long := strings.Repeat("text ", 10_000)
	for content, want := range map[string]bool{
		long + "ü": true, long + "\xfc": false, long + "\xc3": false, "ü": true, "\xfc": false, "": true, strings.Repeat("é", 40_000): true, strings.Repeat("日", 40_000): true, strings.Repeat("日", 40_000) + "\xe6\x97": false,
	} {
		m := string(octets(t, build(t, good().Attach(message.FileBytes("a.csv", []byte(content))))))
		if got := strings.Contains(m, "Content-Type: text/csv; charset=utf-8\r\n"); got != want {
			t.Errorf("%.10q of %d octets: utf-8 %v", content, len(content), got)
		}
	}
}

// TestUTF8HeadersOfParts make their multiparts 8bit (RFC 2045 section 6.4).
func TestUTF8HeadersOfParts(t *testing.T) {
	b := func() message.Builder {
		return good().Text("x").Attach(message.Multipart("mixed", message.FileBytes("f", []byte("x")).Description("über")))
	}
	m := string(octets(t, build(t, b().Internationalized())))
	if n := strings.Count(m, "Content-Transfer-Encoding: 8bit\r\n"); n != 2 {
		t.Errorf("%d multiparts are 8bit:\n%s", n, m)
	}
	if m := string(octets(t, build(t, b()))); strings.Contains(m, "8bit") {
		t.Errorf("8bit without need:\n%s", m)
	}
}

func TestReportsSaySomething(t *testing.T) {
	a, err := envelope.ParseAddress("a@example.org")
	if err != nil {
		t.Fatal(err)
	}
	status := func(action message.Action, code string) message.DeliveryStatus {
		return message.DeliveryStatus{ReportingMTA: "mx.example.org", Recipients: []message.RecipientStatus{{Final: a, Action: action, Status: code}}}
	}
	for want, s := range map[string]message.DeliveryStatus{
		"Reporting-MTA": {}, "Recipients": {ReportingMTA: "mx.example.org"}, "Final-Recipient": {ReportingMTA: "mx.example.org", Recipients: []message.RecipientStatus{{Action: message.ActionFailed, Status: "5.0.0"}}},
		"Action": status("lost", "5.0.0"), "Status": status(message.ActionFailed, "5.x"), "contradicts the action failed": status(message.ActionFailed, "2.0.0"), "contradicts the action delivered": status(message.ActionDelivered, "5.0.0"),
	} {
		refused(t, bare().Body(message.DeliveryReport(message.Plain("x"), s, nil)), want)
	}
	refused(t, bare().Body(message.MDNReport(message.Plain("x"), message.MDN{Final: a}, nil)), "Disposition")
	refused(t, bare().Body(message.MDNReport(message.Plain("x"), message.MDN{Disposition: message.DisplayedByPerson}, nil)), "Final-Recipient")
	build(t, bare().Body(message.DeliveryReport(message.Plain("x"), status(message.ActionFailed, "4.4.7"), nil)))
	utf8 := status(message.ActionFailed, "5.1.1")
	utf8.Recipients[0].Diagnostic = "550 5.1.1 Benutzer unbekannt: jörg"
	m := build(t, bare().Body(message.DeliveryReport(message.Plain("x"), utf8, nil)))
	if text := string(octets(t, m)); !strings.Contains(text, "Content-Type: message/global-delivery-status\r\n") || !strings.Contains(text, "smtp; 550 5.1.1 Benutzer unbekannt: j=C3=B6rg") || !strings.Contains(text, "report-type=delivery-status") {
		t.Errorf("RFC 6533:\n%s", text)
	}
}

// TestBigTextsAreAllocatedOnce: a text of 20 MB is rendered with at most twice its size.
func TestBigTextsAreAllocatedOnce(t *testing.T) {
	const size = 20 << 20
	random := rand.New(rand.NewPCG(1, 2))
	japanese := make([]rune, size/3)
	for i := range japanese {
		if japanese[i] = rune(0x4e00 + random.IntN(5000)); i%40 == 39 {
			japanese[i] = '\n'
		}
	}
	for name, text := range map[string]string{
		"7bit": strings.Repeat("a line of text\n", size/15), "quoted-printable": strings.Repeat("eine Zeile für Leser\n", size/22), "base64": string(japanese), "one line": strings.Repeat("x", size),
	} {
		b := good().Text(text)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, err := b.Build()
		if err == nil {
			_, err = m.WriteTo(io.Discard)
		}
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(err)
		}
		most := 2 * uint64(len(text))
		if raceEnabled() {
			most += most / 2 // slices that the compiler would keep on the stack or in place are made anew
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > most {
			t.Errorf("%s: %d octets were allocated for a text of %d", name, got, len(text))
		}
	}
}

// raceEnabled reports whether the test binary was built with the race detector.
func raceEnabled() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && strings.Contains(info.String(), "-race=true")
}

// bare is a message without a body.
func bare() message.Builder {
	return fixed(message.New()).From("a@example.org").To("b@example.org")
}
