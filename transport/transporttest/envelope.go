package transporttest

import (
	"errors"
	"slices"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// unaddressed is a mail whose header fields give no envelope.
type unaddressed struct {
	transport.Mail
	reason error
}

func (u unaddressed) EnvelopeError() error { return u.reason }

func testEnvelopeError(t *testing.T, h Harness) {
	tr := newTransport(t, h)
	reason := errors.New("transporttest: To can't be read")
	mail := unaddressed{transport.Raw(envelope.Envelope{}, []byte(content)), reason}
	check := func(result *transport.Result, err error) {
		t.Helper()
		wantNotSent(t, result, err, reason)
		var failed *transport.SendError
		if errors.As(err, &failed) && failed.Phase != transport.PhaseMessage {
			t.Errorf("phase %s, want %s", failed.Phase, transport.PhaseMessage)
		}
	}
	check(tr.Send(t.Context(), mail))
	for sent, err := range transport.SendAll(t.Context(), tr, slices.Values([]transport.Mail{mail})) {
		check(sent.Result, err)
	}
	wantReceived(t, h)
	env := newEnvelope(t, "a@example.org", "b@example.org")
	decided := transport.WithEnvelope(mail, env)
	result, err := tr.Send(t.Context(), decided)
	wantAccepted(t, env, result, err)
	wantReceived(t, h, Received{"a@example.org", []string{"b@example.org"}, []byte(content)})
}
