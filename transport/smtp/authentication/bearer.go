package authentication

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// BearerError is what a server says about an access token that it does not accept (RFC 7628 section
// 3.2.2). All of it is the server's words; the token is masked should it be among them.
type BearerError struct {
	// Status is a code of the registry of OAuth, such as "invalid_token", or of HTTP, such as "401".
	Status string
	// Schemes are the kinds of tokens that the server takes, separated by blanks.
	Schemes string
	// Scope is what a token must be for; "" when the server does not say.
	Scope string
	// Configuration is the URL of the OpenID provider's configuration; "" when the server does not say.
	Configuration string
}

// Error tells status and scope.
func (e *BearerError) Error() string {
	text := fmt.Sprintf("status %q", e.Status)
	if e.Scope != "" {
		text += fmt.Sprintf(", wants the scope %q", e.Scope)
	}
	return text
}

// bearer is a mechanism that shows an access token: OAUTHBEARER (RFC 7628), or XOAUTH2, which Google
// and Microsoft had before it.
type bearer struct {
	mechanism string
	id        *identity
	head      string // of the response, before the token
	// refusal is what answers the challenge by which a server tells its error.
	refusal []byte
	failed  *BearerError
	sent    bool
}

func newOAuthBearer(id *identity, s Session) Mechanism {
	head := "n,"
	if id.user != "" { // the token may say who it is for (RFC 7628 section 3.1)
		head += "a=" + saslname(id.user)
	}
	head += ","
	if s.Host != "" && s.Port != 0 {
		head += "\x01host=" + s.Host + "\x01port=" + strconv.Itoa(s.Port)
	}
	return &bearer{mechanism: "OAUTHBEARER", id: id, head: head, refusal: []byte{1}} // RFC 7628 section 3.2.3
}

func newXOAuth2(id *identity, _ Session) Mechanism {
	if id.user == "" { // it has no form without one
		return nil
	}
	return &bearer{mechanism: "XOAUTH2", id: id, head: "user=" + id.user, refusal: []byte{}}
}

// saslname quotes a name (RFC 5801 section 4).
func saslname(name string) string { return strings.NewReplacer("=", "=3D", ",", "=2C").Replace(name) }

func (b *bearer) Name() string  { return b.mechanism }
func (*bearer) Plaintext() bool { return true }
func (b *bearer) Done() bool    { return b.sent && b.failed == nil }

func (b *bearer) Start() ([]byte, error) {
	b.sent = true
	return []byte(b.head + "\x01auth=Bearer " + b.id.secret() + "\x01\x01"), nil
}

// Next takes the error that a server tells before it refuses, and answers as the mechanism wants it.
// What is not JSON is an error that says nothing.
func (b *bearer) Next(challenge []byte) ([]byte, error) {
	if b.failed != nil {
		return nil, unexpected(b.mechanism)
	}
	var said struct {
		Status        string `json:"status"`
		Schemes       string `json:"schemes"`
		Scope         string `json:"scope"`
		Configuration string `json:"openid-configuration"`
	}
	b.failed = &BearerError{}
	if json.Unmarshal(challenge, &said) == nil {
		mask := Credentials{b.id}.Mask
		*b.failed = BearerError{mask(said.Status), mask(said.Schemes), mask(said.Scope), mask(said.Configuration)}
	}
	return b.refusal, nil
}

// Failure returns what the server said of the token.
func (b *bearer) Failure() (*Error, bool) {
	if b.failed == nil {
		return nil, false
	}
	return &Error{Kind: KindRejected, Mechanism: b.mechanism, Err: b.failed}, true
}
