package authentication

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Mechanism is one run of a SASL mechanism (RFC 4422) on the client's side. It is used once, by one
// goroutine.
type Mechanism interface {
	// Name is the registered name, such as "PLAIN".
	Name() string
	// ShowsPassword reports whether someone who reads the exchange can log in afterwards.
	ShowsPassword() bool
	// Start returns the initial response; nil when the server speaks first.
	Start() ([]byte, error)
	// Next answers a challenge. An error ends the exchange.
	Next(challenge []byte) ([]byte, error)
	// Done reports whether the server may now end the exchange with success. A mechanism that
	// verifies the server is not done before it has.
	Done() bool
}

// Errors of Choose.
var (
	ErrNoMechanism  = errors.New("no common authentication mechanism")
	ErrNeedsTLS     = errors.New("the common authentication mechanisms show the password and the connection has no TLS")
	ErrNotOffered   = errors.New("the server does not offer authentication on this connection")
	errUnexpected   = errors.New("challenge after the last response")
	errLoginPrompts = errors.New("more prompts than user name and password")
)

// mechanisms are tried from the strongest to the weakest.
var mechanisms = []func(Credentials) Mechanism{
	func(c Credentials) Mechanism { return &plain{credentials: c} },
	func(c Credentials) Mechanism { return &login{credentials: c} },
}

// Choose returns the strongest mechanism that the server offers and that may run on the connection.
// The names in offered are in upper case. With secure false, only mechanisms that do not show the
// password are chosen.
func Choose(c Credentials, offered []string, secure bool) (Mechanism, error) {
	if len(offered) == 0 {
		return nil, ErrNotOffered
	}
	shows := false
	for _, make := range mechanisms {
		m := make(c)
		switch {
		case !slices.Contains(offered, m.Name()):
		case m.ShowsPassword() && !secure:
			shows = true
		default:
			return m, nil
		}
	}
	if shows {
		return nil, ErrNeedsTLS
	}
	return nil, fmt.Errorf("%w: the server offers %s", ErrNoMechanism, strings.Join(offered, " "))
}
