package message

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/bodyscan"
)

// Message is a complete message and its envelope. It is immutable and safe for concurrent use. It
// is a transport.Mail. A nil Message, which Build returns beside an error, is a mail that no transport sends; a key can be
// given to it (transport.WithKey), so that a result without a mail still says which piece of work it is of. Its methods return
// zero values, and an error where they can.
type Message struct {
	envelope envelope.Envelope
	id       string
	refs     *[]string  // nil without any
	only     [1]segment // of most messages
	several  segments   // instead
	size     int64
	givenID  bool // by the caller
	utf8     bool // an octet above 127 in the header section
	eightBit bool // one anywhere
	binary   bool // a part is written as it is, whatever its octets are
}

// Messages with room for a few octets, which fill what the allocator has for their size: one of a short header section
// and little text needs no further memory for them.
type (
	tiny struct {
		Message
		octets [264]byte
	}
	short struct {
		Message
		octets [296]byte
	}
	medium struct {
		Message
		octets [352]byte
	}
	long struct {
		Message
		octets [480]byte
	}
)

// newMessage returns a message and a copy of octets, which belongs to it.
func newMessage(octets []byte) (*Message, []byte) {
	switch n := len(octets); {
	case n <= len(tiny{}.octets):
		m := new(tiny)
		return &m.Message, append(m.octets[:0], octets...)
	case n <= len(short{}.octets):
		m := new(short)
		return &m.Message, append(m.octets[:0], octets...)
	case n <= len(medium{}.octets):
		m := new(medium)
		return &m.Message, append(m.octets[:0], octets...)
	case n <= len(long{}.octets):
		m := new(long)
		return &m.Message, append(m.octets[:0], octets...)
	}
	return new(Message), slices.Clone(octets)
}

// segments returns the whole message.
func (m *Message) segments() segments {
	if m.several != nil {
		return m.several
	}
	return m.only[:]
}

// errNil is the error of a nil Message.
var errNil = errors.New("message: the Message is nil: Build returned an error, which was not looked at")

// Envelope returns who sends and who receives.
func (m *Message) Envelope() envelope.Envelope {
	if m == nil {
		return envelope.Envelope{}
	}
	return m.envelope
}

// EnvelopeError is the error of a nil Message, and nil for every other.
func (m *Message) EnvelopeError() error {
	if m == nil {
		return errNil
	}
	return nil
}

// MessageID returns the Message-ID with its angle brackets; "" after [Builder.WithoutMessageID].
func (m *Message) MessageID() string {
	if m == nil {
		return ""
	}
	return m.id
}

// MessageIDGiven reports whether [Builder.MessageID] set the Message-ID; otherwise it is random.
func (m *Message) MessageIDGiven() bool { return m != nil && m.givenID }

// String returns the Message-ID, the envelope and the size, for logs. The octets are in Bytes.
func (m *Message) String() string {
	if m == nil {
		return "<nil>"
	}
	return fmt.Sprintf("%s (%s, %d octets)", m.id, m.envelope, m.size)
}

// References returns the Message-IDs of the References field, with angle brackets.
func (m *Message) References() []string {
	if m == nil || m.refs == nil {
		return nil
	}
	return slices.Clone(*m.refs)
}

// Size returns the number of octets that WriteTo writes.
func (m *Message) Size() int64 {
	if m == nil {
		return 0
	}
	return m.size
}

// BodyInfo says what a server must be able to take. An octet above 127 is in the message only where
// [Builder.EightBit], [Builder.Internationalized], an attached message or an address with a UTF-8 local part put one. Only
// servers with BINARYMIME take a message that has a part in the encoding [Binary].
func (m *Message) BodyInfo() (bodyscan.Info, bool) {
	if m == nil {
		return bodyscan.Info{}, false
	}
	return bodyscan.Info{Size: m.size, EightBit: m.eightBit, EightBitHeader: m.utf8, Binary: m.binary}, true
}

// WriteTo writes the message. Every call writes the same octets; files are read anew, and one that
// changed its size since Build is an error.
func (m *Message) WriteTo(w io.Writer) (int64, error) {
	if m == nil {
		return 0, errNil
	}
	return m.segments().WriteTo(w)
}

// Bytes returns the whole message. The slice is a copy.
func (m *Message) Bytes() ([]byte, error) {
	if m == nil {
		return nil, errNil
	}
	if octets, ok := m.segments().ready(); ok {
		return slices.Clone(octets), nil
	}
	return flatten(m.segments())
}
