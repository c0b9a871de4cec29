package authentication

import (
	"strings"
	"time"
)

// Kind says in which way a login failed.
type Kind uint8

// The kinds of failures. Those that a server answers with 4yz are Unavailable; only Unavailable and
// NoSecret are worth another attempt without a change.
const (
	Rejected        Kind = iota + 1 // the server does not accept the identity or its secret
	Refused                         // the server refuses the login for another reason that lasts
	Unavailable                     // the server cannot say for now
	TooWeak                         // the server wants a stronger mechanism than all that are common
	NotOffered                      // the server does not offer authentication on this connection
	NoMechanism                     // the server offers none of the mechanisms that the credentials can use
	NeedsTLS                        // the login would show the password and there is no TLS
	Unproven                        // the server did not prove that it knows the password
	ChannelMismatch                 // the server sees another TLS connection: an attacker or a proxy is in between
	Iterations                      // SCRAM with fewer rounds than are safe, or more than are sane
	EarlySuccess                    // the server claimed success before the mechanism was done
	Endless                         // the server keeps sending challenges
	Malformed                       // a challenge that is not base64, or not in the mechanism's grammar
	Aborted                         // the client's side of the mechanism gave up
	NoSecret                        // the source of the secret failed
)

var kindTexts = map[Kind]string{
	Rejected:        "the server does not accept this user and secret",
	Refused:         "the server refuses the login",
	Unavailable:     "the server cannot check logins for now",
	TooWeak:         "the server wants a stronger mechanism than all that are common",
	NotOffered:      "the server does not offer authentication on this connection",
	NoMechanism:     "no common authentication mechanism",
	NeedsTLS:        "the login would show the password, and the connection has no TLS",
	Unproven:        "the server did not prove that it knows the password",
	ChannelMismatch: "the server sees another TLS connection than the client: an attacker or a proxy may be in between",
	Iterations:      "the server's iteration count is out of bounds",
	EarlySuccess:    "the server claimed success before the mechanism was done",
	Endless:         "the server keeps sending challenges",
	Malformed:       "the server sent a malformed challenge",
	Aborted:         "the mechanism gave up",
	NoSecret:        "the source of the secret failed",
}

// String returns what the kind means.
func (k Kind) String() string {
	if text, ok := kindTexts[k]; ok {
		return text
	}
	return "unknown kind of failure"
}

// Error says why a login failed. It holds no secret.
type Error struct {
	Kind Kind
	// Mechanism is the mechanism that was used last; "" when none was.
	Mechanism string
	// Until is set when nothing was sent, because the server has rejected the same secret before: a
	// further attempt is made after Until, or with another secret.
	Until time.Time
	// Err is the cause, such as a *[BearerError] or the error of a source; it may be nil.
	Err error
}

// Error tells the mechanism, the kind and the cause on one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Mechanism != "" {
		b.WriteString(e.Mechanism + ": ")
	}
	b.WriteString(e.Kind.String())
	if !e.Until.IsZero() {
		b.WriteString(", as it said before; not tried again before " + e.Until.UTC().Format(time.RFC3339))
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether the same login may succeed later.
func (e *Error) Temporary() bool { return e.Kind == Unavailable || e.Kind == NoSecret }

// reason is the text of a cause; it never quotes a server or a secret.
type reason string

func (r reason) Error() string { return string(r) }

func malformed(mechanism, what string) *Error {
	return &Error{Kind: Malformed, Mechanism: mechanism, Err: reason(what)}
}

// unexpected is the error of a challenge after the last response.
func unexpected(mechanism string) *Error {
	return &Error{Kind: Endless, Mechanism: mechanism, Err: reason("a challenge after the last response")}
}

// Premature returns the error of a success that the server claimed before m was done.
func Premature(m Mechanism) error {
	if why, known := Explain(m); known {
		return why
	}
	return &Error{Kind: EarlySuccess, Mechanism: m.Name()}
}

// Explain returns what m knows about its failure, if it knows something; see [Explainer].
func Explain(m Mechanism) (why *Error, known bool) {
	if e, ok := m.(Explainer); ok {
		return e.Explain()
	}
	return nil, false
}
