package smtptest_test

import (
	"bytes"
	"net/mail"
	"strconv"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// FuzzReadPath holds that a path which was taken is the text between its brackets, and that the
// grammar of net/mail takes no mailbox that we refuse.
func FuzzReadPath(f *testing.F) {
	for _, seed := range []string{
		"<>", "<a@b> SIZE=1", `<"a>b \" c"@d>`, "<@r1,@r2:a@b>", "<a@b", "<a b@c>", "a@b", "<a@b>X", "<a@[IPv6:::1]> A B=C",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path, err := smtptest.ReadPath(text)
		if err == nil && !strings.Contains(text, path.Address+">") {
			t.Errorf("%q gave %q", text, path.Address)
		}
		for keyword, value := range path.Params {
			if err == nil && (keyword == "" || strings.ContainsAny(keyword+value, " \r\n")) {
				t.Errorf("%q gave the parameter %q=%q", text, keyword, value)
			}
		}
		if known, mailErr := mail.ParseAddress(text); mailErr == nil && err != nil && text == known.String() {
			t.Errorf("%q was refused: %v", text, err)
		}
	})
}

// FuzzContent sends a content by DATA, stuffed by two lines that share nothing with the server, and by
// BDAT in two chunks: both must arrive as they were, whatever the pieces on the wire.
func FuzzContent(f *testing.F) {
	for _, seed := range []string{"", ".", "..", "a\r\n.\r\nb", "\r.\r\n.\r.", "\n.\n", ".\r\n.\r\n", "\x00\r\r\n"} {
		f.Add([]byte(seed), uint8(3))
	}
	f.Fuzz(func(t *testing.T, content []byte, cut uint8) {
		srv := plaintext(t, nil)
		r := dial(t, srv)
		r.want("220")
		write := func(octets []byte) {
			if _, err := r.conn.Write(octets); err != nil {
				t.Fatal(err)
			}
		}
		r.send("EHLO x\n")
		r.want("250")
		r.send("MAIL FROM:<>\nRCPT TO:<a@b>\nDATA\n")
		r.want("250", "250", "354")
		lines := append(bytes.Clone(content), "\r\n"...)
		stuffed := bytes.ReplaceAll(append([]byte("\r\n"), lines...), []byte("\r\n."), []byte("\r\n.."))[2:]
		n := int(cut) % (len(stuffed) + 1)
		write(stuffed[:n])
		write(append(stuffed[n:], ".\r\n"...))
		r.want("250")
		n = int(cut) % (len(lines) + 1)
		r.send("MAIL FROM:<>\nRCPT TO:<a@b>\n")
		r.want("250", "250")
		write([]byte("BDAT " + strconv.Itoa(n) + "\r\n"))
		write(lines[:n])
		write([]byte("BDAT " + strconv.Itoa(len(lines)-n) + " LAST\r\n"))
		write(lines[n:])
		r.want("250", "250")
		for _, m := range srv.Messages() {
			if !bytes.Equal(m.Content, lines) {
				t.Errorf("%d chunks: got %q, want %q", m.Chunks, m.Content, lines)
			}
		}
	})
}
