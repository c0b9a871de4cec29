package smtp

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Secret is a password or a token of a [Config]. It prints as *** in every form, also in JSON, YAML and slog, and is
// read from plain text. The zero Secret stands for no secret. It is immutable.
type Secret struct {
	text *string // a pointer, so that fmt does not find it in a caller's struct
}

// NewSecret returns the Secret of a text; the zero Secret for "".
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.text == nil }

// Reveal returns the text.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Equal reports whether both are the same text.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

// String returns ***, or "" for the zero Secret.
func (s Secret) String() string {
	if s.text == nil {
		return ""
	}
	return masked
}

// Format writes what String returns, for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, s.String()) // fmt reports errors of its writer itself
}

// LogValue returns what String returns.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns what String returns: what was printed holds no secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

var errMasked = errors.New("*** stands for a secret that was not printed: write the secret itself, or name the file that holds it")

// UnmarshalText reads a secret. The text *** is an error, for it is what a printed Config has in place of one.
func (s *Secret) UnmarshalText(text []byte) error {
	if string(text) == masked {
		return errMasked
	}
	*s = NewSecret(string(text))
	return nil
}
