package catch

import (
	"bytes"
	"strings"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// anyLogin returns mechanisms that let every user in, whatever the password.
func anyLogin() map[string]smtptest.Mechanism {
	return map[string]smtptest.Mechanism{"PLAIN": anyPlain, "LOGIN": anyPrompts, "XOAUTH2": anyBearer("user="), "OAUTHBEARER": anyBearer("a=")}
}

func anyPlain(x *smtptest.SASL) (string, error) {
	response, err := x.First()
	if err != nil {
		return "", err
	}
	parts := bytes.Split(response, []byte{0})
	if len(parts) != 3 {
		return "", &smtptest.ReplyError{Reply: "501 5.5.2 malformed response"}
	}
	return string(parts[1]), nil
}

func anyPrompts(x *smtptest.SASL) (string, error) {
	name, ok, err := x.Initial()
	if err == nil && !ok {
		name, err = x.Challenge([]byte("Username:"))
	}
	if err != nil {
		return "", err
	}
	_, err = x.Challenge([]byte("Password:"))
	return string(name), err
}

// anyBearer reads the user of a mechanism with tokens, whose response has fields; before says what is before the name.
func anyBearer(before string) smtptest.Mechanism {
	return func(x *smtptest.SASL) (string, error) {
		response, err := x.First()
		if err != nil {
			return "", err
		}
		first, _, _ := strings.Cut(string(response), "\x01")
		_, user, _ := strings.Cut(first, before)
		return strings.TrimSuffix(user, ","), nil
	}
}
