package authentication_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
)

// A token comes from a source, which is asked before each login.
func ExampleTokenFrom() {
	source := func(context.Context) (string, error) {
		return "ya29.token", nil // such as oauth2.TokenSource.Token
	}
	credentials, err := authentication.TokenFrom("user@example.com", source)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(credentials)
	sender, err := smtp.StartTLSRelay("smtp.office365.com").Credentials(credentials).Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = sender.Close()
	// Output: user@example.com:***
}

// The kind of an error says what to do.
func ExampleError() {
	err := fmt.Errorf("send: %w", &authentication.Error{Kind: authentication.KindNeedsTLS, Mechanism: "PLAIN"})
	if why, ok := errors.AsType[*authentication.Error](err); ok {
		fmt.Println(why.Kind == authentication.KindNeedsTLS, why.Temporary())
		fmt.Println(why)
	}
	// Output:
	// true false
	// PLAIN: the login would show the password, or let an attacker guess it, and the connection has no TLS
}

// backwards is a mechanism of one's own.
type backwards struct {
	user string
	sent bool
}

func (*backwards) Name() string    { return "X-BACKWARDS" }
func (*backwards) Plaintext() bool { return true }
func (b *backwards) Done() bool    { return b.sent }

func (b *backwards) Start() ([]byte, error) {
	b.sent = true
	reversed := []rune(b.user)
	for i, j := 0, len(reversed)-1; i < j; i, j = i+1, j-1 {
		reversed[i], reversed[j] = reversed[j], reversed[i]
	}
	return []byte(string(reversed)), nil
}

func (*backwards) Next([]byte) ([]byte, error) { return nil, errors.New("only one step") }

// A mechanism of one's own is made for each login.
func ExampleCustom() {
	credentials, err := authentication.Custom("user", func(authentication.Session) authentication.Mechanism {
		return &backwards{user: "user"}
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	chosen, err := authentication.Choose(credentials, authentication.Session{
		Offered: []string{"PLAIN", "X-BACKWARDS"}, Insecure: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	initial, err := chosen[0].Start()
	fmt.Println(chosen[0].Name(), string(initial), err)
	// Output: X-BACKWARDS resu <nil>
}

// Credentials print without their secret, in every format.
func ExampleCredentials() {
	credentials, err := authentication.Password("user@example.com", "correct horse")
	fmt.Println(credentials, err)
	fmt.Printf("%+v %#v %q\n", credentials, credentials, credentials)
	_, err = authentication.Password("user@example.com", "")
	fmt.Println(err)
	// Output:
	// user@example.com:*** <nil>
	// user@example.com:*** user@example.com:*** user@example.com:***
	// credentials without a password
}
