package smtp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/client"
)

const passwordFile = "password_file"

func isPasswordFile(k urlKey) bool { return k.name == passwordFile }

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

func (s *state) passwordFile(path string) error {
	s.late = append(s.late, func(s *state) {
		if !s.config.Credentials.IsZero() { // a later step knows better
			return
		}
		text, err := readSmall(path)
		if err != nil {
			s.fault("URL", passwordFile, err)
			return
		}
		password, _ := strings.CutSuffix(string(text), "\n")
		password, _ = strings.CutSuffix(password, "\r")
		s.login("URL", s.user, password)
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
