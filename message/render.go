package message

import (
	"bytes"
	"io"
	"mime/quotedprintable"
	"strings"

	"github.com/depeche-mail/depeche/internal/octets"
)

// renderer turns a body tree into segments: octets that are ready, and sources that are encoded
// each time the message is written.
type renderer struct {
	random   io.Reader
	ready    []byte
	segments []segment
	err      error
}

// segment is a stretch of a message: ready octets, or a source to be written as base64.
type segment struct {
	ready  []byte
	source *source
}

func (s segment) size() int64 {
	if s.source == nil {
		return int64(len(s.ready))
	}
	return base64Size(s.source.size)
}

func (r *renderer) literal(p []byte) { r.ready = append(r.ready, p...) }

func (r *renderer) finish() []segment {
	if len(r.ready) > 0 {
		r.segments = append(r.segments, segment{ready: r.ready})
		r.ready = nil
	}
	return r.segments
}

// entity writes the Content-* fields of e, an empty line and its content.
func (r *renderer) entity(e entity) {
	switch {
	case e.text != nil:
		r.text(e.media, *e.text)
	case e.part != nil:
		r.literal(partHeader(*e.part))
		r.finish()
		r.segments = append(r.segments, segment{source: &e.part.source})
	default:
		r.multipart(e)
	}
}

// multipart writes the children between delimiter lines (RFC 2046 section 5.1.1). The boundary can't
// occur in base64 or quoted-printable, because neither can hold "=_".
func (r *renderer) multipart(e entity) {
	token, err := randomToken(r.random)
	if err != nil {
		r.err = err
		return
	}
	boundary := "=_" + token
	r.ready = appendField(r.ready, "Content-Type", paramWords(e.media+`; boundary="`+boundary+`"`)...)
	for _, child := range e.children {
		r.literal([]byte("\r\n--" + boundary + "\r\n"))
		r.entity(child)
	}
	r.literal([]byte("\r\n--" + boundary + "--\r\n"))
}

// text writes a text as it is if every server can carry it, else as quoted-printable.
func (r *renderer) text(media, text string) {
	r.ready = appendField(r.ready, "Content-Type", paramWords(media)...)
	if is7Bit(text) {
		r.ready = appendField(r.ready, "Content-Transfer-Encoding", "7bit")
		r.literal([]byte("\r\n" + text))
		return
	}
	r.ready = appendField(r.ready, "Content-Transfer-Encoding", "quoted-printable")
	var b bytes.Buffer
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		r.err = err
	}
	if err := w.Close(); err != nil {
		r.err = err
	}
	r.literal(b.Bytes())
}

func needs8Bit(text string) bool {
	var s octets.Scanner
	_, _ = io.WriteString(&s, text) // a Scanner never fails
	return s.Facts().EightBit
}

// is7Bit reports whether text survives without encoding (RFC 2045 section 2.7): ASCII, short lines,
// nothing a relay might change.
func is7Bit(text string) bool {
	if needs8Bit(text) || strings.ContainsAny(text, "\x00") || strings.Contains(text, "=_") {
		return false
	}
	for line := range strings.SplitSeq(text, "\r\n") {
		if len(line) > lineLimit || strings.HasPrefix(line, "From ") || strings.HasSuffix(line, " ") || strings.HasSuffix(line, "\t") {
			return false
		}
	}
	return true
}
