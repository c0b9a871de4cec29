package smtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
)

// login is what steps, a URL and a Config say about who logs in. What the step Credentials was given is not here.
type login struct {
	user            string
	password        Secret
	fileKey, file   string // password_file or token_file, and the path
	mechanisms      []string
	authorizationID string
}

// Errors of a login as a whole.
var (
	errHalf    = errors.New("user and password are needed together (the password may be in password_file, a token in token_file)")
	errSecrets = errors.New("want one of a password, password_file and token_file")
	errNoFile  = errors.New("want the path of a file")
)

// as replaces who logs in, and leaves the mechanisms and the authorization identity.
func (l *login) as(user string, password Secret) {
	*l = login{user: user, password: password, mechanisms: l.mechanisms, authorizationID: l.authorizationID}
}

func (l *login) readFile(key, path string) error {
	switch {
	case path == "":
		return errNoFile
	case l.file != "" || !l.password.IsZero():
		return errSecrets
	}
	l.fileKey, l.file = key, path
	return nil
}

func (l *login) fileOf(key string) string {
	if l.fileKey != key {
		return ""
	}
	return l.file
}

func (l *login) addMechanism(name string) error {
	if name == "" {
		return errors.New("want the name of a mechanism")
	}
	l.mechanisms = append(l.mechanisms, strings.ToUpper(name))
	return nil
}

// The mechanisms that tell what a secret is, or that there is none.
var (
	tokenMechanisms = []string{"OAUTHBEARER", "XOAUTH2"}
	external        = []string{"EXTERNAL"}
	anonymous       = []string{"ANONYMOUS"}
)

// isToken reports whether the secret is an access token: it is in token_file, or only mechanisms for tokens may be used.
func (l *login) isToken() bool {
	if l.file != "" {
		return l.fileKey == tokenFile
	}
	return !l.password.IsZero() && len(l.mechanisms) > 0 && !slices.ContainsFunc(l.mechanisms, func(m string) bool { return !slices.Contains(tokenMechanisms, m) })
}

// loginFault is a fault of the login as a whole. It has no value, which may be a secret.
func (s *state) loginFault(step, key string, err error) {
	if s.origin == fromCode {
		s.fault(step, "", err)
		return
	}
	s.errs = append(s.errs, s.keyFault(key, err))
}

// resolveLogin makes the credentials from what was collected.
func (s *state) resolveLogin() {
	l := &s.login
	if l.user == "" && (l.file != "" || !l.password.IsZero()) {
		l.user = s.provider.User // of all its customers
	}
	secret := l.file != "" || !l.password.IsZero()
	if (l.user != "") != secret && !l.isToken() { // a token may say who it is for
		if s.origin == fromURL {
			s.fault("URL", l.user, errHalf)
		} else {
			s.fault("user", l.user, errHalf)
		}
		return
	}
	c := s.config.Credentials
	var err error
	switch {
	case l.file != "":
		c, err = l.fromFile()
	case secret && l.isToken():
		c, err = authentication.Token(l.user, l.password.Reveal())
	case secret:
		c, err = authentication.Password(l.user, l.password.Reveal())
	case c.IsZero() && slices.Equal(l.mechanisms, external):
		c, err = authentication.External("")
	case c.IsZero() && slices.Equal(l.mechanisms, anonymous):
		c, err = authentication.Anonymous("")
	}
	switch {
	case err != nil && l.file != "":
		s.loginFault("Credentials", l.fileKey, err)
		return
	case err != nil:
		s.loginFault("Login", "user", err)
		return
	}
	s.config.Credentials = s.limitLogin(c)
}

// limitLogin gives credentials the authorization identity and the mechanisms that were set.
func (s *state) limitLogin(c authentication.Credentials) authentication.Credentials {
	if id := s.login.authorizationID; id != "" {
		with, err := c.WithAuthorizationID(id)
		if err != nil {
			s.loginFault("AuthorizationID", "authorization_id", err)
			return c
		}
		c = with
	}
	if names := s.login.mechanisms; len(names) > 0 {
		with, err := c.WithMechanisms(names...)
		if err != nil {
			s.loginFault("Mechanisms", "auth", err)
			return c
		}
		c = with
	}
	return c
}

// fromFile has the secret read for each login, because it may be changed. It is read once here, so that a wrong path
// is found before the first mail.
func (l *login) fromFile() (authentication.Credentials, error) {
	source := authentication.File(l.file)
	secret, err := source(context.Background())
	if err == nil && secret == "" {
		err = errors.New("the file is empty")
	}
	if err != nil {
		return authentication.Credentials{}, err
	}
	if l.fileKey == tokenFile {
		return authentication.TokenFrom(l.user, source)
	}
	return authentication.PasswordFrom(l.user, source)
}

// readSmall reads a file that the configuration names, if it is not of an absurd size.
func readSmall(path string) ([]byte, error) {
	const limit = 1 << 20
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	_ = f.Close() // nothing was written
	if err == nil && len(text) > limit {
		err = fmt.Errorf("%s: more than %d octets", path, limit)
	}
	return text, err
}
