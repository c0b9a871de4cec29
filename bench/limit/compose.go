package limit

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// Header is what differs between mails.
type Header struct{ From, To, Subject string }

// append appends the fields that every mail has, with the time and a random Message-ID.
func (h Header) append(dst []byte) []byte {
	dst = append(append(append(dst, "From: "...), h.From...), "\r\nTo: "...)
	dst = append(append(append(dst, h.To...), "\r\nSubject: "...), h.Subject...)
	dst = time.Now().AppendFormat(append(dst, "\r\nDate: "...), time.RFC1123Z)
	var id [16]byte
	_, _ = rand.Read(id[:]) // it never fails
	dst = hex.AppendEncode(append(dst, "\r\nMessage-ID: <"...), id[:])
	return append(dst, "@limit.test>\r\nMIME-Version: 1.0\r\n"...)
}

// AppendText appends a mail of ASCII text whose lines end in LF.
func AppendText(dst []byte, h Header, text string) []byte {
	dst = append(h.append(dst), "Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"...)
	for text != "" {
		end := strings.IndexByte(text, '\n')
		dst = append(append(dst, text[:end]...), '\r', '\n')
		text = text[end+1:]
	}
	return dst
}

// AppendBoth appends a mail of text and HTML in UTF-8, as quoted-printable. Its subject is encoded beforehand.
func AppendBoth(dst []byte, h Header, text, html string) []byte {
	const boundary = "=_limit"
	dst = append(h.append(dst), "Content-Type: multipart/alternative; boundary=\""+boundary+"\"\r\n"...)
	for _, part := range [...]struct{ media, text string }{{"plain", text}, {"html", html}} {
		dst = append(append(append(dst, "\r\n--"+boundary+"\r\nContent-Type: text/"...), part.media...), "; charset=utf-8\r\n"...)
		dst = AppendQuoted(append(dst, "Content-Transfer-Encoding: quoted-printable\r\n\r\n"...), part.text)
	}
	return append(dst, "\r\n--"+boundary+"--\r\n"...)
}

// AppendHTML appends a mail of HTML that is quoted-printable already.
func AppendHTML(dst []byte, h Header, quoted string) []byte {
	return append(append(h.append(dst), "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"...), quoted...)
}

// AppendQuoted appends text, whose lines end in LF after no blank, as quoted-printable (RFC 2045 section 6.7).
func AppendQuoted(dst []byte, text string) []byte {
	const digits, most = "0123456789ABCDEF", 72
	column := 0
	for i := range len(text) {
		c := text[i]
		if c == '\n' {
			dst, column = append(dst, '\r', '\n'), 0
			continue
		}
		if column > most {
			dst, column = append(dst, '=', '\r', '\n'), 0
		}
		if c < 0x80 && c != '=' {
			dst = append(dst, c)
			column++
			continue
		}
		dst = append(dst, '=', digits[c>>4], digits[c&15])
		column += 3
	}
	return dst
}

// Lines of base64 (RFC 2045 section 6.8), and how many are written at once.
const (
	lineIn, lineOut = 57, 78
	linesAtOnce     = 512
)

// pairs are the two characters of each 12 bits.
var pairs = func() (table [1 << 12][2]byte) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range table {
		table[i] = [2]byte{alphabet[i>>6], alphabet[i&63]}
	}
	return table
}()

// encodeLine encodes 57 octets.
func encodeLine(out *[lineOut]byte, in *[lineIn]byte) {
	o := 0
	for i := 0; i < lineIn; i += 3 {
		x := uint(in[i])<<16 | uint(in[i+1])<<8 | uint(in[i+2])
		high, low := pairs[x>>12], pairs[x&0xfff]
		out[o], out[o+1], out[o+2], out[o+3] = high[0], high[1], low[0], low[1]
		o += 4
	}
	out[lineOut-2], out[lineOut-1] = '\r', '\n'
}

// Attachment sends mails with a file, whose size is a multiple of 57, in base64. It is read while it is sent, in one chunk
// whose size is known before.
func (c *Client) Attachment(mails int, h Header, path string) error {
	in, out := make([]byte, lineIn*linesAtOnce), make([]byte, lineOut*linesAtOnce)
	for range mails {
		if err := c.attachment(h, path, in, out); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) attachment(h Header, path string, in, out []byte) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	c.content = append(h.append(c.content[:0]), "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"...)
	c.out = append(append(c.out, c.path...), "BDAT "...)
	c.out = strconv.AppendInt(c.out, int64(len(c.content))+info.Size()/lineIn*lineOut, 10)
	c.out = append(append(c.out, " LAST\r\n"...), c.content...)
	if err := c.flush(0); err != nil {
		return err
	}
	for {
		n, err := io.ReadFull(file, in)
		lines := n / lineIn
		for i := range lines {
			encodeLine((*[lineOut]byte)(out[i*lineOut:]), (*[lineIn]byte)(in[i*lineIn:]))
		}
		if _, err := c.conn.Write(out[:lines*lineOut]); err != nil {
			return err
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return c.read(repliesOfMail)
		default:
			return err
		}
	}
}
