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
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
)

// FromURL begins a transport that a URL describes:
//
//	smtps://user:password@host:port?hello=my.host.tld&pool=4&timeout=30s
//
// The scheme is smtps (TLS, port 465), smtp+starttls (required, port 587), smtp (no TLS, port 25), lmtp
// (port 24) or lmtp+unix (lmtp+unix:///path/of/socket). User and password are percent-encoded; only
// both together are allowed. The keys are in docs/urls.md; one that is unknown or given twice is an
// error. Faults surface in Build; they never show the password.
func FromURL(text string) Builder {
	u, faults := parseURL(text)
	if len(faults) > 0 { // a host that is not at fault, for they are all there is to say
		return Relay("localhost").step(func(s *state) { s.faults = faults })
	}
	return u.Builder()
}

// URL is the URL of a relay, read and found well-formed. It is immutable, and prints without its
// password in every form. Its zero value is not usable.
type URL struct {
	scheme   string
	user     string
	password *string // a pointer, so that fmt does not find it in a caller's struct; nil for none
	host     string
	port     string // "" for the scheme's own
	path     string // of a socket
	keys     keys.List
}

// scheme is what a scheme stands for.
type scheme struct {
	mode client.TLSMode
	port int
	lmtp bool
}

// socketScheme has a path where the others have a host.
const socketScheme = "lmtp+unix"

var schemes = map[string]scheme{
	"smtps":         {mode: client.TLSImplicit, port: portTLS},
	"smtp+starttls": {mode: client.TLSStartTLS, port: portSubmission},
	"smtp":          {mode: client.TLSNone, port: portSMTP},
	"lmtp":          {mode: client.TLSNone, port: portLMTP, lmtp: true},
	socketScheme:    {mode: client.TLSNone, port: portLMTP, lmtp: true},
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

// Errors of a URL as a whole. What follows a badly encoded password looks like part of it, so none of
// them quotes anything.
var (
	errNotURL   = errors.New("want scheme://user:password@host:port?key=value, with all but letters and digits of user and password percent-encoded")
	errEncoding = errors.New("an @ after the host: percent-encode / ? # in user and password, and @ in values")
	errPath     = errors.New("no path and no fragment expected")
	errHalf     = errors.New("user and password are needed together (the password may be in password_file, a token in token_file)")
	errSocket   = errors.New("want " + socketScheme + ":///path, without user and host")
	errScheme   = errors.New("want the scheme smtps, smtp+starttls, smtp, lmtp or " + socketScheme)
	errSecrets  = errors.New("want one of a password, password_file and token_file")
)

func parseURL(text string) (URL, []error) {
	fault := func(value string, err error) error { return &FieldError{Field: "URL", Value: value, Err: err} }
	parsed, err := url.Parse(text)
	if err != nil {
		return URL{}, []error{fault("", errNotURL)} // err quotes the whole text
	}
	if _, ok := schemes[parsed.Scheme]; !ok {
		shown := parsed.Scheme
		if parsed.Opaque != "" { // it may be the part of a password before a colon
			shown = ""
		}
		return URL{}, []error{fault(shown, errScheme)}
	}
	if strings.Contains(parsed.Opaque+parsed.Path+parsed.RawQuery+parsed.Fragment, "@") {
		return URL{}, []error{fault("", errEncoding)}
	}
	if parsed.Opaque != "" {
		return URL{}, []error{fault("", errNotURL)}
	}
	u := URL{scheme: parsed.Scheme, host: parsed.Hostname(), port: parsed.Port()}
	var faults []error
	for _, err := range []error{u.readPath(parsed), u.readUser(parsed.User)} {
		if err != nil {
			faults = append(faults, fault("", err))
		}
	}
	if _, err := extension.ParseHelloName(u.host); err != nil && u.scheme != socketScheme {
		faults = append(faults, fault(u.host, err))
	}
	known := func(name string) bool { return urlKeys[name] != nil }
	list, wrong := keys.Parse(parsed.RawQuery, known)
	for _, f := range wrong {
		faults = append(faults, fault(f.Name, f.Err))
	}
	u.keys = list
	return u, faults
}

func (u *URL) readPath(parsed *url.URL) error {
	switch {
	case parsed.Fragment != "":
		return errPath
	case u.scheme == socketScheme && (parsed.Path == "" || parsed.Host != "" || parsed.User != nil):
		return errSocket
	case u.scheme == socketScheme:
		u.path = parsed.Path
	case parsed.Path != "" && parsed.Path != "/":
		return errPath
	}
	return nil
}

func (u *URL) readUser(info *url.Userinfo) error {
	if info == nil {
		return nil
	}
	u.user = info.Username()
	if password, ok := info.Password(); ok && password != "" {
		u.password = &password
	}
	if u.user == "" {
		return errHalf
	}
	return nil
}

// User returns the user name, "" for none.
func (u URL) User() string { return u.user }

// HasPassword reports whether the URL holds a password, in contrast to naming a file that does.
func (u URL) HasPassword() bool { return u.password != nil }

// WithPasswordFile returns the URL with the key password_file. ok is false, and the URL unchanged, where
// that makes no sense: there is no user, or a password already.
func (u URL) WithPasswordFile(path string) (with URL, ok bool) {
	if u.user == "" || u.password != nil || slices.ContainsFunc(u.keys, isSecretFile) {
		return u, false
	}
	u.keys = u.keys.With(keys.Key{Name: passwordFile, Value: path})
	return u, true
}

// String returns the URL with *** in place of the password.
func (u URL) String() string {
	if u.password == nil {
		return u.text("")
	}
	return u.text(":***")
}

// Reveal returns the URL with its password, as [ParseURL] reads it.
func (u URL) Reveal() string {
	if u.password == nil {
		return u.text("")
	}
	return u.text(url.UserPassword("", *u.password).String())
}

func (u URL) text(password string) string {
	var b strings.Builder
	b.WriteString(u.scheme + "://")
	if u.user != "" {
		b.WriteString(url.User(u.user).String() + password + "@")
	}
	switch {
	case u.port != "":
		b.WriteString(net.JoinHostPort(u.host, u.port))
	case strings.Contains(u.host, ":"):
		b.WriteString("[" + u.host + "]")
	default:
		b.WriteString(u.host)
	}
	b.WriteString((&url.URL{Path: u.path}).EscapedPath())
	b.WriteString(u.keys.String())
	return b.String()
}

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
	is := schemes[u.scheme]
	b := begin(u.host, is.port, is.mode)
	if u.scheme == socketScheme {
		b = LMTPSocket(u.path)
	}
	return b.step(func(s *state) {
		s.config.LMTP = is.lmtp
		if u.port != "" {
			port, err := strconv.Atoi(u.port)
			if err != nil {
				port = -1 // check refuses it
			}
			s.port = port
		}
		s.readURLUser(u)
		for _, key := range u.keys { // in alphabetical order, so that faults are
			if err := urlKeys[key.Name](s, key.Value); err != nil {
				s.fault("URL", key.Name, err)
			}
		}
	})
}

func (s *state) readURLUser(u URL) {
	secrets := 0
	if u.password != nil {
		secrets++
	}
	for _, key := range u.keys {
		if isSecretFile(key) {
			secrets++
		}
	}
	switch {
	case secrets > 1:
		s.fault("URL", u.user, errSecrets)
	case (u.user != "") != (secrets > 0):
		s.fault("URL", u.user, errHalf)
	case u.password != nil:
		s.login("URL", u.user, *u.password)
	}
	s.user = u.user
}
