package transport

import (
	"bytes"
	"io"
	"strings"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/bodyscan"
)

// Raw makes a Mail of a complete message that another program composed. The octets go out as they
// are and must not change afterwards; lines must end in CRLF. A bare CR or LF could end the message
// early at some servers, so sending such a message fails before anything is said: see [NormalizeNewlines].
func Raw(env envelope.Envelope, message []byte) Mail {
	var s bodyscan.Scanner
	_, _ = s.Write(message) // a Scanner never fails
	return &raw{envelope: env, message: message, info: s.Info(), id: headerMessageID(message)}
}

// ErrNotCanonical means that a message holds a NUL, a CR without LF or an LF without CR: an octet that
// some programs take for the end of a line, and so for the end of the message. Every transport refuses
// such a message, except one whose BodyInfo says Binary. [NormalizeNewlines] repairs line ends.
var ErrNotCanonical = bodyscan.ErrNotCanonical

type raw struct {
	envelope envelope.Envelope
	message  []byte
	info     bodyscan.Info
	id       string
}

func (r *raw) Envelope() envelope.Envelope { return r.envelope }
func (r *raw) BodyInfo() (BodyInfo, bool)  { return r.info, true }
func (r *raw) MessageID() string           { return r.id }

// MessageIDGiven reports whether the octets have a Message-ID: they are the caller's.
func (r *raw) MessageIDGiven() bool { return r.id != "" }

func (r *raw) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(r.message)
	return int64(n), err
}

// NormalizeNewlines returns message with every line end, be it LF, CR or CRLF, as CRLF. It returns the same
// slice when nothing had to change. Signatures over the old octets do not survive it.
func NormalizeNewlines(message []byte) []byte {
	var s bodyscan.Scanner
	_, _ = s.Write(message) // a Scanner never fails
	if s.Info().BareNewline == 0 {
		return message
	}
	out := make([]byte, 0, len(message)+len(message)/32+2)
	for i, c := range message {
		switch {
		case c == '\r', c == '\n' && (i == 0 || message[i-1] != '\r'):
			out = append(out, '\r', '\n')
		case c != '\n':
			out = append(out, c)
		}
	}
	return out
}

// MessageID returns the Message-ID of mail with its angle brackets, or "" when mail does not know.
func MessageID(mail Mail) string {
	if m, ok := mail.(interface{ MessageID() string }); ok {
		return m.MessageID()
	}
	return ""
}

// headerMessageID finds the first Message-ID field in a header section.
func headerMessageID(message []byte) string {
	const name = "message-id:"
	for len(message) > 0 && message[0] != '\n' && !bytes.HasPrefix(message, []byte("\r\n")) {
		end := bytes.IndexByte(message, '\n') + 1
		if end == 0 {
			end = len(message)
		}
		line, rest := message[:end], message[end:]
		if len(line) > len(name) && line[0]|0x20 == name[0] && strings.EqualFold(string(line[:len(name)]), name) {
			for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') { // folded (RFC 5322 section 2.2.3)
				_, after, _ := bytes.Cut(rest, []byte("\n"))
				line, rest = message[:len(message)-len(after)], after
			}
			id := bytes.TrimSpace(line[len(name):])
			if bytes.ContainsAny(id, " \t\r\n") {
				return string(bytes.Join(bytes.Fields(id), nil))
			}
			return string(id)
		}
		message = rest
	}
	return ""
}
