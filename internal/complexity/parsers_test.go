package complexity

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/depeche-mail/depeche"
	"github.com/depeche-mail/depeche/dkim"
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/charset"
	"github.com/depeche-mail/depeche/internal/keys"
	"github.com/depeche-mail/depeche/internal/mimeread"
	"github.com/depeche-mail/depeche/internal/printable"
	"github.com/depeche-mail/depeche/internal/xtext"
	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/message/eml"
	"github.com/depeche-mail/depeche/message/markup"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/file"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// parser is one way to read a text of strangers or of a caller.
type parser struct {
	name     string
	alphabet string // pieces, separated by blanks; SP, CRLF, LF, TAB and NUL stand for octets
	parse    func(text string)
}

const (
	addresses  = `a @ , ; : < > ( ) " "" \ . [ ] SP CRLF TAB é =?utf-8?q?a?= @x.example b@x.example group: a@ ,a@x.example`
	parameters = `a = ; " \ * *0 *1* *0*= SP ' % %41 / , CRLF TAB ( ) name= filename*0= filename*1*= x; utf-8''a =?utf-8?b?YQ==?=`
	words      = `=? ?= ? =?utf-8?q?a?= =?utf-8?b?YQ==?= =?iso-2022-jp?b? _ = =41 SP CRLF TAB a é =?x?q?`
	lines      = `a : SP CRLF LF TAB From From: Subject: Content-Type: --a --a-- multipart/mixed;boundary=a boundary= x NUL é .`
	pages      = `a SP LF < > <a <p> </p> <ul><li> <ol> <table><tr> <td> <th> <blockquote> <pre> <style> </style> <img src= srcset= style= url( ) " ' = , cid: CID: href=https://x <!-- --> &amp; hidden <div SP hidden> </div> `
	bodies     = `a SP CRLF LF --b --b-- -- = =3D =20 begin end ` + "`" + ` Content-Type: text/plain multipart/mixed;boundary=b message/rfc822 base64 YQ== <a> </a> <p> <!-- --> & &amp; > > `
)

// parsers are all that read texts which this module did not write. A new one is added here.
func parsers(t *testing.T) []parser {
	dir := t.TempDir()
	mail := func(head string, alphabet string) func(string) {
		_ = alphabet
		return func(text string) { readAll(head + text) }
	}
	list := []parser{
		{"envelope.ParseAddress", addresses, func(s string) { _, _ = envelope.ParseAddress(s) }},
		{"message.ParseMailbox", addresses, func(s string) { _, _ = message.ParseMailbox(s) }},
		{"message.ParseAddressList", addresses, func(s string) { _, _ = message.ParseAddressList(s) }},
		{"mimeread.ParseAddresses", addresses, func(s string) { mimeread.ParseAddresses(s, "utf-8") }},
		{"mimeread.ParseAddresses of many words", addresses, func(s string) { mimeread.ParseAddresses(strings.Repeat(`""`, len(s)/2)+s, "utf-8") }},
		{"mimeread.ParseHeader", parameters, func(s string) { mimeread.ParseHeader(s, "utf-8") }},
		{"mimeread.ParseHeader of a type", parameters, func(s string) { mimeread.ParseHeader("text/plain; "+s, "utf-8") }},
		{"mimeread.Text", words, func(s string) { mimeread.Text(s, "utf-8") }},
		{"mimeread.UnknownCharset", words, func(s string) { mimeread.UnknownCharset(s) }},
		{"mimeread.ParseDate", `1 12 2024 Mon , SP : Jan +0000 EST ( ) \ CRLF - 99`, func(s string) { mimeread.ParseDate(s) }},
		{"mimeread.ParseEncoding", `base64 7bit ( ) " SP ; \ a`, func(s string) { mimeread.ParseEncoding(s) }},
		{"mimeread.MessageIDs", `< > a @ ( ) " \ SP CRLF , [ ]`, func(s string) { mimeread.MessageIDs(s, true) }},
		{"mimeread.ReadSection", lines, func(s string) { mimeread.ReadSection([]byte(s)) }},
		{"mimeread.ReadSection of a long name", `a = ; : a=b; SP CRLF LF --a < , @`, func(s string) { mimeread.ReadSection([]byte(strings.Repeat("a", len(s)) + ":;\n" + s)) }},
		{"mimeread.CutUUencoded", `begin SP 644 a LF CRLF end ` + "`" + ` ! M M86 "`, func(s string) { mimeread.CutUUencoded(s) }},
		{"mimeread.DecodeUU", `LF M86 ! end a ` + "`" + ` SP`, func(s string) { mimeread.DecodeUU([]byte("begin 644 a\n" + s)) }},
		{"mimeread.IsMboxSeparator", `From SP a @ - Mon Jan 1 00:00:00 2024 +0000`, func(s string) { mimeread.IsMboxSeparator("From " + s) }},
		{"message.Build of HTML", pages, func(s string) { _, _ = message.New().From("a@x.example").To("b@x.example").HTML(s).Build() }},
		{"markup.Text", pages, func(s string) { markup.Text(s) }},
		{"markup.Embed", pages, func(s string) { _, _ = markup.Embed(s, fstest.MapFS{}) }},
		{"eml of a header section", lines, mail("", lines)},
		{"eml of addresses", addresses, mail("From: a@x.example\r\nTo: ", addresses)},
		{"eml of words", words, mail("From: a@x.example\r\nSubject: ", words)},
		{"eml of a type", parameters, mail("From: a@x.example\r\nContent-Type: text/plain; ", parameters)},
		{"eml of a text", bodies, mail("From: a@x.example\r\n\r\n", bodies)},
		{"eml of HTML", bodies, mail("From: a@x.example\r\nContent-Type: text/html\r\n\r\n", bodies)},
		{"eml of parts", bodies, mail("From: a@x.example\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n--b\r\n", bodies)},
		{"eml of quoted-printable", `= =3D =20 =zz SP TAB CRLF LF a é =`, mail("From: a@x.example\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", bodies)},
		{"eml of base64", `YQ== = YWJj - _ SP CRLF ! a`, mail("From: a@x.example\r\nContent-Transfer-Encoding: base64\r\n\r\n", bodies)},
		{"mailtest.Parse", lines, func(s string) { mailtest.Parse([]byte(s)).Links() }},
		{"mailtest.ShowsItsParts", `a`, func(s string) { mailtest.ShowsItsParts().Mismatch(manyImages(len(s))) }},
		{"mailtest.Parse of parts", bodies, func(s string) {
			mailtest.Parse([]byte("Content-Type: multipart/mixed;boundary=b\r\n\r\n--b\r\n" + s)).Links()
		}},
		{"response.Read", `250 250- SP a CRLF LF 550 5.1.1 - é NUL`, func(s string) { readReplies(s) }},
		{"extension.Parse", `SIZE AUTH PLAIN = SP 1 LIMITS RCPTMAX=1 a - DSN`, func(s string) { _, _ = extension.Parse(append([]string{"mx"}, strings.Split(s, "=")...)) }},
		{"extension.ParseHelloName", `a . - [ ] : 1 IPv6: é xn-- %`, func(s string) { _, _ = extension.ParseHelloName(s) }},
		{"authentication.Redact", `a aa b ab secret SP = c2Vj é`, func(s string) { authentication.Redact(s, "aaaaaaaab", "secret-secret", strings.Repeat("ab", 100)) }},
		{"authentication.Redact of a long secret", `a aa b ab SP`, func(s string) { authentication.Redact(s[:len(s)/2], s[len(s)/2:]) }},
		{"client.ParsePin", `a = sha256: + / SP`, func(s string) { _, _ = client.ParsePin(s) }},
		{"depeche.ParseURL", `smtps:// a : @ / ? = & % %41 failover( ) SP [ ] # ,`, func(s string) { _, _ = depeche.ParseURL(s); _, _ = depeche.ParseURL("failover(" + s + ")") }},
		{"keys.Parse", `a = & % %41 + ; pool`, func(s string) { _, _ = keys.Parse(s, []string{"pool", "a"}) }},
		{"xtext.Decode", `a + +41 = = é +zz`, func(s string) { _, _ = xtext.Decode(s) }},
		{"printable.Text", `a é NUL TAB`, func(s string) { printable.Text(s) }},
		{"dkim.ParseRecord", `v=DKIM1 ; p= k=rsa SP = a YQ== , CRLF :`, func(s string) { _, _ = dkim.ParseRecord(s) }},
		{"dkim.ParseKey", `-----BEGIN SP PRIVATE KEY----- LF YQ== = -----END`, func(s string) { _, _ = dkim.ParseKey([]byte(s)) }},
		{"dkim.Verify", `DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=a; h=from b= bh= ; : SP CRLF TAB From: a`, verify},
		{"file.Open of an mbox", `From SP a@x.example Mon Jan 1 00:00:00 2024 LF CRLF > : a Subject:`, func(s string) { readMbox(t, filepath.Join(dir, "box"), s) }},
		{"transport.NormalizeNewlines", `a CRLF LF`, func(s string) { transport.NormalizeNewlines([]byte(s)) }},
	}
	for _, name := range []string{"utf-8", "utf-7", "iso-2022-kr", "iso-2022-jp", "gb18030", "shift_jis", "utf-16", "hz-gb-2312", "x-unknown"} {
		alphabet := "a + - AOk 2Dzf \x1b$B \x1b(B \x1b$)C \x0e \x0f >H \x81 \xff \xa4\xa2 ~{ ~} NUL é SP LF"
		list = append(list, parser{"charset.Decode " + name, alphabet, func(s string) { _, _ = charset.Decode(name, []byte(s)) }})
	}
	return list
}

// readAll reads a mail in each way.
func readAll(text string) {
	m, err := eml.Parse(strings.NewReader(text))
	if err != nil {
		return
	}
	_, _ = m.Content()
	_, _ = m.To()
	_, _ = m.From()
	m.Envelope()
	m.References()
	me, err := message.ParseMailbox("me@x.example")
	if err != nil {
		panic(err)
	}
	_, _ = m.Quoted(nil)
	if reply, err := m.ReplyAll(me).Build(); err == nil {
		_, _ = reply.WriteTo(io.Discard)
	}
	if forward, err := m.Forward(me).Build(); err == nil {
		_, _ = forward.WriteTo(io.Discard)
	}
	_, _ = m.WriteTo(io.Discard)
}

func readReplies(text string) {
	r := bufio.NewReader(strings.NewReader(text))
	for {
		if _, err := response.Read(r); err != nil {
			return
		}
	}
}

// manyImages is a mail of about a size whose HTML names an image each ten octets.
func manyImages(size int) *mailtest.Mail {
	var source strings.Builder
	source.WriteString("Content-Type: text/html\r\n\r\n")
	for n := 0; source.Len() < size; n++ {
		source.WriteString("url(cid:" + strconv.Itoa(n) + ")")
	}
	return mailtest.NewMail("1", envelope.Envelope{}, source.String(), time.Time{})
}

// text is a message for the verifier.
type text string

func (s text) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, string(s))
	return int64(n), err
}

func verify(s string) {
	v := &dkim.Verifier{LookupTXT: func(context.Context, string) ([]string, error) {
		return []string{"v=DKIM1; p=" + base64.StdEncoding.EncodeToString([]byte("no key"))}, nil
	}}
	_, _ = v.Verify(context.Background(), text("DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=a; h=from; "+s+"\r\nFrom: a@x.example\r\n\r\nbody\r\n"))
	_, _ = v.Verify(context.Background(), text(s+"\r\n\r\n"+s))
}

func readMbox(t *testing.T, path, text string) {
	if err := os.WriteFile(path, []byte("From a@x.example Mon Jan  1 00:00:00 2024\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := file.Open(path)
	if err != nil {
		return
	}
	for stored, err := range store.All() {
		if err != nil {
			if errors.As(err, new(*file.UnsureError)) {
				return
			}
			continue
		}
		_, _ = stored.WriteTo(io.Discard)
	}
}
