package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/internal/keys"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

const (
	passwordFile = "password_file"
	tokenFile    = "token_file"
)

// isSecretFile reports whether a key names a file in which the secret of the user is.
func isSecretFile(k keys.Key) bool { return k.Name == passwordFile || k.Name == tokenFile }

// urlKeys are the keys of a URL; each reads its value. Files are read by Build.
var urlKeys = map[string]func(s *state, value string) error{
	"hello":   (*state).helloName,
	"timeout": func(s *state, value string) error { return readDuration(value, s.limit) },

	"pool":         func(s *state, value string) error { return readCount(value, &s.pool.MaxOpen) },
	"max_idle":     func(s *state, value string) error { return readCount(value, &s.pool.MaxIdle) },
	"max_messages": func(s *state, value string) error { return readCount(value, &s.pool.MaxMessages) },
	"idle_timeout": func(s *state, value string) error {
		return readDuration(value, func(d time.Duration) { s.pool.IdleTimeout = d })
	},
	"max_age": func(s *state, value string) error {
		return readDuration(value, func(d time.Duration) { s.pool.MaxAge = d })
	},

	passwordFile: (*state).passwordFile,
	tokenFile:    (*state).tokenFile,
	"auth":       (*state).mechanisms,
	"tls_name":   (*state).tlsName,
	"tls_min":    (*state).tlsMin,
	"tls_pin":    (*state).tlsPin,
	"tls_roots":  (*state).tlsRoots,
}

func readCount(value string, to *int) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 {
		return fmt.Errorf("%q: want a number above 0", value)
	}
	*to = n
	return nil
}

func readDuration(value string, set func(time.Duration)) error {
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		return fmt.Errorf("%q: want a duration such as 30s", value)
	}
	set(d)
	return nil
}

// passwordFile and tokenFile have the secret read for each login, because it may be changed. Build reads
// it once, to find a wrong path before the first mail does.
func (s *state) passwordFile(path string) error {
	return s.secretFile(passwordFile, authentication.PasswordFrom, path)
}

func (s *state) tokenFile(path string) error {
	return s.secretFile(tokenFile, authentication.TokenFrom, path)
}

func (s *state) secretFile(
	key string, from func(string, authentication.SecretSource) (authentication.Credentials, error), path string,
) error {
	if s.user == "" { // which is a fault already
		return nil
	}
	source := authentication.File(path)
	c, err := from(s.user, source)
	if err != nil {
		return err
	}
	s.config.Credentials = c
	s.late = append(s.late, func(s *state) {
		secret, err := source(context.Background())
		if err == nil && secret == "" {
			err = errors.New("the file is empty")
		}
		if err != nil {
			s.fault("URL", key, err)
		}
	})
	return nil
}

// mechanisms limits the login to some mechanisms.
func (s *state) mechanisms(value string) error {
	names := strings.Split(strings.ToUpper(value), ",")
	s.late = append(s.late, func(s *state) {
		c, err := s.config.Credentials.WithMechanisms(names...)
		if err != nil {
			s.fault("URL", "auth", err)
		}
		s.config.Credentials = c
	})
	return nil
}

func (s *state) tlsName(name string) error {
	s.security.need("URL", "tls_name")
	if name == "" {
		return errors.New("want a name")
	}
	s.config.ServerName = name
	return nil
}

func (s *state) tlsMin(value string) error {
	s.security.need("URL", "tls_min")
	version, ok := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[value]
	if !ok {
		return fmt.Errorf("%q: want 1.2 or 1.3", value)
	}
	s.security.minVersion = version
	return nil
}

func (s *state) tlsPin(value string) error {
	s.security.need("URL", "tls_pin")
	for text := range strings.SplitSeq(value, ",") {
		pin, err := client.ParsePin(text)
		if err != nil {
			return fmt.Errorf("%q: %w", text, err)
		}
		s.config.Pins = append(s.config.Pins, pin)
	}
	return nil
}

func (s *state) tlsRoots(path string) error {
	s.security.need("URL", "tls_roots")
	s.late = append(s.late, func(s *state) {
		pem, err := readSmall(path)
		if err == nil {
			err = s.security.addRoots(pem)
		}
		if err != nil {
			s.fault("URL", "tls_roots", err)
		}
	})
	return nil
}

// readSmall reads a file that the configuration names, if it is not of an absurd size.
func readSmall(path string) ([]byte, error) {
	const most = 1 << 20
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	_ = f.Close() // nothing was written
	if err == nil && len(text) > most {
		err = fmt.Errorf("%s: more than %d octets", path, most)
	}
	return text, err
}
