package mailtest

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/envelope"
)

// Mail is one mail that an Inbox took. It is immutable, safe for concurrent use, and a transport.Mail:
// it can be sent on.
type Mail struct {
	id       string
	envelope envelope.Envelope
	message  string // the exact octets
	received time.Time
	view     func() *View
	words    func() string // what a search looks through
}

// NewMail returns a mail for [Inbox.Keep]. The ID names it in its inbox and is part of URLs; message has its
// exact octets.
func NewMail(id string, env envelope.Envelope, message string, received time.Time) *Mail {
	view := sync.OnceValue(func() *View { return Parse([]byte(message)) })
	return &Mail{
		id: id, envelope: env, message: message, received: received, view: view,
		words: sync.OnceValue(func() string { return words(view()) }),
	}
}

// ID names the mail in its inbox. Those that [Inbox.Send] gives are random, and fit for a URL.
func (m *Mail) ID() string { return m.id }

// Envelope returns who sent and who received.
func (m *Mail) Envelope() envelope.Envelope { return m.envelope }

// Received returns when the inbox had the whole mail.
func (m *Mail) Received() time.Time { return m.received }

// Size returns the number of octets of the message.
func (m *Mail) Size() int64 { return int64(len(m.message)) }

// Source returns the message as it was sent, octet by octet.
func (m *Mail) Source() string { return m.message }

// WriteTo writes the message as it was sent.
func (m *Mail) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, m.message)
	return int64(n), err
}

// View returns the mail as its reader sees it. It is parsed once and shared: do not change it.
func (m *Mail) View() *View { return m.view() }

// MessageID returns the Message-ID with its angle brackets, "" without one.
func (m *Mail) MessageID() string { return m.View().Get("Message-Id") }

// String returns recipients and subject, for failures of tests.
func (m *Mail) String() string {
	const few = 5
	var to []string
	for i := range min(m.envelope.Len(), few) {
		to = append(to, m.envelope.At(i).Address.String())
	}
	if more := m.envelope.Len() - few; more > 0 {
		to = append(to, fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("%q to %s", m.View().Subject(), strings.Join(to, ", "))
}
