package smtp

import (
	"errors"
	"strconv"

	"github.com/depeche-mail/depeche/internal/keys"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// errCode is the fault of a step whose argument is code, or a value that only code can hold.
var errCode = errors.New("has no text form: a Config and a URL cannot say it")

// Config returns what was configured as a Config. The handle can still be used. The error joins what has no form as
// text, such as Dialer, and the faults of steps.
func (b Builder) Config() (Config, error) {
	var (
		c   Config
		err error
	)
	if !b.handle.Look(func() { c, err = b.state.toConfig() }) {
		return c, ErrStale
	}
	return c, err
}

// URL returns what was configured as a URL. The handle can still be used. The error is that of [Builder.Config].
func (b Builder) URL() (URL, error) {
	var (
		u   URL
		err error
	)
	if !b.handle.Look(func() { u, err = b.state.toURL() }) {
		return u, ErrStale
	}
	return u, err
}

// onlyCode names the steps whose arguments have no text form.
func (s *state) onlyCode() (steps []string) {
	for _, step := range []struct {
		name string
		used bool
	}{
		{"Account", s.account != nil},
		{"Credentials", !s.config.Credentials.IsZero()},
		{"Dialer", s.config.Dial != nil},
		{"Proxy", !s.proxy.password.IsZero()},
		{"Trace", s.config.Trace != nil},
		{"TLSConfig", s.config.TLSConfig != nil},
		{"VerifyConnection", s.config.VerifyConnection != nil},
		{"ClientCertificate", len(s.security.certificates) > 0},
		{"ExtraRoots", len(s.security.roots) > 0 && len(s.security.rootFiles) > 0},
	} {
		if step.used {
			steps = append(steps, step.name)
		}
	}
	return steps
}

func (s *state) toConfig() (Config, error) {
	faults := s.errs
	for _, step := range s.onlyCode() {
		faults = append(faults[:len(faults):len(faults)], &FieldError{Field: step, Err: errCode})
	}
	if len(faults) > 0 {
		return Config{}, errors.Join(faults...)
	}
	c := Config{User: s.login.user, Password: s.login.password}
	switch {
	case s.byName:
		c.Provider = s.provider.Name
	case s.config.Network == networkUnix:
		c.Socket = s.config.Address
	default:
		c.Host = s.host
		c.Security = s.securityWord()
	}
	if s.config.LMTP {
		c.Protocol = protocolLMTP
	}
	if _, standard := s.scheme(); s.port != standard && c.Socket == "" {
		c.Port = s.port
	}
	for _, x := range settings {
		c.setValue(x, x.get(s))
	}
	return c, nil
}

// securityWord is the word of the mode; "" for the default.
func (s *state) securityWord() Security {
	if s.config.TLS == client.TLSImplicit && !s.config.LMTP || s.config.TLS == client.TLSNone && s.config.LMTP {
		return ""
	}
	for word, mode := range securities {
		if mode == s.config.TLS {
			return word
		}
	}
	return ""
}

// scheme is the scheme of a URL that stands for the constructor, and the port that it begins with.
func (s *state) scheme() (name string, port int) {
	if s.byName {
		return schemeService, s.provider.Port
	}
	mode := s.config.TLS
	if mode == client.TLSDangerousOpportunistic { // said by a key
		mode = client.TLSNone
	}
	for name, is := range schemes {
		if name != schemeService && is.mode == mode && is.lmtp == s.config.LMTP && is.socket == (s.config.Network == networkUnix) {
			return name, is.port
		}
	}
	return "", 0
}

func (s *state) toURL() (URL, error) {
	c, err := s.toConfig()
	if err != nil {
		return URL{}, err
	}
	u := URL{host: c.Host, path: c.Socket}
	u.scheme, _ = s.scheme()
	if c.Provider != "" {
		u.host = c.Provider
	}
	if c.User != "" {
		u.login = &urlLogin{user: &c.User, password: c.Password.text}
	}
	if c.Port != 0 {
		u.port = strconv.Itoa(c.Port)
	}
	for _, x := range settings {
		if value := x.get(s); value != "" {
			u.keys = u.keys.With(keys.Key{Name: x.key, Value: value})
		}
	}
	return u, nil
}
