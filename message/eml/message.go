package eml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/bodyscan"
	"github.com/depeche-mail/depeche/internal/mimeread"
)

// Fault is something in a mail that is not as a standard says, and what the reader made of it.
type Fault = mimeread.Fault

// Options bound what is read of a mail that a stranger controls. Zero fields mean the defaults. The time that
// reading takes is linear in the size of the mail, whatever is in it.
type Options struct {
	MaxSize   int64 // octets of the whole mail that Parse keeps in memory; default: no limit
	MaxHeader int   // octets of a header section; default 64 MiB
	MaxDepth  int   // multiparts within each other; default 100
	MaxParts  int   // multiparts and leaves together; default 10,000
	MaxText   int   // decoded octets of all texts together; default 64 MiB
}

func (o Options) limits() mimeread.Limits {
	return mimeread.Limits{Depth: o.MaxDepth, Parts: o.MaxParts, Header: o.MaxHeader, Text: o.MaxText}.WithDefaults()
}

// ErrNoField is the error of input that has no header field, so that it is not a message.
var ErrNoField = errors.New("eml: no header field")

// LimitError says that a mail is larger than a limit of [Options].
type LimitError struct {
	Option string // the field of Options, such as "MaxHeader"
	Limit  int64  // in octets
}

// Error names the option and its limit.
func (e *LimitError) Error() string {
	return fmt.Sprintf("eml: the mail is over the limit %s of %d octets", e.Option, e.Limit)
}

// Message is a mail that was read. It is immutable and safe for concurrent use, and it is a transport.Mail.
type Message struct {
	src     io.ReaderAt
	size    int64 // of src
	body    int64 // where the body begins in src
	section *mimeread.Section
	options Options

	keepBcc bool
	crlf    bool

	envelope    envelope.Envelope
	envelopeErr error // why it is the zero Envelope
	info        func() (bodyscan.Info, error)
}

// Parse reads a mail to its end, whatever its line ends are, and keeps it in memory: limit r, or use
// [ParseWithOptions], where a stranger controls it. For large files see [Open].
func Parse(r io.Reader) (*Message, error) { return ParseWithOptions(r, Options{}) }

// ParseWithOptions is [Parse] with limits. A mail over MaxSize or MaxHeader is a [*LimitError].
func ParseWithOptions(r io.Reader, options Options) (*Message, error) {
	if options.MaxSize > 0 {
		r = io.LimitReader(r, options.MaxSize+1)
	}
	data, err := io.ReadAll(r)
	switch {
	case err != nil:
		return nil, fmt.Errorf("eml: %w", err)
	case options.MaxSize > 0 && int64(len(data)) > options.MaxSize:
		return nil, &LimitError{"MaxSize", options.MaxSize}
	}
	return Open(bytes.NewReader(data), int64(len(data)), options)
}

// Open reads the header section of a mail of a size, such as an *os.File, and leaves the rest where it is: bodies and
// attachments of any size take constant memory. src must not change, and must stay readable for as long
// as the Message, its parts, and messages built of them are used.
func Open(src io.ReaderAt, size int64, options Options) (*Message, error) {
	section, err := readHead(src, size, int64(options.limits().Header))
	if err != nil {
		return nil, err
	}
	if len(section.Fields) == 0 {
		return nil, ErrNoField
	}
	m := &Message{src: src, size: size, body: int64(section.Body), section: section, options: options}
	m.envelope, m.envelopeErr = section.Envelope()
	return m.derived(), nil
}

// readHead reads as much of src as the header section takes.
func readHead(src io.ReaderAt, size, limit int64) (*mimeread.Section, error) {
	for length := int64(64 << 10); ; length *= 4 {
		length = min(length, size)
		head := make([]byte, length)
		if n, err := src.ReadAt(head, 0); err != nil && (!errors.Is(err, io.EOF) || int64(n) < length) {
			return nil, fmt.Errorf("eml: %w", err)
		}
		section := mimeread.ReadSection(head)
		// A section that ends short of what was read ends there. Without an empty line, what follows may
		// belong to it still.
		end := int64(section.Body)
		ended := length == size || end < length && (!section.NoSeparator || length >= limit)
		switch {
		case end > limit, !ended && length >= limit:
			return nil, &LimitError{"MaxHeader", limit}
		case ended:
			return section, nil
		}
	}
}

// derived returns m after a change, with what follows from it.
func (m *Message) derived() *Message {
	m.info = sync.OnceValues(func() (bodyscan.Info, error) {
		var s bodyscan.Scanner
		_, err := m.WriteTo(&s)
		return s.Info(), err
	})
	return m
}

// with returns a changed copy.
func (m *Message) with(change func(*Message)) *Message {
	other := *m
	change(&other)
	return other.derived()
}

// Envelope returns the envelope that the header fields say: that of the topmost Resent block if there
// is one (RFC 5322 section 3.6.6); Sender or else the first From, and the null path without either; To, Cc and Bcc without
// duplicates.
// It is the zero Envelope, which no transport takes, when EnvelopeError is not nil.
func (m *Message) Envelope() envelope.Envelope { return m.envelope }

// EnvelopeError returns why the envelope is the zero Envelope: an element of the fields that decide can't be read
// for certain, each a [*envelope.FieldError] that names it, or they name no sender or no recipient. It is
// nil when the envelope can be used. Transports wrap it.
func (m *Message) EnvelopeError() error { return m.envelopeErr }

// WithEnvelope returns the mail with another envelope.
func (m *Message) WithEnvelope(env envelope.Envelope) *Message {
	return m.with(func(m *Message) { m.envelope, m.envelopeErr = env, nil })
}

// KeepBcc returns the mail with its Bcc and Resent-Bcc fields written, for drafts, and for programs that
// take the recipients from the message, such as sendmail -t. All who receive it can read them.
func (m *Message) KeepBcc() *Message { return m.with(func(m *Message) { m.keepBcc = true }) }

// WithCRLF returns the mail with CRLF line ends, which SMTP demands; files often have others.
func (m *Message) WithCRLF() *Message { return m.with(func(m *Message) { m.crlf = true }) }

// Faults returns what was skipped or repaired in the header section. What is wrong with the body is in
// [Content], and what is wrong with addresses in the errors of To and the like.
func (m *Message) Faults() []Fault { return append([]Fault(nil), m.section.Faults...) }

// String returns the Message-ID, the envelope and the size, for logs. The octets are in Bytes.
func (m *Message) String() string {
	return fmt.Sprintf("%s (%s, %d octets)", m.MessageID(), m.envelope, m.Size())
}
