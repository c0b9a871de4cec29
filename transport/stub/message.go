package stub

import (
	"bytes"
	"net/mail"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// Message is one message that the stub took, or may have taken.
type Message struct {
	Envelope  envelope.Envelope // as it was offered; Result says who was accepted
	MessageID string            // with its angle brackets, "" when the mail did not know
	Data      []byte            // the exact octets of the message
	Time      time.Time         // when Send had read the whole message
	Call      int               // the number of the call, from 0 in the order in which Send was called
}

// Parse reads the message as net/mail does.
func (m Message) Parse() (*mail.Message, error) { return mail.ReadMessage(bytes.NewReader(m.Data)) }

// Call is one call of Send, whatever became of it.
type Call struct {
	Envelope   envelope.Envelope
	MessageID  string            // with its angle brackets, "" when the mail did not know
	Data       []byte            // the octets, nil when the attempt ended before the whole message had left
	Begin, End time.Time         // when Send was called, and when it knew the end
	Result     *transport.Result // what was returned; nil while the call goes on
	read       time.Time         // when the whole message had been read
}

// taken reports whether the message arrived, for all that a relay knows.
func (c *Call) taken() bool {
	return c.Result != nil && c.Result.Count(transport.Accepted)+c.Result.Count(transport.Unknown) > 0
}

// copied is c with nothing shared that a caller may change.
func (c *Call) copied() Call {
	out := *c
	out.Data = bytes.Clone(c.Data)
	if c.Result != nil {
		out.Result = copyResult(c.Result)
	}
	return out
}

func copyResult(r *transport.Result) *transport.Result {
	out := *r
	out.Recipients = append([]transport.RecipientResult(nil), r.Recipients...)
	return &out
}
