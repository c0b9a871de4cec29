package file_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/depeche-mail/depeche/transport"
)

// binary is a mail that says that it may hold any octets.
type binary struct{ transport.Mail }

func (b binary) BodyInfo() (transport.BodyInfo, bool) {
	info, err := transport.InfoOf(b.Mail)
	info.Binary = true
	return info, err == nil
}

// TestOnlyLines: what other programs could take for the end of a line is refused, and nothing is left of it.
func TestOnlyLines(t *testing.T) {
	for name, layout := range layouts {
		for _, text := range []string{"Subject: x\n\n", "a\r\n\r\nb\rc\r\n", "a\r\n\r\nb\x00\r\n", "a\r\n\r\nb\r"} {
			path := filepath.Join(t.TempDir(), "box")
			tr := newTransport(t, layout, path)
			m := raw(t, "a@b.org", "c@d.org", text)
			result, err := tr.Send(t.Context(), m)
			if !errors.Is(err, transport.ErrNotCanonical) || result.Recipients[0].Outcome != transport.NotSent || len(stored(t, path)) > 0 {
				t.Errorf("%s: %q: %v", name, text, err)
			}
			_, err = tr.Send(t.Context(), binary{m})
			if (err == nil) != (name != "mbox") {
				t.Errorf("%s: binary %q: %v", name, text, err)
			}
			if err == nil && string(octets(t, stored(t, path)[0])) != text {
				t.Errorf("%s: binary %q came back as %q", name, text, octets(t, stored(t, path)[0]))
			}
		}
	}
}
