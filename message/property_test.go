package message_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
	"github.com/google/go-cmp/cmp"
)

var hostile = []string{
	"", " ", "x", "a\r\nBcc: evil@example.org", "a\nX-Evil: 1", "a\rX-Evil: 1", "\r\n\r\nbody", "a\x00b", "\x7f", "\x1b[31m",
	"\xff\xfe", "\xc3", "ü", "日本語", "\u2028", "=?utf-8?q?x?=", "=?utf-8?b?eA==?= =?utf-8?b?eQ==?=", ".", "..", "\r\n.\r\n", "a\tb",
	`"`, `\`, `"<x@y>`, "a@b> NOTIFY=NEVER", "<a@b>", "a@b, c@d", "x;y:z", "(((", ")))", "a; filename=evil", "--=_aaaqeayeaudaocajbifqydiob4",
	strings.Repeat("x", 64<<10), strings.Repeat("x ", 32<<10), strings.Repeat("ü", 32<<10), strings.Repeat(" ", 3000), "text/html\r\nX: y",
	"text/plain; charset=\"x\r\n\"", "https://example.org/\r\nX-Evil: 1", "https://example.org/>, <mailto:x@y", "%0d%0aX-Evil: 1", "<" + strings.Repeat("x", 995) + "@y>",
}

type setter struct {
	fields []string // what it may add to the header section
	apply  func(message.Builder, string) message.Builder
}

func setters() map[string]setter {
	box := func(s string) message.Mailbox {
		a, _ := envelope.ParseAddress("n@example.org") // a constant
		return message.Mailbox{Name: s, Address: a}
	}
	inText := func(part func(string) message.Part) setter {
		return setter{nil, func(b message.Builder, s string) message.Builder { return b.Attach(part(s)) }}
	}
	field := func(apply func(message.Builder, string) message.Builder, names ...string) setter {
		return setter{names, apply}
	}
	file := func() message.Part { return message.FileBytes("f.bin", []byte("content")) }
	return map[string]setter{
		"From":    field(func(b message.Builder, s string) message.Builder { return b.From(s).Sender("s@example.org") }, "Sender"),
		"Sender":  field(func(b message.Builder, s string) message.Builder { return b.Sender(s) }, "Sender"),
		"To":      field(func(b message.Builder, s string) message.Builder { return b.To(s) }),
		"Cc":      field(func(b message.Builder, s string) message.Builder { return b.Cc(s) }, "Cc"),
		"Bcc":     field(func(b message.Builder, s string) message.Builder { return b.Bcc(s) }),
		"KeepBcc": field(func(b message.Builder, s string) message.Builder { return b.BccMailbox(box(s)).KeepBcc() }, "Bcc"),
		"ReplyTo": field(func(b message.Builder, s string) message.Builder { return b.ReplyTo(s) }, "Reply-To"),
		"name":    field(func(b message.Builder, s string) message.Builder { return b.ToMailbox(box(s)) }),
		"group": field(func(b message.Builder, s string) message.Builder {
			return b.CcList(message.Mailboxes().WithGroup(message.Group{Name: s, Members: []message.Mailbox{box(s)}}))
		}, "Cc"),
		"quoted name":       field(func(b message.Builder, s string) message.Builder { return b.To(`"` + s + `" <n@example.org>`) }),
		"SetHeader":         field(func(b message.Builder, s string) message.Builder { return b.SetHeader("X-Test", s) }, "X-Test"),
		"SetHeader address": field(func(b message.Builder, s string) message.Builder { return b.SetHeader("Reply-To", s) }, "Reply-To"),
		"SetHeader name": field(func(b message.Builder, s string) message.Builder {
			return b.SetHeader("Reply-To", `"`+s+`" <n@example.org>`)
		}, "Reply-To"),
		"SetHeader group": field(func(b message.Builder, s string) message.Builder {
			return b.Headers(map[string]string{"Reply-To": `"` + s + `": n@example.org;`})
		}, "Reply-To"),
		"Subject":       field(func(b message.Builder, s string) message.Builder { return b.Subject(s) }, "Subject"),
		"MessageID":     field(func(b message.Builder, s string) message.Builder { return b.MessageID(s) }),
		"id domain":     field(func(b message.Builder, s string) message.Builder { return b.MessageIDDomain(s) }),
		"InReplyToID":   field(func(b message.Builder, s string) message.Builder { return b.InReplyToID(s) }, "In-Reply-To"),
		"References":    field(func(b message.Builder, s string) message.Builder { return b.References(s) }, "References"),
		"header value":  field(func(b message.Builder, s string) message.Builder { return b.Header("X-Test", s) }, "X-Test"),
		"header name":   field(func(b message.Builder, s string) message.Builder { return b.Header(s, "v") }, "x", "X"),
		"raw value":     field(func(b message.Builder, s string) message.Builder { return b.RawHeader("X-Test", s) }, "X-Test"),
		"List-Post":     field(func(b message.Builder, s string) message.Builder { return b.Header("List-Post", s) }, "List-Post"),
		"Comments":      field(func(b message.Builder, s string) message.Builder { return b.Comments(s) }, "Comments"),
		"Keywords":      field(func(b message.Builder, s string) message.Builder { return b.Keywords(s, s) }, "Keywords"),
		"UserAgent":     field(func(b message.Builder, s string) message.Builder { return b.UserAgent(s) }, "User-Agent"),
		"AutoSubmitted": field(func(b message.Builder, s string) message.Builder { return b.AutoSubmitted(message.AutoSubmitted(s)) }, "Auto-Submitted"),
		"Precedence":    field(func(b message.Builder, s string) message.Builder { return b.Precedence(message.Precedence(s)) }, "Precedence"),
		"Importance":    field(func(b message.Builder, s string) message.Builder { return b.Importance(message.Importance(s)) }, "Importance"),
		"MDN":           field(func(b message.Builder, s string) message.Builder { return b.DispositionNotificationTo(box(s)) }, "Disposition-Notification-To"),
		"ListID": field(func(b message.Builder, s string) message.Builder {
			return b.List(message.ListHeaders{Name: s, ID: "l.example.org"})
		}, "List-Id"),
		"ListID id": field(func(b message.Builder, s string) message.Builder {
			return b.List(message.ListHeaders{Name: "n", ID: s})
		}, "List-Id"),
		"unsubscribe": field(func(b message.Builder, s string) message.Builder { return b.ListUnsubscribeOneClick(s, s) }, "List-Unsubscribe", "List-Unsubscribe-Post"),
		"ArchivedAt":  field(func(b message.Builder, s string) message.Builder { return b.ArchivedAt(s) }, "Archived-At"),
		"Text":        field(func(b message.Builder, s string) message.Builder { return b.Text(s) }),
		"8bit":        field(func(b message.Builder, s string) message.Builder { return b.EightBit().Text(s) }, "8bit"),
		"flowed":      field(func(b message.Builder, s string) message.Builder { return b.TextPart(message.Plain(s).Flowed()) }),
		"HTML":        field(func(b message.Builder, s string) message.Builder { return b.HTML(s) }),
		"calendar": field(func(b message.Builder, s string) message.Builder {
			return b.Calendar(s, "BEGIN:VCALENDAR\nMETHOD:"+s+"\nEND:VCALENDAR\n")
		}),
		"Content-ID": field(func(b message.Builder, s string) message.Builder {
			return b.HTML("x").UncheckedInline().Inline(s, file())
		}),
		"file name":   inText(func(s string) message.Part { return file().WithName(s).LegacyName() }),
		"type":        inText(func(s string) message.Part { return file().WithType(s) }),
		"param":       inText(func(s string) message.Part { return file().Param("x", s) }),
		"param name":  inText(func(s string) message.Part { return file().Param(s, "x") }),
		"description": inText(func(s string) message.Part { return file().Description(s) }),
		"part header": inText(func(s string) message.Part { return file().Header("Content-Language", s) }),
		"part field":  inText(func(s string) message.Part { return file().Header(s, "x") }),
		"7bit file":   inText(func(s string) message.Part { return message.FileBytes("f", []byte(s)).Encoding(message.SevenBit) }),
		"QP file": inText(func(s string) message.Part {
			return message.FileBytes("f", []byte(s)).Encoding(message.QuotedPrintable)
		}),
		"subtype":  inText(func(s string) message.Part { return message.Multipart(s, file()) }),
		"protocol": inText(func(s string) message.Part { return message.Encrypted(s, file(), file()) }),
		"embedded": inText(func(s string) message.Part { return message.AttachedMessage(raw("A: b\r\n\r\n" + s)) }),
		"DSN": inText(func(s string) message.Part {
			return message.DeliveryReport(message.Plain("x"), message.DeliveryStatus{ReportingMTA: "x" + s, Recipients: []message.RecipientStatus{{Final: reported, Action: message.ActionFailed, Status: "5.0.0", Diagnostic: s}}}, nil)
		}),
	}
}

// TestHostileStrings gives every string to every setter. Either Build refuses with a FieldError, or the
// message has exactly the fields that it should have and lines that every server takes.
func TestHostileStrings(t *testing.T) {
	usual := []string{"From", "To", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Content-ID"}
	refused := 0
	for name, set := range setters() {
		for _, s := range hostile {
			m, err := set.apply(fixed(message.New().From("a@example.org").To("b@example.org")), s).Build()
			if err != nil {
				refused++
				for _, e := range flatten(err) {
					if field := new(message.FieldError); !errors.As(e, &field) || field.Field == "" || len(e.Error()) > 1500 {
						t.Errorf("%s %.60q: %v is no good FieldError", name, s, e)
					}
				}
				continue
			}
			text := string(octets(t, m))
			header, _, _ := strings.Cut(text, "\r\n\r\n")
			for line := range strings.SplitSeq(header, "\r\n") {
				field, _, _ := strings.Cut(line, ":")
				if !strings.HasPrefix(line, " ") && !slices.Contains(usual, field) && !slices.Contains(set.fields, field) && (name != "header name" || field != s) {
					t.Errorf("%s %.60q: field %.80q", name, s, line)
				}
			}
			if strings.Contains(text, "\nX-Evil") && name != "embedded" && name != "Text" && name != "HTML" && name != "8bit" && name != "flowed" && name != "7bit file" && name != "QP file" {
				t.Errorf("%s %.60q: injected\n%s", name, s, text)
			}
			checkOctets(t, name, text, eightBit(m))
		}
	}
	t.Logf("%d refused", refused)
}

// raw is a message whose octets are all there is.
type raw string

func (r raw) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, string(r))
	return int64(n), err
}

func checkOctets(t *testing.T, name, text string, eightBit bool) {
	t.Helper()
	if !strings.HasSuffix(text, "\r\n") {
		t.Errorf("%s: no line end at the end", name)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") || !eightBit && strings.ContainsFunc(line, func(r rune) bool { return r > 127 }) {
			t.Fatalf("%s: bad line %.1200q", name, line)
		}
	}
}

// FuzzBuild puts strings of an attacker in many places at once. The standard library reads them back.
func FuzzBuild(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, s, s, s)
	}
	f.Add("Grüße an alle", "Müller, Zoë", "Grüße\n.\nFrom x \n", "Résumé 年.pdf")
	f.Fuzz(func(t *testing.T, subject, name, text, file string) {
		address, err := envelope.ParseAddress("n@example.org")
		if err != nil {
			t.Fatal(err)
		}
		m, err := fixed(message.New()).FromMailbox(message.Mailbox{Name: name, Address: address}).To("b@example.org").
			Subject(subject).Header("X-Test", name).Text(text).
			Attach(message.FileBytes(file, []byte(text)).WithType("application/x-test").Description(subject)).Build()
		if err != nil {
			for _, e := range flatten(err) {
				if !errors.As(e, new(*message.FieldError)) {
					t.Fatalf("%v is not a FieldError", e)
				}
			}
			return
		}
		octets := octets(t, m)
		checkOctets(t, "message", string(octets), false)
		readBack(t, octets, subject, name, text, file)
	})
}

func readBack(t *testing.T, octets []byte, subject, name, text, file string) {
	t.Helper()
	read, err := mail.ReadMessage(bytes.NewReader(octets))
	if err != nil {
		t.Fatal(err)
	}
	words := new(mime.WordDecoder)
	for field, want := range map[string]string{"Subject": subject, "X-Test": name} {
		got, err := words.DecodeHeader(read.Header.Get(field))
		if err != nil || got != want {
			t.Fatalf("%s %q, %v; want %q\n%.500s", field, got, err, want, octets)
		}
	}
	from, err := read.Header.AddressList("From")
	if err != nil || len(from) != 1 || from[0].Name != name {
		t.Fatalf("From %v, %v; want %q\n%.500s", from, err, name, octets)
	}
	_, params, err := mime.ParseMediaType(read.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(read.Body, params["boundary"])
	if got := part(t, parts, ""); got != canonical(text) {
		t.Fatalf("text %q, want %q", got, canonical(text))
	}
	if got := part(t, parts, file); got != text {
		t.Fatalf("file %q, want %q", got, text)
	}
	if _, err := parts.NextPart(); !errors.Is(err, io.EOF) {
		t.Fatalf("more parts: %v", err)
	}
}

func part(t *testing.T, parts *multipart.Reader, name string) string {
	t.Helper()
	p, err := parts.NextRawPart()
	if err != nil {
		t.Fatal(err)
	}
	if d := p.Header.Get("Content-Disposition"); d != "" {
		_, params, err := mime.ParseMediaType(d)
		if err != nil || params["filename"] != name {
			t.Fatalf("file name %q, %v; want %q: %q", params["filename"], err, name, d)
		}
	}
	var body io.Reader = p
	switch p.Header.Get("Content-Transfer-Encoding") {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, p)
	case "quoted-printable":
		body = quotedprintable.NewReader(p)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// canonical is how a text must arrive.
func canonical(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return strings.ReplaceAll(text, "\n", "\r\n")
}

// FuzzParseAddressList checks that what can be read prints in a form that reads as the same.
func FuzzParseAddressList(f *testing.F) {
	for _, s := range append(hostile, `"Doe, J." <j@example.org>, b@example.org`, "Friends: a@b.c, (x) d@e.f;, g@h.i", "a.(c).b@(d)example.org", "=?utf-8?q?x?= <a@b.c>", `"\"@x" <"a b"@[127.0.0.1]>`, "Empty:;") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list, err := message.ParseAddressList(s)
		if err != nil {
			if !errors.As(err, new(*envelope.ParseError)) {
				t.Fatalf("%v is not a ParseError", err)
			}
			return
		}
		again, err := message.ParseAddressList(list.String())
		if err != nil {
			t.Fatalf("%q prints as %q: %v", s, list.String(), err)
		}
		if diff := cmp.Diff(list.String(), again.String()); diff != "" {
			t.Fatalf("%q: %s", s, diff)
		}
	})
}

// reported is the recipient of the reports.
var reported = func() envelope.Address {
	a, err := envelope.NewAddress("r", "example.org")
	if err != nil {
		panic(err)
	}
	return a
}()
