package depeche

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
)

// URL is the URL of a transport, read and found well-formed. It is immutable, and prints without
// passwords in every form. Its zero value is not usable.
type URL struct{ form form }

// form is what one kind of URL says: a relay, a command, a folder, a transport in memory, a group of others.
// Forms are immutable.
type form interface {
	// open returns the transport. It does not connect.
	open() (transport.Transport, error)
	// text is the URL, in which relay prints the parts that hold passwords.
	text(relay func(smtp.URL) string) string
	// relays are those that the URL names.
	relays() []smtp.URL
	// withPasswordFile gives the file to each user who lacks a password. ok is false where there is no such user.
	withPasswordFile(path string) (with form, ok bool)
}

// local is the part of a form that needs no network, and so has neither relay nor password.
type local struct{}

func (local) relays() []smtp.URL { return nil }

// reader reads what follows the colon after a scheme.
type reader func(scheme, rest string) (form, error)

// readers has the scheme of each kind but those of relays, which [smtp.ParseURL] knows, and of groups, which have
// names and no scheme.
var readers = map[string]reader{
	schemeStub:     readNowhere,
	schemeDiscard:  readNowhere,
	schemeLog:      readLog,
	schemeFile:     readFolder,
	schemeMaildir:  readFolder,
	schemeMbox:     readFolder,
	schemeSendmail: readCommand,
}

// ParseURL reads the URL of a transport; see [Open] and docs/urls.md. A user without a password is
// well-formed, because [URLFromEnv] has it from elsewhere, but Open refuses it. The error is a
// [envelope.FieldError], or several joined, and shows no password.
func ParseURL(text string) (URL, error) {
	f, err := readForm(text, 0)
	if err != nil {
		return URL{}, err
	}
	return URL{f}, nil
}

// readForm reads a URL, which is in depth groups.
func readForm(text string, depth int) (form, error) {
	if name, rest, ok := cutGroup(text); ok {
		return readGroup(name, rest, depth)
	}
	scheme, rest, ok := strings.Cut(text, ":")
	scheme = strings.ToLower(scheme) // RFC 3986 section 3.1
	if !ok {
		return nil, fault("", errNoScheme)
	}
	if read, known := readers[scheme]; known {
		return read(scheme, rest)
	}
	if !strings.HasPrefix(rest, "//") && scheme != schemeService {
		return nil, fault("", errScheme)
	}
	return readRelay(text)
}

// schemeService is the scheme of relays that may do without slashes: service:gmail.
const schemeService = "service"

// None of them quotes what is after the scheme, for it may be the password of a URL with another one.
var (
	errScheme   = errors.New("want smtps://, smtp+starttls://, smtp://, smtp+unix://, lmtps://, lmtp+starttls://, lmtp://, lmtp+unix://, service:, sendmail:, file:, maildir:, mbox:, discard:, log:, stub:, failover(...) or roundrobin(...)")
	errNoScheme = errors.New("want a scheme, such as smtps, before the first colon")
	errZeroURL  = errors.New("the zero URL is not usable: want one that ParseURL returned")
)

func fault(value string, err error) error {
	return &envelope.FieldError{Field: "URL", Value: value, Err: err}
}

// Open returns the transport that u describes; see the function [Open].
func (u URL) Open() (*Sender, error) {
	t, err := u.open()
	if err != nil {
		return nil, err
	}
	return &Sender{t}, nil
}

func (u URL) open() (transport.Transport, error) {
	if u.form == nil {
		return nil, fault("", errZeroURL)
	}
	return u.form.open()
}

// HasPassword reports whether a password is in the URL itself, where every user who sees a list of processes or
// a configuration sees it too.
func (u URL) HasPassword() bool { return slices.ContainsFunc(u.Relays(), smtp.URL.HasPassword) }

// WithPasswordFile returns the URL with the file in which the password is of each user who lacks one. ok
// is false where there is no such user.
func (u URL) WithPasswordFile(path string) (with URL, ok bool) {
	if u.form == nil {
		return u, false
	}
	with.form, ok = u.form.withPasswordFile(path)
	return with, ok
}

// Relays returns the relays that the URL names, for diagnose.Run for instance; an empty list for the schemes that
// need no network.
func (u URL) Relays() []smtp.URL {
	if u.form == nil {
		return nil
	}
	return u.form.relays()
}

// String returns the URL with *** in place of each password.
func (u URL) String() string { return u.text(smtp.URL.String) }

// Reveal returns the URL with its passwords, as [ParseURL] reads it.
func (u URL) Reveal() string { return u.text(smtp.URL.Reveal) }

func (u URL) text(relay func(smtp.URL) string) string {
	if u.form == nil {
		return ""
	}
	return u.form.text(relay)
}

// Format writes what String returns, for every verb and flag.
func (u URL) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, u.String()) // fmt reports errors of its writer itself
}

// LogValue returns what String returns.
func (u URL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// MarshalText returns what String returns.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }
