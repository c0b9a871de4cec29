package readers

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
)

// testcase is a message and what every reader must find in it.
type testcase struct {
	name    string
	builder message.Builder
	want    record
	// but names readers that are known to read this correct form wrong, with the reason.
	but map[string]string
}

func mailbox(t *testing.T, name, address string) message.Mailbox {
	t.Helper()
	a, err := envelope.ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	return message.Mailbox{Name: name, Address: a}
}

// base is a message with nothing special and what it reads as.
func base() (message.Builder, record) {
	return message.New().From("a@example.org").To("b@example.org"),
		record{From: [][2]string{{"", "a@example.org"}}, To: [][2]string{{"", "b@example.org"}}}
}

var subjects = []string{
	"plain", "two words", "UPPER lower 123", "Grüße", "Grüße an alle", "ends in ü", "ü begins",
	"日本語の件名", "日本語 と English mixed 件名", "Привет, мир", "שלום עולם", "مرحبا بالعالم", "हिन्दी में विषय",
	"emoji 🎉 party", "👩‍👩‍👧‍👦 family 🇨🇭 flag", "e\u0301 combining a\u0308", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
	"=?utf-8?q?look-alike?=", "a =?b c?= d", "=?", "?=", "100% = sure", "a=b", "under_score",
	" leading space", "trailing space ", "two  spaces", "   ", "tab\tinside", `quotes "and" 'these'`, `back\slash`,
	"comma, semicolon; colon: dot.", "(comment) <angle> [square] {curly}", "Re: Fwd: Re: x",
	strings.Repeat("word ", 60) + "end", strings.Repeat("Wört ", 60) + "Ende", strings.Repeat("日本語", 60),
	strings.Repeat("x", 70), strings.Repeat("x", 200), strings.Repeat("x", 900), strings.Repeat("x", 1500), strings.Repeat("é", 700),
	strings.Repeat("🎉", 50), "short ü " + strings.Repeat("plain ", 20) + "ü", "a ü b ü c ü d",
	strings.Repeat("a", 65) + " ü", strings.Repeat("a", 64) + "ü", "ü" + strings.Repeat("a", 80), "x" + strings.Repeat(" ", 100) + "y",
}

var names = []string{
	"Plain", "Two Words", "O'Brien", "J. R. Tolkien", "Doe, John", `The "Boss"`, `back\slash`, "a@b", "semi;colon:",
	"<angle>", "(paren)", "[square]", "Zoë", "Zoë Müller", "Müller, Zoë", "黒沢 明", "Пётр Чайковский", "=?utf-8?q?look?=",
	"under_score", "ü, \"x\" (y) <z>", "🎉 Party", strings.Repeat("Long Name ", 12) + "End", strings.Repeat("x", 80),
	strings.Repeat("ü", 25), "two  spaces", "dash-ed +plus", "1st 2nd", "a=b", "ünï quote \" back \\", "café", "René d'Arc",
	"a/b", "100%", "name.with.dots", "#hash", "Ω",
}

var fileNames = []string{
	"plain.txt", "two words.pdf", "Résumé 年.pdf", "日本語のとても長いファイル名がここにあります、本当に長いです、まだ続きます.pdf",
	`quo"te.txt`, `back\slash.txt`, "semi;colon.txt", "a=b.txt", "percent%20.txt", "apos'trophe.txt", "star*.txt", "=?utf-8?q?x?=.txt",
	strings.Repeat("long", 30) + ".txt", strings.Repeat("ä", 80) + ".txt", "🎉.png", "noextension", ".hidden", "trailing dot.", "a, b.txt",
	"(paren).txt", "plus+and&.txt", "UPPER.PDF", "tilde~.txt", "{curly}[square].txt", "dollar$.txt", "e\u0301.txt", "naïve café.docx", "x.tar.gz",
}

var texts = []string{
	"plain\n", "no line end", "", "\n", "\n\n\n", "ü\n", "日本語の本文です。\n", strings.Repeat("日本語の本文です。", 40) + "\n",
	"trailing space \n", "trailing tab\t\n", "From the start\n", ">From quoted\n", ".\n", "..dots\n.\nend\n", "--dashes\n", "-- \nsignature\n",
	"--=_boundary\n", "=3D is not decoded\n", "a=\nb\n", strings.Repeat("x", 998) + "\n", strings.Repeat("x", 999) + "\n", strings.Repeat("x", 5000) + "\n",
	strings.Repeat("ü", 600) + "\n", strings.Repeat("word ", 400) + "\n", "tab\tinside\n", "vertical\vtab and\fform feed\n", "line\u2028separator\u0085\n", "\ufeffBOM\n",
	"nul \x00 inside\n", "bell \x07\n", "emoji 🎉\n", strings.Repeat("a line of text\n", 300), "mixed\r\nline\nends\n", strings.Repeat(".", 80) + "\n", strings.Repeat("ab ü ", 50) + " \n",
	"x" + strings.Repeat(" ", 100) + "\n", strings.Repeat("=", 80) + "\n", strings.Repeat("From \n", 3), "http://example.org/?a=b&c=d\n", "Grüße,\n\nZoë\n",
}

// cases returns all messages.
func cases(t *testing.T) []testcase {
	t.Helper()
	var all []testcase
	add := func(name string, b message.Builder, want record, but map[string]string) {
		all = append(all, testcase{name, b, want, but})
	}
	for i, s := range subjects {
		b, want := base()
		want.Subject, want.Texts = s, [][2]string{{"text/plain", "x\n"}}
		add(fmt.Sprintf("subject %d", i), b.Subject(s).Text("x\n"), want, nil)
	}
	for i, n := range names {
		_, want := base()
		m := mailbox(t, n, "n@example.org")
		want.From = [][2]string{{n, "n@example.org"}}
		want.To = append(want.To, [2]string{n, "n@example.org"}, [2]string{"", "z@example.org"})
		want.Cc, want.ReplyTo = [][2]string{{n, "n@example.org"}}, [][2]string{{n, "n@example.org"}}
		want.Texts = [][2]string{{"text/plain", "x\n"}}
		b := message.New().FromMailbox(m).To("b@example.org").ToMailbox(m).To("z@example.org").CcMailbox(m).ReplyToMailbox(m).Text("x\n")
		but := map[string]string{}
		if len(n) > 45 && strings.ContainsFunc(n, func(r rune) bool { return r > 127 }) {
			but["python"] = "it shows a space between two encoded-words of a name"
		}
		add(fmt.Sprintf("name %d", i), b, want, but)
	}
	for i, n := range fileNames {
		b, want := base()
		content := []byte("content of " + n)
		want.Texts = [][2]string{{"text/plain", "x\n"}}
		want.Files = []file{{n, "application/x-test", "attachment", "", hex.EncodeToString(content)}}
		but := map[string]string{}
		if strings.Contains(n, "=?") {
			but["go-message"] = "it decodes encoded-words in values that RFC 2231 has encoded"
		}
		add(fmt.Sprintf("file %d", i), b.Text("x\n").Attach(message.FileBytes(n, content).WithType("application/x-test")), want, but)
	}
	for i, s := range texts {
		b, want := base()
		end := strings.ReplaceAll(s, "\r\n", "\n")
		if s != "" && !strings.HasSuffix(s, "\n") {
			end += "\n"
		}
		want.Texts = [][2]string{{"text/plain", end}, {"text/html", end}}
		add(fmt.Sprintf("text %d", i), b.Text(s).HTML(s), want, nil)
	}
	return append(all, structures(t)...)
}

func structures(t *testing.T) []testcase {
	t.Helper()
	octets := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i * 7)
		}
		return b
	}
	hexOf := func(n int) string { return hex.EncodeToString(octets(n)) }
	var all []testcase
	add := func(name string, build func(message.Builder) message.Builder, change func(*record)) {
		b, want := base()
		change(&want)
		all = append(all, testcase{name: name, builder: build(b), want: want})
	}
	text, html := [2]string{"text/plain", "t\n"}, [2]string{"text/html", "<p>h</p>\n"}
	for _, n := range []int{0, 1, 2, 3, 56, 57, 58, 59, 113, 114, 115, 171, 1000, 32<<10 - 1, 32 << 10, 29184, 29185, 100_000} {
		add(fmt.Sprintf("%d octets", n), func(b message.Builder) message.Builder {
			return b.Text("t").Attach(message.FileBytes("a.bin", octets(n)))
		}, func(r *record) {
			kind := "application/octet-stream"
			if n == 0 {
				kind = "text/plain" // so says the content
			}
			r.Texts, r.Files = [][2]string{text}, []file{{"a.bin", kind, "attachment", "", hexOf(n)}}
		})
	}
	png := file{"p.png", "image/png", "inline", "p@x", hexOf(300)}
	pdf := file{"d.pdf", "application/pdf", "attachment", "", hexOf(500)}
	add("everything", func(b message.Builder) message.Builder {
		return b.Text("t").HTML("<p>h</p>").UncheckedInline().Inline("p@x", message.FileBytes("p.png", octets(300))).Attach(message.FileBytes("d.pdf", octets(500)))
	}, func(r *record) { r.Texts, r.Files = [][2]string{text, html}, []file{png, pdf} })
	add("HTML alone with inline", func(b message.Builder) message.Builder {
		return b.HTML("<p>h</p>").UncheckedInline().Inline("p@x", message.FileBytes("p.png", octets(300)))
	}, func(r *record) { r.Texts, r.Files = [][2]string{html}, []file{png} })
	add("attachment alone", func(b message.Builder) message.Builder { return b.Attach(message.FileBytes("d.pdf", octets(500))) },
		func(r *record) { r.Texts, r.Files = [][2]string{{"text/plain", ""}}, []file{pdf} })
	add("a file is the body", func(b message.Builder) message.Builder { return b.Body(message.FileBytes("d.pdf", octets(500))) },
		func(r *record) { r.Files = []file{pdf} })
	add("three alternatives", func(b message.Builder) message.Builder {
		return b.Text("t").AMP("<p>a</p>").HTML("<p>h</p>").Calendar("REQUEST", "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n")
	}, func(r *record) {
		r.Texts = [][2]string{text, {"text/x-amp-html", "<p>a</p>\n"}, html, {"text/calendar", "BEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR\n"}}
	})
	add("deep tree", func(b message.Builder) message.Builder {
		return b.Body(message.Mixed(message.Mixed(message.Alternative(message.Plain("t"), message.Related(message.HTML("<p>h</p>"), message.FileBytes("p.png", octets(300)).ContentID("p@x").Inline())), message.Plain("t")), message.FileBytes("d.pdf", octets(500))))
	}, func(r *record) { r.Texts, r.Files = [][2]string{text, html, text}, []file{png, pdf} })
	for _, e := range []message.Encoding{message.SevenBit, message.QuotedPrintable, message.Base64} {
		content := []byte("a text\r\nwith lines\r\n")
		add("file in "+e.String(), func(b message.Builder) message.Builder {
			return b.Text("t").Attach(message.FileBytes("a.txt", content).WithType("text/x-test").Encoding(e))
		}, func(r *record) {
			r.Texts, r.Files = [][2]string{text}, []file{{"a.txt", "text/x-test", "attachment", "", hex.EncodeToString(content)}}
		})
	}
	odd := []byte("bare\nnewline, bare\rreturn, end\x00\xff \t\r\n. From \r\n \r\nx ")
	add("exact quoted-printable", func(b message.Builder) message.Builder {
		return b.Text("t").Attach(message.FileBytes("a.bin", odd).WithType("application/x-test").Encoding(message.QuotedPrintable))
	}, func(r *record) {
		r.Texts, r.Files = [][2]string{text}, []file{{"a.bin", "application/x-test", "attachment", "", hex.EncodeToString(odd)}}
	})
	add("8bit", func(b message.Builder) message.Builder { return b.EightBit().Text("Grüße").HTML("<p>Grüße</p>") },
		func(r *record) { r.Texts = [][2]string{{"text/plain", "Grüße\n"}, {"text/html", "<p>Grüße</p>\n"}} })
	for i, a := range []string{`"a b"@example.org`, "a+tag@example.org", "o'brien@example.org", `"a@b"@example.org`, "a.b.c@sub.example.org", "b@bücher.example", "1@2.example", "_x-y@example.org"} {
		m := mailbox(t, "", a)
		add(fmt.Sprintf("address %d", i), func(b message.Builder) message.Builder { return b.CcMailbox(m).Text("t") },
			func(r *record) {
				r.Cc, r.Texts = [][2]string{{"", strings.Replace(a, "bücher", "xn--bcher-kva", 1)}}, [][2]string{text}
			})
	}
	var many []message.Mailbox
	var manyWant [][2]string
	for i := range 500 {
		many = append(many, mailbox(t, fmt.Sprintf("Rçpt %d", i), fmt.Sprintf("r%d@example.org", i)))
		manyWant = append(manyWant, [2]string{many[i].Name, many[i].Address.String()})
	}
	add("500 recipients", func(b message.Builder) message.Builder { return b.CcMailbox(many...).Text("t") },
		func(r *record) { r.Cc, r.Texts = manyWant, [][2]string{text} })
	add("group", func(b message.Builder) message.Builder {
		return b.CcList(message.Mailboxes().WithGroup(message.Group{Name: "Die Grüppe", Members: many[:3]}).With(many[4])).Text("t")
	}, func(r *record) {
		r.Cc, r.Texts = append(append([][2]string{}, manyWant[:3]...), manyWant[4]), [][2]string{text}
	})
	for i := range all {
		switch name := all[i].name; {
		case name == "exact quoted-printable":
			all[i].but = map[string]string{"python": lineEnds, "perl": lineEnds}
		case strings.HasPrefix(name, "file in ") && name != "file in base64":
			all[i].but = map[string]string{"python": lineEnds}
		}
	}
	return append(all, embeddings(t)...)
}

const lineEnds = "it changes line ends that are not encoded"

func embeddings(t *testing.T) []testcase {
	t.Helper()
	inner, err := message.New().From("i@example.org").To("j@example.org").Subject("Ínner").Text("ínner\n").Attach(message.FileBytes("x.bin", []byte{0, 1, 2})).Build()
	if err != nil {
		t.Fatal(err)
	}
	octets, err := inner.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	b, want := base()
	want.Texts = [][2]string{{"text/plain", "t\n"}}
	want.Files = []file{{"fwd.eml", "message/rfc822", "attachment", "", hex.EncodeToString(octets)}}
	return []testcase{{name: "a message within", builder: b.Text("t").Attach(message.AttachedMessage(inner).WithName("fwd.eml")), want: want}}
}
