package authentication

import (
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

const mask = "***"

// String returns the user name and a mask.
func (c Credentials) String() string {
	if c.IsZero() {
		return mask
	}
	return c.account.user + ":" + mask
}

// Format writes what String returns, for every verb and flag.
func (c Credentials) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, c.String()) // fmt reports errors of its writer itself
}

// LogValue returns what String returns.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText returns what String returns.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Mask returns text with the secret replaced, as it is and in base64: for what a server said, which may
// be an echo. Credentials with a source must be resolved first.
func (c Credentials) Mask(text string) string {
	if c.IsZero() || c.account.hidden == nil {
		return text
	}
	secret := *c.account.hidden
	text = strings.ReplaceAll(text, secret, mask)
	return strings.ReplaceAll(text, base64.StdEncoding.EncodeToString([]byte(secret)), mask)
}
