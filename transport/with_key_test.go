package transport_test

import (
	"bytes"
	"testing"

	"github.com/depeche-mail/depeche/transport"
)

// TestWithKey holds that key and fingerprint stay with a mail through every other change of it.
func TestWithKey(t *testing.T) {
	original := mail(t, "x@example.org", "y@example.org")
	other := env(t, "z@example.org")
	for name, m := range map[string]transport.Mail{
		"key first":      transport.WithEnvelope(transport.WithFingerprint(transport.WithKey(original, "k"), "f"), other),
		"envelope first": transport.WithKey(transport.WithFingerprint(transport.WithEnvelope(original, other), "f"), "k"),
		"twice":          transport.WithFingerprint(transport.WithKey(transport.WithKey(transport.WithEnvelope(original, other), "old"), "k"), "f"),
	} {
		t.Run(name, func(t *testing.T) {
			if transport.KeyOf(m) != "k" || transport.FingerprintOf(m) != "f" || m.Envelope().At(0) != other.At(0) {
				t.Errorf("key %q, fingerprint %q, envelope %v", transport.KeyOf(m), transport.FingerprintOf(m), m.Envelope())
			}
			if !transport.MessageIDGiven(m) || transport.MessageID(m) != "<1@example.org>" {
				t.Errorf("Message-ID %q, given %v", transport.MessageID(m), transport.MessageIDGiven(m))
			}
			var was, is bytes.Buffer
			_, _ = original.WriteTo(&was)
			if _, err := m.WriteTo(&is); err != nil || !bytes.Equal(was.Bytes(), is.Bytes()) {
				t.Errorf("wrote %q, %v", is.Bytes(), err)
			}
		})
	}
	if transport.KeyOf(original) != "" || transport.FingerprintOf(original) != "" || transport.KeyOf(transport.WithKey(original, "")) != "" {
		t.Error("a key came from nowhere")
	}
	if transport.MessageIDGiven(unsized{original}) {
		t.Error("a mail that does not say so has a Message-ID of the caller's")
	}
	result, err := transport.Fail(transport.WithKey(original, "k"), transport.PhaseMessage, bytes.ErrTooLarge)
	if result.Key != "k" || result.MessageID != "<1@example.org>" || err == nil {
		t.Errorf("%+v, %v", result, err)
	}
}
