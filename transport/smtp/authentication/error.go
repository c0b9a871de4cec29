package authentication

import (
	"strings"
	"time"
)

// Kind is why a login failed.
type Kind uint8

// The kinds of failures. Those that a server answers with 4yz are KindUnavailable; only that and
// KindNoSecret are worth another attempt without a change.
const (
	KindRejected        Kind = iota + 1 // the server does not accept the identity or its secret
	KindRefused                         // the server refuses the login for another reason that lasts
	KindUnavailable                     // the server cannot say for now
	KindTooWeak                         // the server wants a stronger mechanism than all that are common
	KindNotOffered                      // the server does not offer authentication on this connection
	KindNoMechanism                     // the server offers none of the mechanisms that the credentials can use
	KindNeedsTLS                        // the login would show the password, or enough to guess it by, and there is no TLS
	KindUnproven                        // the server did not prove that it knows the password
	KindChannelMismatch                 // the server sees another TLS connection: an attacker or a proxy is in between
	KindIterations                      // SCRAM with fewer rounds than are safe, or more than are sane
	KindEarlySuccess                    // the server claimed success before the mechanism was done
	KindEndless                         // the server keeps sending challenges
	KindMalformed                       // a challenge that is not base64, or not in the mechanism's grammar
	KindAborted                         // the client's side of the mechanism gave up
	KindNoSecret                        // the source of the secret failed
)

var kindTexts = map[Kind]string{
	KindRejected:        "the server does not accept this user and secret",
	KindRefused:         "the server refuses the login",
	KindUnavailable:     "the server cannot check logins for now",
	KindTooWeak:         "the server wants a stronger mechanism than all that are common",
	KindNotOffered:      "the server does not offer authentication on this connection",
	KindNoMechanism:     "no common authentication mechanism",
	KindNeedsTLS:        "the login would show the password, or let an attacker guess it, and the connection has no TLS",
	KindUnproven:        "the server did not prove that it knows the password",
	KindChannelMismatch: "the server sees another TLS connection than the client: an attacker or a proxy may be in between",
	KindIterations:      "the server's iteration count is out of bounds",
	KindEarlySuccess:    "the server claimed success before the mechanism was done",
	KindEndless:         "the server keeps sending challenges",
	KindMalformed:       "the server sent a malformed challenge",
	KindAborted:         "the mechanism gave up",
	KindNoSecret:        "the source of the secret failed",
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
	// Until is set when nothing was sent, because the server has refused the same secret before: a
	// further attempt is made after Until, or with another secret.
	Until time.Time
	// SecretFlaw is what looks wrong with the secret that was refused, see [Credentials.SecretFlaw].
	SecretFlaw string
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
func (e *Error) Temporary() bool { return e.Kind == KindUnavailable || e.Kind == KindNoSecret }

// reason is the text of a cause; it never quotes a server or a secret.
type reason string

func (r reason) Error() string { return string(r) }

func malformed(mechanism, what string) *Error {
	return &Error{Kind: KindMalformed, Mechanism: mechanism, Err: reason(what)}
}

// unexpected is the error of a challenge after the last response.
func unexpected(mechanism string) *Error {
	return &Error{Kind: KindEndless, Mechanism: mechanism, Err: reason("a challenge after the last response")}
}
