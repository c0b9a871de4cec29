package depeche

import (
	"context"
	"iter"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
)

// Sender is what [Open] and [OpenEnv] return: a transport with all that a program usually needs of one. It is safe for
// concurrent use. Close or Shutdown give back what it holds.
type Sender struct{ transport transport.Transport }

// Send hands a mail over and says what became of each recipient; see [transport.Transport].
func (s *Sender) Send(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
	return s.transport.Send(ctx, mail)
}

// SendAll sends many mails and yields what became of each; see [transport.SendAll].
func (s *Sender) SendAll(ctx context.Context, mails iter.Seq[transport.Mail]) iter.Seq2[transport.BulkResult, error] {
	return transport.SendAll(ctx, s.transport, mails)
}

// SendRows is SendAll for mails that are made of rows, some of which can't become a mail; see [transport.SendRows].
func (s *Sender) SendRows(ctx context.Context, rows iter.Seq2[transport.Mail, error]) iter.Seq2[transport.BulkResult, error] {
	return transport.SendRows(ctx, s.transport, rows)
}

// Check finds out whether mail could be sent now, without sending any. It may connect.
func (s *Sender) Check(ctx context.Context) error { return transport.Check(ctx, s.transport) }

// Stats returns figures of the connections of a relay. ok is false for a transport without connections, and for a
// group of several.
func (s *Sender) Stats() (stats smtp.Stats, ok bool) {
	if t, isRelay := s.transport.(*smtp.Transport); isRelay {
		return t.Stats(), true
	}
	return smtp.Stats{}, false
}

// Close closes everything at once. Mail on its way ends with what is certain at that moment. It can be called after
// Shutdown, so that `defer sender.Close()` is always right.
func (s *Sender) Close() error { return transport.Close(s.transport) }

// Shutdown refuses new mail, waits for the mail on its way until ctx ends, and closes.
func (s *Sender) Shutdown(ctx context.Context) error { return transport.Shutdown(ctx, s.transport) }

// SignatureRules says what the relay does with DKIM signatures; see [transport.SignatureRules].
func (s *Sender) SignatureRules() transport.SignatureRules {
	return transport.SignatureRulesOf(s.transport)
}

// Unwrap returns the transport that the URL describes, such as a *stub.Transport in a test.
func (s *Sender) Unwrap() transport.Transport { return s.transport }
