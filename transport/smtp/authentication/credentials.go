package authentication

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Credentials are a user name and a password. They print as the user name with the password masked,
// also with %+v, %#v, in JSON and in slog.
type Credentials struct {
	user string
	// A pointer, because fmt prints unexported fields of a caller's struct by reflection, without
	// asking Format, and stops at pointers there.
	password *string
}

// Password returns the credentials of a user and a password.
func Password(user, password string) (Credentials, error) {
	switch {
	case user == "":
		return Credentials{}, errors.New("credentials without a user name")
	case password == "":
		return Credentials{}, errors.New("credentials without a password")
	case strings.Contains(user, "\x00") || strings.Contains(password, "\x00"):
		return Credentials{}, errors.New("NUL in credentials (RFC 4616 section 2)")
	}
	return Credentials{user, &password}, nil
}

// IsZero reports whether c holds nothing.
func (c Credentials) IsZero() bool { return c == Credentials{} }

// User returns the user name.
func (c Credentials) User() string { return c.user }

const mask = "***"

// String returns the user name and a mask.
func (c Credentials) String() string { return c.user + ":" + mask }

// Format writes what String returns, for every verb and flag.
func (c Credentials) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, c.String()) // fmt reports errors of its writer itself
}

// LogValue returns what String returns.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText returns what String returns.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Mask returns text with the password replaced, as it is and in base64: for what a server said, which
// may be an echo.
func (c Credentials) Mask(text string) string {
	if c.password == nil {
		return text
	}
	text = strings.ReplaceAll(text, *c.password, mask)
	return strings.ReplaceAll(text, base64.StdEncoding.EncodeToString([]byte(*c.password)), mask)
}
