package message_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
	"github.com/google/go-cmp/cmp"
)

// allocatedBy returns how many octets a function allocates in all.
func allocatedBy(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// body returns what follows the header section, with the line ends of the terminal.
func body(t *testing.T, m *message.Message) string {
	t.Helper()
	_, rest, _ := strings.Cut(string(octets(t, m)), "MIME-Version: 1.0\r\n")
	return strings.ReplaceAll(rest, "\r\n", "\n")
}

func TestBodies(t *testing.T) {
	base := func() message.Builder { return fixed(message.New()).From("a@example.org").To("b@example.org") }
	x := message.FileBytes("x", []byte("x")).WithType("application/x")
	cases := map[string]struct {
		b    message.Builder
		want string
	}{
		"8bit": {base().EightBit().Text("Grüße"), "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGrüße\n"},
		"8bit says so around": {
			base().EightBit().Text("ü").HTML("x"),
			"Content-Type: multipart/alternative; boundary=\"=_aebagbafaydqqcikbmga2dqpca\"\nContent-Transfer-Encoding: 8bit\n\n--=_aebagbafaydqqcikbmga2dqpca\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nü\n\n--=_aebagbafaydqqcikbmga2dqpca\nContent-Type: text/html; charset=us-ascii\nContent-Transfer-Encoding: 7bit\n\nx\n\n--=_aebagbafaydqqcikbmga2dqpca--\n",
		},
		"8bit with a long line":    {base().EightBit().Text(strings.Repeat("ü", 500)), "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" + b64(strings.Repeat("ü", 500)+"\r\n") + "\n"},
		"a blank in front of CRLF": {base().Text("a \r\nb\r\n"), "Content-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: quoted-printable\n\na=20\nb\n"},
		"the last call wins":       {base().Text("1").Text("2"), "Content-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: 7bit\n\n2\n"},
		"chosen base64":            {base().TextPart(message.Plain("a").Encoding(message.Base64)), "Content-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: base64\n\nYQ0K\n"},
		"own charset":              {base().TextPart(message.Plain("a").Param("charset", "utf-8")), "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 7bit\n\na\n"},
		"one part is no multipart": {base().Body(message.Mixed(message.Alternative(message.Related(message.HTML("x"))))), "Content-Type: text/html; charset=us-ascii\nContent-Transfer-Encoding: 7bit\n\nx\n"},
		"part fields":              {base().Body(x.ContentID("i@x").Description("Dés").Header("Content-Language", "de").Inline()), "Content-Type: application/x\nContent-Transfer-Encoding: base64\nContent-Disposition: inline; filename=x\nContent-ID: <i@x>\nContent-Description: =?utf-8?q?D=C3=A9s?=\nContent-Language: de\n\neA==\n"},
		"parameters kept":          {base().Body(x.WithType(`text/x; title="a;b"; Charset=utf-8`)), "Content-Type: text/x; charset=utf-8; title=\"a;b\"\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=x\n\neA==\n"},
		"legacy name beside one":   {base().Body(x.WithType("application/x; name=b").WithName("a").LegacyName()), "Content-Type: application/x; name=b\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=a\n\neA==\n"},
		"legacy name":              {base().Body(x.WithName("Résumé.pdf").LegacyName()), "Content-Type: application/x; name=\"=?utf-8?q?R=C3=A9sum=C3=A9=2Epdf?=\"\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename*=utf-8''R%C3%A9sum%C3%A9.pdf\n\neA==\n"},
		"flowed": {
			base().TextPart(message.Plain(strings.Repeat("word ", 20) + "end\n From x\n> quoted\n>> " + strings.Repeat("quoted ", 12) + "\n-- \nsig\n").Flowed()),
			"Content-Type: text/plain; charset=us-ascii; format=flowed\nContent-Transfer-Encoding: 7bit\n\n" + strings.Repeat("word ", 14) + "\n" + strings.Repeat("word ", 6) + "end\n  From x\n> quoted\n>> " +
				strings.Repeat("quoted ", 10) + "\n>> quoted quoted\n-- \nsig\n",
		},
		"signed": {
			base().Body(message.Signed("application/pgp-signature", "pgp-sha256", message.Plain("text "), func(octets io.WriterTo) (message.Part, error) {
				var b bytes.Buffer
				_, err := octets.WriteTo(&b)
				return message.FileBytes("signature.asc", []byte(strings.ToUpper(b.String()))).WithType("application/pgp-signature").Encoding(message.SevenBit), err
			})),
			"Content-Type: multipart/signed; protocol=\"application/pgp-signature\";\n micalg=pgp-sha256; boundary=\"=_aebagbafaydqqcikbmga2dqpca\"\n\n--=_aebagbafaydqqcikbmga2dqpca\nContent-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: quoted-printable\n\ntext=20\n\n--=_aebagbafaydqqcikbmga2dqpca\nContent-Type: application/pgp-signature\nContent-Transfer-Encoding: 7bit\nContent-Disposition: attachment; filename=signature.asc\n\nCONTENT-TYPE: TEXT/PLAIN; CHARSET=US-ASCII\nCONTENT-TRANSFER-ENCODING: QUOTED-PRINTABLE\n\nTEXT=20\n\n--=_aebagbafaydqqcikbmga2dqpca--\n",
		},
		"delivery report": {
			base().Body(message.DeliveryReport(message.Plain("Sorry."), message.DeliveryStatus{
				ReportingMTA: "mx.example.org", EnvelopeID: "e1", Arrival: good0,
				Recipients: []message.RecipientStatus{
					{Original: address(t, "o@example.org"), Final: address(t, "f@example.org"), Action: "failed", Status: "5.1.1", RemoteMTA: "mx2.example.org", Diagnostic: "550 5.1.1 " + strings.Repeat("no ", 30) + "user", LastAttempt: good0},
					{Final: address(t, "ü@example.org"), Action: "delayed", Status: "4.2.2"},
				},
			}, raw("Subject: x\r\n\r\ny\r\n"))),
			"Content-Type: multipart/report; report-type=delivery-status;\n boundary=\"=_aebagbafaydqqcikbmga2dqpca\"\n\n--=_aebagbafaydqqcikbmga2dqpca\nContent-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: 7bit\n\nSorry.\n\n--=_aebagbafaydqqcikbmga2dqpca\nContent-Type: message/delivery-status\nContent-Transfer-Encoding: 7bit\n\nReporting-MTA: dns; mx.example.org\nOriginal-Envelope-Id: e1\nArrival-Date: Sun, 1 Mar 2026 00:00:00 +0000\n\nOriginal-Recipient: rfc822; o@example.org\nFinal-Recipient: rfc822; f@example.org\nAction: failed\nStatus: 5.1.1\nRemote-MTA: dns; mx2.example.org\nDiagnostic-Code: smtp; 550 5.1.1 no no no no no no no no no no no no no no no\n no no no no no no no no no no no no no no no user\nLast-Attempt-Date: Sun, 1 Mar 2026 00:00:00 +0000\n\nFinal-Recipient: utf-8; \\x{FC}@example.org\nAction: delayed\nStatus: 4.2.2\n\n--=_aebagbafaydqqcikbmga2dqpca\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 7bit\n\nSubject: x\n\ny\n\n--=_aebagbafaydqqcikbmga2dqpca--\n",
		},
		"receipt": {
			base().Body(message.MDNReport(message.Plain("Read."), message.MDN{ReportingUA: "ua; 1", Final: address(t, "f@example.org"), OriginalMessageID: "<1@x.org>", Disposition: "manual-action/MDN-sent-manually; displayed"}, nil)),
			"Content-Type: multipart/report; report-type=disposition-notification;\n boundary=\"=_aebagbafaydqqcikbmga2dqpca\"\n\n--=_aebagbafaydqqcikbmga2dqpca\nContent-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: 7bit\n\nRead.\n\n--=_aebagbafaydqqcikbmga2dqpca\nContent-Type: message/disposition-notification\nContent-Transfer-Encoding: 7bit\n\nReporting-UA: ua; 1\nFinal-Recipient: rfc822; f@example.org\nOriginal-Message-ID: <1@x.org>\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--=_aebagbafaydqqcikbmga2dqpca--\n",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			m := build(t, tc.b)
			if diff := cmp.Diff(tc.want, body(t, m)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if m.Size() != int64(len(octets(t, m))) {
				t.Errorf("Size %d, wrote %d", m.Size(), len(octets(t, m)))
			}
		})
	}
}

// TestNeeds: what a message says of itself is what its octets say.
func TestNeeds(t *testing.T) {
	cases := map[string]struct {
		b          message.Builder
		eight, utf bool
	}{
		"plain":           {good().Text("ü").Subject("ü"), false, false},
		"8bit":            {good().EightBit().Text("ü"), true, false},
		"UTF-8 header":    {good().Internationalized().Subject("ü"), true, true},
		"UTF-8 address":   {good().Cc("ü@example.org"), true, true},
		"IDN":             {good().Cc("u@bücher.example"), false, false},
		"embedded 8bit":   {good().Attach(message.AttachedMessage(raw("A: b\r\n\r\nü\r\n"))), true, false},
		"embedded UTF-8":  {good().Attach(message.AttachedMessage(raw("A: ü\r\n\r\nx\r\n"))), false, false},
		"8bit file":       {good().Attach(message.FileBytes("a", []byte("ü\r\n")).Encoding(message.EightBit)), true, false},
		"8bit not needed": {good().EightBit().Text("u"), false, false},
	}
	for name, tc := range cases {
		m := build(t, tc.b)
		seen := strings.ContainsFunc(string(octets(t, m)), func(r rune) bool { return r > 127 })
		if eightBit(m) != tc.eight || eightBitHeader(m) != tc.utf || seen != tc.eight {
			t.Errorf("%s: 8BITMIME %v, SMTPUTF8 %v, seen %v", name, eightBit(m), eightBitHeader(m), seen)
		}
	}
}

func TestPreencoded(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 100_000)
	opened := 0
	part, err := message.FileFunc("big.txt", func() (io.ReadCloser, error) {
		opened++
		return io.NopCloser(bytes.NewReader(content)), nil
	}).Preencoded()
	if err != nil {
		t.Fatal(err)
	}
	opened = 0
	plain := octets(t, build(t, good().Attach(message.FileBytes("big.txt", content))))
	allocated := allocatedBy(func() {
		for range 20 {
			if m := build(t, good().Attach(part)); m.Size() != int64(len(plain)) {
				t.Errorf("size %d, want %d", m.Size(), len(plain))
			}
		}
	})
	if opened != 0 || allocated > 1<<20 {
		t.Errorf("opened %d times, %d octets allocated", opened, allocated)
	}
	if diff := cmp.Diff(string(plain), string(octets(t, build(t, good().Attach(part))))); diff != "" {
		t.Error("a part encoded before reads otherwise")
	}
	if _, err := message.Mixed(message.Plain("a"), message.Plain("b")).Preencoded(); !errors.As(err, new(*message.FieldError)) {
		t.Errorf("multipart: %v", err)
	}
	if _, err := good().Attach(part.Encoding(message.SevenBit)).Build(); err == nil {
		t.Error("the encoding of an encoded part was changed")
	}
}

// TestPreencodedIsShared: messages that give one part further parameters at the same time do not see each other's.
func TestPreencodedIsShared(t *testing.T) {
	part := message.FileBytes("a", nil).WithType("application/x")
	for i := range 20 { // their list is shorter than its memory
		part = part.Param(fmt.Sprintf("p%02d", i), "v")
	}
	part, err := part.Preencoded()
	if err != nil {
		t.Fatal(err)
	}
	var builds sync.WaitGroup
	for i := range 8 {
		builds.Go(func() {
			own := fmt.Sprintf("own=%d", i)
			for range 100 {
				if m := build(t, good().Attach(part.Param("own", fmt.Sprint(i)))); !bytes.Contains(octets(t, m), []byte(own)) {
					t.Errorf("no %s", own)
				}
			}
		})
	}
	builds.Wait()
}

func TestReaderIsReadOnce(t *testing.T) {
	part := message.FileReader("a.txt", strings.NewReader("12345"), 5)
	var builds sync.WaitGroup
	for range 8 {
		builds.Go(func() {
			if m := build(t, good().Attach(part)); !bytes.Contains(octets(t, m), []byte("MTIzNDU=")) {
				t.Error("the content is not there")
			}
		})
	}
	builds.Wait()
	broken := errors.New("broken")
	if _, err := good().Attach(message.FileReader("a", failing{broken}, 10)).Build(); !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

// panicking is a reader that panics.
type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("reader") }

// TestReaderThatPanicked: the next message with the part is an error, and has no empty file.
func TestReaderThatPanicked(t *testing.T) {
	part := message.FileReader("a.txt", panicking{}, 5)
	func() {
		defer func() {
			if v := recover(); v != "reader" {
				t.Errorf("recovered %v", v)
			}
		}()
		_, _ = good().Attach(part).Build()
		t.Error("no panic")
	}()
	if m, err := good().Attach(part).Build(); len(message.Faults(err)) == 0 || m != nil {
		t.Errorf("%v, %v", m, err)
	}
}

// stuck repeats itself, so that every boundary is the same.
type stuck struct{}

func (stuck) Read(p []byte) (int, error) { return len(p), nil }

func TestBoundaryInContent(t *testing.T) {
	const first = "--=_aebagbafaydqqcikbmga2dqpca" // of the counting source, after the Message-ID
	for _, rest := range []string{"\n", "\n" + strings.Repeat("a line\n", 100)} {
		m := build(t, good().Text(first+rest).HTML("x"))
		if text := string(octets(t, m)); strings.Count(text, "\r\n"+first) != 1 || !strings.Contains(text, `boundary="=_`) {
			t.Errorf("a boundary occurs in the content:\n%s", text)
		}
	}
	big := strings.Repeat("x\r\n", 20_000) + first + "\r\n"
	for _, part := range []message.Part{
		message.FileBytes("a", []byte(big)).Encoding(message.SevenBit), message.AttachedMessage(raw("A: b\r\n\r\n" + big)),
	} {
		if text := string(octets(t, build(t, good().Attach(part)))); strings.Count(text, "\r\n"+first) != 1 {
			t.Error("a boundary occurs in an attachment")
		}
	}
	if _, err := good().Text("x").Random(stuck{}).HTML("y").Attach(message.FileBytes("a", nil)).Build(); err == nil {
		t.Error("two levels share a boundary")
	}
}

func TestMailboxText(t *testing.T) {
	m := message.Mailbox{Name: "Doe, J.", Address: address(t, "j@example.org")}
	text, err := m.MarshalText()
	if err != nil || string(text) != `"Doe, J." <j@example.org>` {
		t.Fatalf("%s, %v", text, err)
	}
	var back message.Mailbox
	if err := back.UnmarshalText(text); err != nil || back != m {
		t.Errorf("%v, %v", back, err)
	}
	if err := back.UnmarshalText(nil); err != nil || back != (message.Mailbox{}) {
		t.Errorf("%v, %v", back, err)
	}
	var list message.AddressList
	if err := list.UnmarshalText([]byte("G: a@b.org;, c@d.org")); err != nil || len(list.Groups()) != 1 || len(list.Mailboxes()) != 2 {
		t.Errorf("%v, %v", list, err)
	}
	if err := list.UnmarshalText([]byte("no")); !errors.As(err, new(*envelope.ParseError)) {
		t.Errorf("got %v", err)
	}
}

// b64 is the encoding of the standard library, in lines.
func b64(s string) string {
	all := base64.StdEncoding.EncodeToString([]byte(s))
	var lines []string
	for len(all) > 76 {
		lines, all = append(lines, all[:76]), all[76:]
	}
	return strings.Join(append(lines, all), "\n")
}

// failing is a reader that gives nothing but an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
