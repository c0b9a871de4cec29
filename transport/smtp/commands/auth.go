package commands

import "encoding/base64"

// Auth starts an authentication exchange (RFC 4954 section 4).
type Auth struct {
	Mechanism string
	// Initial is the initial response; nil sends none, an empty one is sent as "=".
	Initial []byte
}

// Verb returns AUTH.
func (Auth) Verb() string { return "AUTH" }

// AppendTo appends the line.
func (c Auth) AppendTo(dst []byte) ([]byte, error) {
	start := len(dst)
	dst = append(append(dst, "AUTH "...), c.Mechanism...)
	switch {
	case c.Initial == nil:
	case len(c.Initial) == 0:
		dst = append(dst, " ="...)
	default:
		dst = base64.StdEncoding.AppendEncode(append(dst, ' '), c.Initial)
	}
	return finish(c.Verb(), dst, start, false)
}

// AuthResponse answers a challenge of the server.
type AuthResponse struct{ Response []byte }

// Verb returns AUTH.
func (AuthResponse) Verb() string { return "AUTH" }

// AppendTo appends the line.
func (c AuthResponse) AppendTo(dst []byte) ([]byte, error) {
	return append(base64.StdEncoding.AppendEncode(dst, c.Response), '\r', '\n'), nil
}

// AuthCancel ends an exchange from the client's side (RFC 4954 section 4).
type AuthCancel struct{}

// Verb returns AUTH.
func (AuthCancel) Verb() string { return "AUTH" }

// AppendTo appends the line.
func (AuthCancel) AppendTo(dst []byte) ([]byte, error) { return simple("*", dst) }
