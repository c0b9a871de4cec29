package smtp

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/depeche-mail/depeche/internal/keys"
)

// Errors of a URL as a whole. What follows a badly encoded password looks like part of it, so none of
// them quotes anything.
var (
	errNotURL   = errors.New("want scheme://user:password@host:port?key=value, with all but letters and digits of user and password percent-encoded")
	errEncoding = errors.New("an @ after the host: percent-encode / ? # in user and password, and @ in values")
	errPath     = errors.New("no path and no fragment expected")
	errScheme   = errors.New("want the scheme smtps, smtp+starttls, smtp, smtp+unix, lmtps, lmtp+starttls, lmtp, lmtp+unix or service")
	errSocket   = errors.New("want the path of a socket, as in lmtp+unix:///run/lmtp, and no host")
	errService  = errors.New("want the name of a provider, as in service://user:password@gmail; docs/providers.md and Providers have the known ones")
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
	if parsed.Scheme == schemeService && parsed.Opaque != "" { // service:gmail
		parsed.Host, parsed.Opaque = parsed.Opaque, ""
	}
	if parsed.Opaque != "" {
		return URL{}, []error{fault("", errNotURL)}
	}
	u := URL{scheme: parsed.Scheme, host: parsed.Hostname(), port: parsed.Port()}
	var faults []error
	for _, err := range []error{u.readPath(parsed), u.readUser(parsed.User), u.readProvider()} {
		if err != nil {
			faults = append(faults, fault("", err))
		}
	}
	u.unsure = u.password() == nil && u.port != "" && !strings.HasPrefix(parsed.Host, "[")
	if u.unsure && !isPort(u.port) {
		faults = append(faults, fault("", errPort))
	}
	if _, err := parseHost(u.host); err != nil && !schemes[u.scheme].socket && u.scheme != schemeService {
		faults = append(faults, fault(u.host, err))
	}
	known := keyNames()
	list, wrong := keys.Parse(parsed.RawQuery, known)
	for _, f := range wrong {
		if u.unsure && !slices.Contains(known, f.Name) {
			f = keys.Fault{Err: errKey}
		}
		faults = append(faults, fault(f.Name, f.Err))
	}
	for _, k := range list {
		if err := refuseSecret(k); err != nil {
			if u.unsure {
				err = errValue
			}
			faults = append(faults, fault(k.Name, err))
		}
	}
	u.keys = list
	return u, faults
}

// Errors of a URL that is unsure.
var (
	errPort  = errors.New("want a port from 1 to 65535; what is there is not shown, because it may be a password where @ and a host are missing")
	errKey   = errors.New("unknown key, or not encoded correctly; it is not shown, because it may be part of a password where @ and a host are missing")
	errValue = errors.New("the key does not take this value, which is not shown, because it may be part of a password where @ and a host are missing")
)

func isPort(text string) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n >= 1 && n <= 65535
}

// keyNames are the keys of all settings.
func keyNames() []string {
	names := make([]string, len(settings))
	for i, x := range settings {
		names[i] = x.key
	}
	return names
}

func (u *URL) readPath(parsed *url.URL) error {
	socket := schemes[u.scheme].socket
	switch {
	case parsed.Fragment != "":
		return errPath
	case socket && (parsed.Path == "" || parsed.Host != ""):
		return errSocket
	case socket:
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
	user := info.Username()
	if user == "" && u.scheme != schemeService {
		return errHalf
	}
	u.login = &urlLogin{user: &user}
	if password, ok := info.Password(); ok && password != "" {
		u.login.password = &password
	}
	return nil
}

// readProvider checks the name of a provider, and takes the user that all its customers have.
func (u *URL) readProvider() error {
	if u.scheme != schemeService {
		return nil
	}
	p, ok := LookupProvider(u.host)
	if !ok {
		return errService
	}
	switch {
	case u.User() != "":
	case p.User != "":
		u.login = &urlLogin{user: &p.User, password: u.password()}
	case u.login != nil:
		return errHalf
	}
	return nil
}
