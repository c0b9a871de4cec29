package smtp

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// FromURL begins a transport that a URL describes:
//
//	smtps://user:password@host:port?hello=my.host.tld&pool=4&timeout=30s
//
// The scheme is smtps (TLS, port 465), smtp+starttls (required, port 587) or smtp (no TLS, port 25).
// User and password are percent-encoded; only both together are allowed. Unknown keys are an error.
// Faults surface in Build; they never show the password.
func FromURL(text string) Builder {
	u, err := url.Parse(text)
	if err != nil {
		// The error of url.Parse quotes the whole URL, password and all.
		return begin("", 0, client.TLSImplicit).step(func(s *state) {
			s.fault("URL", "", errors.New("not a URL"))
		})
	}
	base, ok := schemes[u.Scheme]
	return begin(u.Hostname(), base.port, base.mode).step(func(s *state) {
		if !ok {
			s.fault("URL", u.Scheme, errors.New("want the scheme smtps, smtp+starttls or smtp"))
		}
		s.readURL(u)
	})
}

var schemes = map[string]struct {
	mode client.TLSMode
	port int
}{
	"smtps":         {client.TLSImplicit, portTLS},
	"smtp+starttls": {client.TLSStartTLS, portSubmission},
	"smtp":          {client.TLSNone, portSMTP},
}

func (s *state) readURL(u *url.URL) {
	if text := u.Port(); text != "" {
		port, err := strconv.Atoi(text)
		if err != nil {
			port = -1 // check refuses it
		}
		s.port = port
	}
	if strings.Trim(u.Path, "/") != "" || u.Fragment != "" {
		s.fault("URL", u.Path, errors.New("no path and no fragment expected"))
	}
	if u.User != nil {
		password, _ := u.User.Password()
		c, err := authentication.Password(u.User.Username(), password)
		if err != nil {
			s.fault("URL", u.User.Username(), err)
		}
		s.config.Credentials = c
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		s.fault("URL", "", errors.New("query is not percent-encoded correctly"))
	}
	for key, values := range query {
		if err := s.readKey(key, values[len(values)-1], len(values)); err != nil {
			s.fault("URL", key, err)
		}
	}
}

// readKey takes one key of the query.
func (s *state) readKey(key, value string, times int) error {
	if times > 1 {
		return errors.New("given more than once")
	}
	switch key {
	case "hello":
		return s.helloName(value)
	case "pool":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return fmt.Errorf("%q: want a number of connections", value)
		}
		s.pool.MaxOpen = n
	case "timeout":
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 {
			return fmt.Errorf("%q: want a duration such as 30s", value)
		}
		s.limit(d)
	default:
		return errors.New("unknown key")
	}
	return nil
}
