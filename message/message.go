package message

import (
	"bytes"
	"fmt"
	"io"

	"github.com/depeche-mail/depeche/envelope"
)

// Message is a complete message and its envelope. It is immutable and safe for concurrent use. It
// is a transport.Mail.
type Message struct {
	envelope envelope.Envelope
	id       string
	segments []segment
	utf8     bool // the header section holds an address that cannot be written in ASCII
}

// Envelope returns who sends and who receives.
func (m *Message) Envelope() envelope.Envelope { return m.envelope }

// MessageID returns the Message-ID with its angle brackets.
func (m *Message) MessageID() string { return m.id }

// Size returns the number of octets that WriteTo writes.
func (m *Message) Size() int64 {
	var size int64
	for _, s := range m.segments {
		size += s.size()
	}
	return size
}

// Needs8BitMIME reports whether an octet above 127 is in the message. Only an address with a UTF-8
// local part puts one there.
func (m *Message) Needs8BitMIME() bool { return m.utf8 }

// NeedsSMTPUTF8 reports whether an octet above 127 is in the header section.
func (m *Message) NeedsSMTPUTF8() bool { return m.utf8 }

// WriteTo writes the message. Every call writes the same octets; files are read anew, and one that
// changed its size since Build is an error.
func (m *Message) WriteTo(w io.Writer) (int64, error) {
	count := counter{w: w}
	for _, s := range m.segments {
		var err error
		if s.source == nil {
			_, err = count.Write(s.ready)
		} else {
			err = s.source.writeTo(&count)
		}
		if err != nil {
			return count.n, fmt.Errorf("message: %w", err)
		}
	}
	return count.n, nil
}

// Bytes returns the whole message.
func (m *Message) Bytes() ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(m.Size()))
	_, err := m.WriteTo(&b)
	return b.Bytes(), err
}

// counter counts the octets that pass it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
