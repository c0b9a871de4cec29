package commands

import (
	"fmt"
	"io"
	"log/slog"
)

// secret stands for a response of a login wherever one is printed.
const secret = "***"

// text is the command without its response.
func (c Auth) text() string {
	mechanism := "?"
	if isMechanism(c.Mechanism) {
		mechanism = c.Mechanism
	}
	if len(c.Initial) == 0 {
		return "AUTH " + mechanism
	}
	return "AUTH " + mechanism + " " + secret
}

// Format prints the mechanism, and three asterisks for the initial response, whatever the verb.
func (c Auth) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.text()) }

// LogValue is what Format prints.
func (c Auth) LogValue() slog.Value { return slog.StringValue(c.text()) }

// MarshalText returns what Format prints.
func (c Auth) MarshalText() ([]byte, error) { return []byte(c.text()), nil }

// Format prints three asterisks, whatever the verb.
func (AuthResponse) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secret) }

// LogValue is what Format prints.
func (AuthResponse) LogValue() slog.Value { return slog.StringValue(secret) }

// MarshalText returns what Format prints.
func (AuthResponse) MarshalText() ([]byte, error) { return []byte(secret), nil }
