package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/mimewire"
)

// ParsedMessage is a message that was read, such as an .eml file. It is immutable and safe for concurrent
// use, and it is a transport.Mail: WriteTo writes the octets that were read, untouched.
type ParsedMessage struct {
	octets   []byte
	fields   []span
	body     int // where it begins
	facts    mimewire.LineFacts
	envelope envelope.Envelope
	bare     bool // the header section may be empty: all of its fields were taken out
}

// span is a header field and where it lies.
type span struct {
	name       string
	value      int // where the value begins, behind the colon
	start, end int // with the line end
}

// Parse reads a message to its end, whatever its line ends are. It keeps all octets in memory: limit
// r when somebody else controls it. The header section must consist of fields; the body is looked at
// when it is asked for.
func Parse(r io.Reader) (*ParsedMessage, error) {
	octets, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("message: %w", err)
	}
	return parse(octets, false)
}

func parse(octets []byte, bare bool) (*ParsedMessage, error) {
	p := &ParsedMessage{octets: octets, bare: bare}
	if err := p.split(); err != nil {
		return nil, err
	}
	var s mimewire.LineScanner
	_, _ = s.Write(octets) // a scanner never fails
	p.facts = s.Facts()
	p.envelope = p.derive()
	return p, nil
}

// split finds the fields and the body.
func (p *ParsedMessage) split() error {
	at := 0
	for line := 1; at < len(p.octets); line++ {
		end := lineEnd(p.octets, at)
		text := bytes.TrimRight(p.octets[at:end], "\r\n")
		switch colon := bytes.IndexByte(text, ':'); {
		case len(text) == 0 && (len(p.fields) > 0 || p.bare):
			p.body = end
			return nil
		case len(text) == 0:
			return errNoField
		case text[0] == ' ' || text[0] == '\t':
			if len(p.fields) == 0 {
				return fmt.Errorf("message: line %d of the header continues nothing", line)
			}
			p.fields[len(p.fields)-1].end = end
		case colon <= 0 || !isVisibleName(bytes.TrimRight(text[:colon], " \t")):
			return fmt.Errorf("message: line %d of the header is no field", line)
		default:
			name := string(bytes.TrimRight(text[:colon], " \t"))
			p.fields = append(p.fields, span{name: name, value: at + colon + 1, start: at, end: end})
		}
		at = end
	}
	if len(p.fields) == 0 && !p.bare {
		return errNoField
	}
	p.body = len(p.octets)
	return nil
}

// lineEnd returns where the line that begins at an offset ends, with its CRLF, LF or CR: whoever gives the
// message other line ends must not find fields that were not seen here.
func lineEnd(octets []byte, at int) int {
	i := bytes.IndexAny(octets[at:], "\r\n")
	switch {
	case i < 0:
		return len(octets)
	case octets[at+i] == '\r' && at+i+1 < len(octets) && octets[at+i+1] == '\n':
		return at + i + 2
	}
	return at + i + 1
}

var errNoField = errors.New("message: no header field")

// isVisibleName reports whether name is one that RFC 5322 section 3.6.8 allows.
func isVisibleName(name []byte) bool {
	return len(name) > 0 && !bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' })
}

// Envelope returns the envelope that the header fields say: that of the topmost Resent block if there
// is one (RFC 5322 section 3.6.6); Sender or else the first From; To, Cc and Bcc without duplicates.
// It is the zero Envelope, which no transport takes, when they name no recipient.
func (p *ParsedMessage) Envelope() envelope.Envelope { return p.envelope }

// WithEnvelope returns the message with another envelope.
func (p *ParsedMessage) WithEnvelope(env envelope.Envelope) *ParsedMessage {
	other := *p
	other.envelope = env
	return &other
}

// WithoutBcc returns the message without its Bcc and Resent-Bcc fields. The envelope stays.
func (p *ParsedMessage) WithoutBcc() *ParsedMessage {
	var out []byte
	at := 0
	for _, f := range p.fields {
		if strings.EqualFold(f.name, "Bcc") || strings.EqualFold(f.name, "Resent-Bcc") {
			if out = append(out, p.octets[at:f.start]...); bytes.HasSuffix(out, []byte("\r")) {
				out = append(out, '\n') // a line that ends in CR must not run into the next one
			}
			at = f.end
		}
	}
	if at == 0 {
		return p
	}
	return p.rewritten(append(out, p.octets[at:]...))
}

// WithCRLF returns the message with CRLF line ends, which SMTP demands; files often have others.
func (p *ParsedMessage) WithCRLF() *ParsedMessage {
	if !p.facts.Bare {
		return p
	}
	return p.rewritten(mimewire.AppendCanonical(make([]byte, 0, len(p.octets)+len(p.octets)/32), mimewire.SimpleEnds(string(p.octets))))
}

// rewritten returns the message with other octets and the same envelope.
func (p *ParsedMessage) rewritten(octets []byte) *ParsedMessage {
	other, err := parse(octets, true)
	if err != nil { // what was a header section is one still; if not, nobody gets anything of it
		return &ParsedMessage{}
	}
	other.envelope = p.envelope
	return other
}

// WriteTo writes the octets that were read.
func (p *ParsedMessage) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(p.octets)
	return int64(n), err
}

// Bytes returns a copy of the octets that were read.
func (p *ParsedMessage) Bytes() []byte { return slices.Clone(p.octets) }

// String returns the Message-ID, the envelope and the size, for logs. The octets are in Bytes.
func (p *ParsedMessage) String() string {
	return fmt.Sprintf("%s (%s, %d octets)", p.MessageID(), p.envelope, len(p.octets))
}

// Size returns the number of octets.
func (p *ParsedMessage) Size() int64 { return int64(len(p.octets)) }

// Needs8BitMIME reports whether an octet above 127 is in the message.
func (p *ParsedMessage) Needs8BitMIME() bool { return p.facts.EightBit }

// NeedsSMTPUTF8 reports whether an octet above 127 is in the header section.
func (p *ParsedMessage) NeedsSMTPUTF8() bool { return p.facts.Header }

// Fields returns the names and decoded values of all header fields in order.
func (p *ParsedMessage) Fields() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, f := range p.fields {
			if !yield(f.name, decodeWords(p.raw(f))) {
				return
			}
		}
	}
}

// Header returns the decoded value of the first field of a name, in any case; "" when there is none.
func (p *ParsedMessage) Header(name string) string { return decodeWords(p.first(name)) }

// first returns the value of the first field of a name, unfolded but not decoded.
func (p *ParsedMessage) first(name string) string {
	for _, f := range p.fields {
		if strings.EqualFold(f.name, name) {
			return p.raw(f)
		}
	}
	return ""
}

// raw returns the value of a field, unfolded (RFC 5322 section 2.2.3).
func (p *ParsedMessage) raw(f span) string {
	value := string(p.octets[f.value:f.end])
	if strings.ContainsAny(value, "\r\n") {
		value = strings.NewReplacer("\r\n", "", "\n", "", "\r", "").Replace(value)
	}
	return strings.Trim(value, " \t")
}
