package smtp

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/depeche-mail/depeche/internal/keys"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// FromURL begins a transport that a URL describes:
//
//	smtps://user:password@host:port?hello=my.host.tld&pool=4&timeout=30s
//
// The scheme is smtps (TLS, port 465), smtp+starttls (required, port 587), smtp (no TLS, port 25), lmtps,
// lmtp+starttls or lmtp (the same for LMTP, port 24), smtp+unix or lmtp+unix (smtp+unix:///path/of/socket), or service
// (service://user:password@gmail, the name of a provider). User and password are percent-encoded; only
// both together are allowed. The keys are in docs/urls.md; one that is unknown or given twice is an
// error. Faults surface in Build; they never show the password.
func FromURL(text string) Builder {
	u, faults := parseURL(text)
	if len(faults) > 0 { // a host that is not at fault, for they are all there is to say
		return Relay("localhost").step(func(s *state) { s.errs = faults })
	}
	return u.Builder()
}

// URL is the URL of a relay, read and found well-formed. It is immutable, and prints without its
// password in every form. Its zero value is not usable.
type URL struct {
	scheme string
	login  *urlLogin // nil without a user
	host   string
	port   string // "" for the scheme's own
	path   string // of a socket
	keys   keys.List
	// unsure says that what follows the colon of the host may be a password: the @ and the host may have been
	// forgotten, after a user that is an address too. None of it is quoted.
	unsure bool
}

// urlLogin is the user of a URL. All of it is two pointers away from the URL, where fmt does not find it in a caller's
// struct: the user may be the secret too.
type urlLogin struct {
	user     *string
	password *string // nil for none
}

// scheme is what a scheme stands for.
type scheme struct {
	mode   client.TLSMode
	port   int
	lmtp   bool
	socket bool // there is a path where the others have a host
}

// schemeService has the name of a provider where the others have a host.
const schemeService = "service"

var schemes = map[string]scheme{
	"smtps":         {mode: client.TLSImplicit, port: PortTLS},
	"smtp+starttls": {mode: client.TLSStartTLS, port: PortSubmission},
	"smtp":          {mode: client.TLSNone, port: PortSMTP},
	"smtp+unix":     {mode: client.TLSNone, socket: true},
	"lmtps":         {mode: client.TLSImplicit, port: PortLMTP, lmtp: true},
	"lmtp+starttls": {mode: client.TLSStartTLS, port: PortLMTP, lmtp: true},
	"lmtp":          {mode: client.TLSNone, port: PortLMTP, lmtp: true},
	"lmtp+unix":     {mode: client.TLSNone, lmtp: true, socket: true},
	schemeService:   {},
}

// ParseURL reads the URL of a relay; see [FromURL]. A user without a password is well-formed, because
// the password may come from elsewhere, but Build refuses it. The error joins every fault, each a
// *[FieldError], and shows no password, even where one is not encoded as it should be.
func ParseURL(text string) (URL, error) {
	u, faults := parseURL(text)
	if len(faults) > 0 {
		return URL{}, errors.Join(faults...)
	}
	return u, nil
}

// User returns the user name, "" for none.
func (u URL) User() string {
	if u.login == nil {
		return ""
	}
	return *u.login.user
}

// password returns the password, nil for none.
func (u URL) password() *string {
	if u.login == nil {
		return nil
	}
	return u.login.password
}

// HasPassword reports whether the URL holds a password, in contrast to naming a file that does.
func (u URL) HasPassword() bool { return u.password() != nil }

// WithPasswordFile returns the URL with the key password_file. ok is false, and the URL unchanged, where
// that makes no sense: there is no user, or a password already.
func (u URL) WithPasswordFile(path string) (with URL, ok bool) {
	if u.login == nil || u.password() != nil || slices.ContainsFunc(u.keys, func(k keys.Key) bool { return k.Name == passwordFile || k.Name == tokenFile }) {
		return u, false
	}
	u.keys = u.keys.With(keys.Key{Name: passwordFile, Value: path})
	return u, true
}

// Cut returns the value of a key and the URL without that key, for the keys of what stands over a transport, such as
// rate, which depeche.Open keeps by policy.RateLimit. found is false, and the URL unchanged, where it has no such key.
func (u URL) Cut(key string) (value string, rest URL, found bool) {
	i := slices.IndexFunc(u.keys, func(k keys.Key) bool { return k.Name == key })
	if i < 0 {
		return "", u, false
	}
	value = u.keys[i].Value
	u.keys = slices.Delete(slices.Clone(u.keys), i, i+1)
	return value, u, true
}

// String returns the URL with *** in place of the password, of a user that is or holds it, and of a private key in the text of
// certificates.
func (u URL) String() string {
	user := u.shownUser()
	if user != masked {
		user = url.User(user).String()
	}
	u.keys = shownKeys(u.keys)
	if u.password() == nil {
		return u.text(user)
	}
	return u.text(user + ":" + masked)
}

// shownUser is the user for texts.
func (u URL) shownUser() string {
	if u.password() == nil {
		return u.User()
	}
	return authentication.MaskUser(u.User(), *u.password())
}

const masked = "***"

// Reveal returns the URL with its password, as [ParseURL] reads it.
func (u URL) Reveal() string {
	if u.password() == nil {
		return u.text(url.User(u.User()).String())
	}
	return u.text(url.UserPassword(u.User(), *u.password()).String())
}

func (u URL) text(login string) string {
	var b strings.Builder
	b.WriteString(u.scheme + "://")
	if u.login != nil {
		b.WriteString(login + "@")
	}
	switch {
	case u.port != "":
		b.WriteString(net.JoinHostPort(u.escapedHost(), u.port))
	case strings.Contains(u.host, ":"):
		b.WriteString("[" + u.escapedHost() + "]")
	default:
		b.WriteString(u.host)
	}
	b.WriteString((&url.URL{Path: u.path}).EscapedPath())
	b.WriteString(u.keys.String())
	return b.String()
}

// escapedHost returns the host with the mark before a zone as a URL has it (RFC 6874 section 2).
func (u URL) escapedHost() string { return strings.ReplaceAll(u.host, "%", "%25") }

// Format writes what String returns, for every verb and flag.
func (u URL) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, u.String()) // fmt reports errors of its writer itself
}

// LogValue returns what String returns.
func (u URL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// MarshalText returns what String returns.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// Builder begins the transport that the URL describes.
func (u URL) Builder() Builder {
	return u.begin().step(func(s *state) {
		s.origin = fromURL
		if u.port != "" {
			port, err := strconv.Atoi(u.port)
			if err != nil {
				port = -1 // check refuses it
			}
			s.port = port
		}
		s.unsure = u.unsure
		s.login.as(u.User(), Secret{u.password()})
		for _, x := range settings {
			for _, key := range u.keys {
				if key.Name == x.key {
					s.apply(x, key.Value)
				}
			}
		}
		s.unsure = false // of what follows
	})
}

// begin is the constructor that the scheme stands for.
func (u URL) begin() Builder {
	is := schemes[u.scheme]
	b := begin(u.host, is.port, is.mode)
	switch {
	case u.scheme == schemeService:
		return ForProvider(u.host)
	case is.socket:
		b = UnixSocket(u.path)
	}
	return b.step(func(s *state) { s.config.LMTP = is.lmtp })
}

// Config says the same as u in a struct. The error joins what is wrong with the values of keys.
func (u URL) Config() (Config, error) { return u.Builder().Config() }
