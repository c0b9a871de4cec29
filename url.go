package depeche

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp"
)

// URL is the URL of a transport, read and found well-formed. It is immutable, and prints without
// passwords in every form. Its zero value is not usable.
type URL struct {
	scheme string
	path   string   // of a file or a command
	relay  smtp.URL // for the schemes that are not below
	group  *group   // nil for a single one
}

// The schemes of what is on this machine.
const (
	schemeStub     = "stub"
	schemeFile     = "file"
	schemeMaildir  = "maildir"
	schemeMbox     = "mbox"
	schemeSendmail = "sendmail"
)

// ParseURL reads the URL of a transport; see [Open] and docs/urls.md. A user without a password is
// well-formed, because [URLFromEnv] has it from elsewhere, but Open refuses it. The error is a
// [envelope.FieldError], or several joined, and shows no password.
func ParseURL(text string) (URL, error) { return parse(text, 0) }

func parse(text string, depth int) (URL, error) {
	if name, rest, ok := cutGroup(text); ok {
		return parseGroup(name, rest, depth)
	}
	scheme, rest, ok := strings.Cut(text, ":")
	scheme = strings.ToLower(scheme) // RFC 3986 section 3.1
	if !ok {
		return URL{}, fault("", errNoScheme)
	}
	switch scheme {
	case schemeStub:
		if rest != "" {
			return URL{}, fault(scheme, errBehindStub)
		}
		return URL{scheme: scheme}, nil
	case schemeFile, schemeMaildir, schemeMbox, schemeSendmail:
		path, err := readPath(rest)
		if err != nil {
			return URL{}, fault(scheme, err)
		}
		return URL{scheme: scheme, path: path}, nil
	}
	if !strings.HasPrefix(rest, "//") {
		return URL{}, fault("", errScheme)
	}
	relay, err := smtp.ParseURL(text)
	return URL{relay: relay}, err
}

// None of them quotes what is after the scheme, for it may be the password of a URL with another one.
var (
	errScheme     = errors.New("want smtps://, smtp+starttls://, smtp://, lmtp://, lmtp+unix://, sendmail:, file:, maildir:, mbox:, stub:, failover(...) or roundrobin(...)")
	errNoScheme   = errors.New("want a scheme, such as smtps, before the first colon")
	errBehindStub = errors.New("nothing may follow this scheme")
	errPath       = errors.New("want a path after the colon, or // and a path that begins with /; percent-encode % ? # in it")
)

func fault(value string, err error) error {
	return &envelope.FieldError{Field: "URL", Value: value, Err: err}
}

// readPath reads what is after the scheme: "a/b", "/a/b" or "///a/b" (RFC 8089 section 2).
func readPath(rest string) (string, error) {
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		if !strings.HasPrefix(after, "/") { // the host of a URL with two slashes
			return "", errPath
		}
		rest = after
	}
	if strings.ContainsAny(rest, "?#") {
		return "", errPath
	}
	path, err := url.PathUnescape(rest)
	if err != nil {
		return "", errPath
	}
	return path, nil
}

// HasPassword reports whether a password is in the URL itself, where every user who sees a list of processes or
// a configuration sees it too.
func (u URL) HasPassword() bool { return slices.ContainsFunc(u.Relays(), smtp.URL.HasPassword) }

// WithPasswordFile returns the URL with the file in which the password is of each user who lacks one. ok
// is false where there is no such user.
func (u URL) WithPasswordFile(path string) (with URL, ok bool) {
	if u.group == nil {
		u.relay, ok = u.relay.WithPasswordFile(path)
		return u, ok
	}
	g := *u.group
	g.members = slices.Clone(g.members)
	for i, m := range g.members {
		if with, lacked := m.WithPasswordFile(path); lacked {
			g.members[i], ok = with, true
		}
	}
	return URL{group: &g}, ok
}

// Relays returns the relays that the URL names, for diagnose.Run for instance; none for the schemes that
// need no network.
func (u URL) Relays() (list []smtp.URL) {
	switch {
	case u.group != nil:
		for _, m := range u.group.members {
			list = append(list, m.Relays()...)
		}
	case u.scheme == "":
		list = append(list, u.relay)
	}
	return list
}

// String returns the URL with *** in place of each password.
func (u URL) String() string { return u.text(smtp.URL.String) }

// Reveal returns the URL with its passwords, as [ParseURL] reads it.
func (u URL) Reveal() string { return u.text(smtp.URL.Reveal) }

func (u URL) text(relay func(smtp.URL) string) string {
	switch {
	case u.group != nil:
		return u.group.text(func(m URL) string { return m.text(relay) })
	case u.scheme == "":
		return relay(u.relay)
	case strings.HasPrefix(u.path, "/"):
		return u.scheme + "://" + (&url.URL{Path: u.path}).EscapedPath()
	}
	return u.scheme + ":" + (&url.URL{Path: u.path}).EscapedPath()
}

// Format writes what String returns, for every verb and flag.
func (u URL) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, u.String()) // fmt reports errors of its writer itself
}

// LogValue returns what String returns.
func (u URL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// MarshalText returns what String returns.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }
