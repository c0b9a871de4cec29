package authentication

import (
	"fmt"
	"slices"
	"strings"
)

// method is a mechanism that this package has, for credentials of one kind.
type method struct {
	name string
	kind kind
	// acts says that the mechanism has a place for an identity to act as.
	acts bool
	make func(*account, Session) Mechanism
}

// methods are ordered from the strongest to the weakest. CRAM-MD5 is before PLAIN, because it at least
// keeps the password from a server that does not have it.
var methods = []method{
	{"SCRAM-SHA-512-PLUS", password, true, newScramPlus(sha512)},
	{"SCRAM-SHA-256-PLUS", password, true, newScramPlus(sha256)},
	{"SCRAM-SHA-1-PLUS", password, true, newScramPlus(sha1)},
	{"SCRAM-SHA-512", password, true, newScram(sha512)},
	{"SCRAM-SHA-256", password, true, newScram(sha256)},
	{"SCRAM-SHA-1", password, true, newScram(sha1)},
	{"CRAM-MD5", password, false, newCramMD5},
	{"PLAIN", password, true, newPlain},
	{"LOGIN", password, false, newLogin},
	{"OAUTHBEARER", token, false, newOAuthBearer},
	{"XOAUTH2", token, false, newXOAuth2},
	{"EXTERNAL", external, true, newExternal},
	{"ANONYMOUS", anonymous, false, newAnonymous},
}

// names returns what the account can use, from the strongest to the weakest.
func (a *account) names() (names []string) {
	for _, m := range methods {
		if m.kind == a.kind {
			names = append(names, m.name)
		}
	}
	return names
}

// all makes the mechanisms that the account can use, whatever the server offers, from the strongest to
// the weakest.
func (a *account) all(s Session) (list []Mechanism) {
	for _, make := range a.makers {
		list = append(list, make(s))
	}
	for _, m := range methods {
		if m.kind == a.kind && slices.Contains(s.Offered, m.name) && (m.acts || a.identity == "") {
			if made := m.make(a, s); made != nil { // nil: not over this connection
				list = append(list, made)
			}
		}
	}
	return slices.DeleteFunc(list, func(m Mechanism) bool {
		return len(a.only) > 0 && !slices.Contains(a.only, m.Name())
	})
}

// Choose returns the mechanisms that c can use, that the server offers and that may run on the
// connection, from the strongest to the weakest; at least one. The error is an *[Error] of the kind
// NotOffered, NoMechanism or NeedsTLS. Credentials with a source must be resolved first.
func Choose(c Credentials, s Session) ([]Mechanism, error) {
	if len(s.Offered) == 0 || c.IsZero() {
		return nil, &Error{Kind: NotOffered}
	}
	var list []Mechanism
	shows := ""
	for _, m := range c.account.all(s) {
		switch {
		case !slices.Contains(s.Offered, m.Name()):
		case m.ShowsPassword() && s.TLS == nil && !s.Insecure:
			shows = m.Name()
		default:
			list = append(list, m)
		}
	}
	switch {
	case len(list) > 0:
		return list, nil
	case shows != "":
		return nil, &Error{Kind: NeedsTLS, Mechanism: shows}
	}
	return nil, &Error{Kind: NoMechanism, Err: offers(s.Offered)}
}

// offers tells what a server offers, which may be anything.
func offers(names []string) error {
	const most = 200
	text := strings.Join(names, " ")
	if len(text) > most {
		text = text[:most] + "..."
	}
	return fmt.Errorf("the server offers %q", text)
}
