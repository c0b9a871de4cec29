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

// Mask returns text with the secret replaced, as it is and in base64, whole or in part: for what a
// server said, which may be an echo. Credentials with a source must be resolved first.
func (c Credentials) Mask(text string) string {
	if c.IsZero() || c.account.hidden == nil {
		return text
	}
	secret := *c.account.hidden
	return Redact(text, secret, base64.StdEncoding.EncodeToString([]byte(secret)))
}

// Redact returns text with the secrets replaced, and with what is left of them where a server has
// shortened its echo: runs of at least eight octets. What text shows of control characters is "?".
func Redact(text string, secrets ...string) string {
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		text = strings.ReplaceAll(text, secret, mask)
		shown := strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return '?'
			}
			return r
		}, secret)
		if shown != secret {
			text = strings.ReplaceAll(text, shown, mask)
		}
		text = redactRuns(text, shown)
	}
	return text
}

// redactRuns replaces what text and a secret have in common, from a length that is more than chance.
func redactRuns(text, secret string) string {
	const shortest = 8
	var out strings.Builder
	for i := 0; i < len(text); {
		n := 0
		for next := shortest; i+next <= len(text) && strings.Contains(secret, text[i:i+next]); next++ {
			n = next
		}
		if n > 0 {
			out.WriteString(mask)
			i += n
			continue
		}
		out.WriteByte(text[i])
		i++
	}
	return out.String()
}
