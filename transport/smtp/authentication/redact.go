package authentication

import (
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
	return c.ShownUser() + ":" + mask
}

// Format writes what String returns, for every verb and flag.
func (c Credentials) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, c.String()) // fmt reports errors of its writer itself
}

// LogValue returns what String returns.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText returns what String returns.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// ShownUser returns the user name for texts: "***" where it is the secret, or holds one of eight octets or more, as with
// relays whose user and password are the same token. Of credentials with a source the secret is known once they are
// resolved.
func (c Credentials) ShownUser() string {
	if c.IsZero() {
		return ""
	}
	return MaskUser(c.id.user, c.id.secret())
}

// MaskUser returns a user name for texts: "***" where it is the secret, or holds one of eight octets or more.
func MaskUser(user, secret string) string {
	if user != "" && user == secret || len(secret) >= runLength && strings.Contains(user, secret) {
		return mask
	}
	return user
}

// Mask returns text with the secret replaced, as it is and in base64, whole or in part: for what a
// server said, which may be an echo. Credentials with a source must be resolved first.
func (c Credentials) Mask(text string) string {
	if c.IsZero() || c.id.hidden == nil {
		return text
	}
	m := newMatcher()
	m.secret(c.id.secret())
	return m.mask(text)
}

// Redact returns text with the secrets replaced, as they are and as replies show them, and with what is left of them
// where a server has shortened its echo: runs of at least eight octets. Its work grows with text and secrets and not with
// their product.
func Redact(text string, secrets ...string) string {
	m := newMatcher()
	for _, secret := range secrets {
		if secret != "" {
			m.text(secret)
		}
	}
	return m.mask(text)
}

// secretFields returns the fields of an answer of a mechanism without the names that are not secret. A name that is a
// field twice may be the secret too.
func secretFields(answer string, names []string) (list []string) {
	separator := func(r rune) bool { return r <= '\x01' }
	times := map[string]int{}
	for _, field := range strings.FieldsFunc(answer, separator) {
		times[field]++
	}
	for _, name := range names {
		if name != "" && times[name] < 2 {
			answer = strings.ReplaceAll(answer, name, "\x00")
		}
	}
	for _, field := range strings.FieldsFunc(answer, separator) {
		if len(field) >= shortestField {
			list = append(list, field)
		}
	}
	return list
}

// shortestField is from which length on a field is masked: what is shorter is more often a flag than a secret.
const shortestField = 4
