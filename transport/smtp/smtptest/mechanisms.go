package smtptest

import (
	"bytes"
	"strings"
)

// DefaultMechanisms returns the mechanisms that a server offers without being told, in a new map.
func DefaultMechanisms() map[string]Mechanism {
	return map[string]Mechanism{"PLAIN": Plain, "LOGIN": Login}
}

// Plain is PLAIN of RFC 4616.
func Plain(x *SASL) (string, error) {
	response, err := x.First()
	if err != nil {
		return "", err
	}
	parts := bytes.Split(response, []byte{0})
	if len(parts) != 3 {
		return "", &ReplyError{Reply: "501 5.5.2 malformed response"}
	}
	return check(x, string(parts[1]), string(parts[2]))
}

// Login is LOGIN of draft-murchison-sasl-login.
func Login(x *SASL) (string, error) { return Prompts("Username:", "Password:")(x) }

// Prompts is LOGIN that asks with other words; a client must not care for them.
func Prompts(user, password string) Mechanism {
	return func(x *SASL) (string, error) {
		name, ok, err := x.Initial()
		if err == nil && !ok {
			name, err = x.Challenge([]byte(user))
		}
		if err != nil {
			return "", err
		}
		secret, err := x.Challenge([]byte(password))
		if err != nil {
			return "", err
		}
		return check(x, string(name), string(secret))
	}
}

func check(x *SASL, user, password string) (string, error) {
	if want, ok := x.Password(user); !ok || want != password {
		return "", errCredentials
	}
	return user, nil
}

// XOAuth2 is XOAUTH2 as Google describes it; the passwords of the configuration are the tokens.
// A refusal comes as a challenge with JSON, which the client must answer to get its 535.
func XOAuth2(x *SASL) (string, error) {
	response, err := x.First()
	if err != nil {
		return "", err
	}
	fields := strings.Split(string(response), "\x01")
	user := strings.TrimPrefix(fields[0], "user=")
	return bearer(x, user, fields[1:])
}

// OAuthBearer is OAUTHBEARER of RFC 7628; the passwords of the configuration are the tokens.
func OAuthBearer(x *SASL) (string, error) {
	response, err := x.First()
	if err != nil {
		return "", err
	}
	fields := strings.Split(string(response), "\x01")
	_, user, _ := strings.Cut(fields[0], "a=")
	return bearer(x, strings.TrimSuffix(user, ","), fields[1:])
}

func bearer(x *SASL, user string, fields []string) (string, error) {
	for _, field := range fields {
		if token, ok := strings.CutPrefix(field, "auth=Bearer "); ok {
			if user, err := check(x, user, token); err == nil {
				return user, nil
			}
		}
	}
	if _, err := x.Challenge([]byte(`{"status":"401","schemes":"bearer","scope":"https://mail.example/"}`)); err != nil {
		return "", err
	}
	return "", errCredentials
}
