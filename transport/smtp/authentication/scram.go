package authentication

import (
	"slices"
	"strings"

	xdg "github.com/xdg-go/scram"
)

// A server that asks for fewer rounds wants the password (RFC 7677 section 4), one that asks for more
// wants our time: 600,000 take some tenths of a second.
const (
	minIterations = 4096
	maxIterations = 600_000
)

// The hash functions, by the names of RFC 5802 and RFC 7677.
type hash struct {
	name string
	make xdg.HashGeneratorFcn
}

var (
	sha1   = hash{"SCRAM-SHA-1", xdg.SHA1}
	sha256 = hash{"SCRAM-SHA-256", xdg.SHA256}
	sha512 = hash{"SCRAM-SHA-512", xdg.SHA512}
)

const plusSuffix = "-PLUS"

// scramStep is what a SCRAM mechanism waits for.
type scramStep uint8

const (
	scramStart scramStep = iota
	scramFirst           // the server's salt
	scramFinal           // the server's signature
	scramProven
)

// scram is SCRAM (RFC 5802) with or without channel binding. It judges what the server says before the
// library computes with it.
type scram struct {
	name   string
	talk   *xdg.ClientConversation
	nonce  string
	waits  scramStep
	failed *Error // what the server said of the failure
}

// newScram makes the mechanism without channel binding. Wherever this connection could be bound it tells the
// server so ("y"), and a server that can bind too ends the exchange (RFC 5802 section 6): its offer was taken
// out, or its refusal put in, on the way. Nothing that comes from the server changes that. Only a caller
// who has ruled out all mechanisms with channel binding makes it say that the client cannot ("n").
func newScram(h hash) func(*identity, Session) Mechanism {
	return func(id *identity, s Session) Mechanism {
		client := scramClient(id, h)
		if client == nil {
			return nil
		}
		m := &scram{name: h.name, talk: client.NewConversation()}
		if _, able := channelBinding(s.TLS); able && id.mayBind() {
			m.talk = client.NewConversationAdvertisingChannelBinding()
		}
		return m
	}
}

// mayBind reports whether the caller allows a mechanism with channel binding.
func (id *identity) mayBind() bool {
	return len(id.only) == 0 || slices.ContainsFunc(id.only, func(name string) bool { return strings.HasSuffix(name, plusSuffix) })
}

// newScramPlus makes the mechanism with channel binding; nil where the connection has none.
func newScramPlus(h hash) func(*identity, Session) Mechanism {
	return func(id *identity, s Session) Mechanism {
		binding, ok := channelBinding(s.TLS)
		client := scramClient(id, h)
		if !ok || client == nil {
			return nil
		}
		return &scram{name: h.name + plusSuffix, talk: client.NewConversationWithChannelBinding(binding)}
	}
}

// scramClient prepares names and password (RFC 5802 section 2.2). Where that is impossible, as with
// emoji, they are used as they are: so do servers.
func scramClient(id *identity, h hash) *xdg.Client {
	client, err := h.make.NewClient(id.user, id.secret(), id.authorizationID)
	if err != nil {
		client, err = h.make.NewClientUnprepped(id.user, id.secret(), id.authorizationID)
	}
	if err != nil {
		return nil
	}
	return client
}

func (m *scram) Name() string  { return m.name }
func (*scram) Plaintext() bool { return false }
func (m *scram) Done() bool    { return m.waits == scramProven }

func (m *scram) Start() ([]byte, error) {
	first, err := m.talk.Step("")
	if err != nil {
		return nil, malformed(m.name, "the exchange cannot begin")
	}
	_, m.nonce, _ = strings.Cut(first, ",r=") // a comma in a name is quoted
	m.waits = scramFirst
	return []byte(first), nil
}

func (m *scram) Next(challenge []byte) ([]byte, error) {
	if m.failed != nil {
		return nil, unexpected(m.name)
	}
	switch m.waits {
	case scramFirst:
		return m.first(string(challenge))
	case scramFinal:
		return m.final(string(challenge))
	}
	return nil, unexpected(m.name)
}

// first answers the salt by the proof.
func (m *scram) first(text string) ([]byte, error) {
	if m.tells(text) {
		return []byte{}, nil
	}
	f, err := parseServerFirst(text)
	switch {
	case err != nil:
		return nil, malformed(m.name, err.Error())
	case len(f.nonce) <= len(m.nonce) || !strings.HasPrefix(f.nonce, m.nonce):
		return nil, malformed(m.name, "the server's nonce does not continue the client's")
	case f.iterations < minIterations || f.iterations > maxIterations:
		return nil, &Error{Kind: KindIterations, Mechanism: m.name, Err: iterationsError(f.iterations)}
	}
	proof, err := m.talk.Step(text)
	if err != nil {
		return nil, malformed(m.name, "the server's first message") // the cause may quote it
	}
	m.waits = scramFinal
	return []byte(proof), nil
}

// final verifies the server, who has to know the password too.
func (m *scram) final(text string) ([]byte, error) {
	if m.tells(text) {
		return []byte{}, nil
	}
	if _, err := m.talk.Step(text); err != nil || !m.talk.Valid() {
		return nil, &Error{Kind: KindUnproven, Mechanism: m.name, Err: reason("wrong signature")}
	}
	m.waits = scramProven
	return []byte{}, nil
}

// tells takes the error that a message of the server tells, if it tells one. The server's reply to the
// empty answer ends the exchange.
func (m *scram) tells(text string) bool {
	value, ok := strings.CutPrefix(text, "e=")
	if !ok {
		return false
	}
	value, _, _ = strings.Cut(value, ",")
	kind, known := scramErrors[value]
	if !known {
		kind, value = KindRejected, "an error that is not in RFC 5802"
	}
	m.failed = &Error{Kind: kind, Mechanism: m.name, Err: reason(value)}
	return true
}

// scramErrors are the server's errors of RFC 5802 section 7.
var scramErrors = map[string]Kind{
	"invalid-encoding":                    KindRefused,
	"extensions-not-supported":            KindRefused,
	"invalid-proof":                       KindRejected,
	"channel-bindings-dont-match":         KindChannelMismatch,
	"server-does-support-channel-binding": KindChannelMismatch,
	"channel-binding-not-supported":       KindTooWeak,
	"unsupported-channel-binding-type":    KindTooWeak,
	"unknown-user":                        KindRejected,
	"invalid-username-encoding":           KindRefused,
	"no-resources":                        KindUnavailable,
	"other-error":                         KindRejected,
}

// Failure returns the error that the server told, or says that the signature is missing, which a server
// that does not know the password cannot make.
func (m *scram) Failure() (*Error, bool) {
	if m.failed == nil && m.waits == scramFinal {
		return &Error{Kind: KindUnproven, Mechanism: m.name, Err: reason("no signature")}, true
	}
	return m.failed, m.failed != nil
}
