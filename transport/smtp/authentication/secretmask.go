package authentication

import (
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// SecretMask takes secrets out of what servers said, which may be an echo, even a late one or one on another
// connection. It knows the secrets of all logins that it was told of and whose connections are open, and the last
// 16 others; and what they have said. It is for all connections of one client, safe for concurrent use, and does not print. The
// zero value knows nothing and learns nothing.
type SecretMask struct {
	state **maskState // fmt follows one pointer of a caller's struct, and stops at the second
}

// maskState is what connections share.
type maskState struct {
	mu      sync.Mutex
	open    map[masked]int // by how many connections
	recent  []masked       // those that no connection has any more, the newest last
	matcher atomic.Pointer[matcher]
}

// masked is a text that is masked.
type masked struct {
	text   string
	secret bool // and not what a mechanism has said: masked in more forms
}

// How many secrets and answers of connections that are closed are remembered.
const (
	recentSecrets = 16
	recentAnswers = 64
)

// NewSecretMask returns a mask that knows nothing yet.
func NewSecretMask() SecretMask {
	state := &maskState{open: map[masked]int{}}
	return SecretMask{&state}
}

// IsZero reports whether m is the zero value.
func (m SecretMask) IsZero() bool { return m.state == nil }

// Text returns text with "***" in place of the secrets, and of runs of eight octets of them.
func (m SecretMask) Text(text string) string {
	if m.state == nil {
		return text
	}
	known := (*m.state).matcher.Load()
	if known == nil {
		return text
	}
	return known.mask(text)
}

// User returns the user name of c for texts: "***" where it is a secret that m knows, or holds one; see
// [Credentials.ShownUser].
func (m SecretMask) User(c Credentials) string {
	user := c.ShownUser()
	if m.state == nil {
		return user
	}
	for _, t := range (*m.state).all() {
		if t.secret {
			user = MaskUser(user, t.text)
		}
	}
	return user
}

// Format writes "***", for every verb and flag.
func (SecretMask) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, mask) } // fmt reports errors of its writer itself

// MarshalText returns "***".
func (SecretMask) MarshalText() ([]byte, error) { return []byte(mask), nil }

// MaskedSession is what one connection has told a [SecretMask]. It is safe for concurrent use.
type MaskedSession struct{ state **sessionState }

type sessionState struct {
	mask  *maskState // nil of the zero mask
	mu    sync.Mutex
	known []masked
	over  bool
}

// Session returns the part of a connection that was just opened.
func (m SecretMask) Session() MaskedSession {
	state := &sessionState{}
	if m.state != nil {
		state.mask = *m.state
	}
	return MaskedSession{&state}
}

// Login masks the secret of c from now on. Of credentials with a source it is known once they are resolved.
func (s MaskedSession) Login(c Credentials) {
	if !c.IsZero() && c.id.secret() != "" {
		(*s.state).add(masked{c.id.secret(), true})
	}
}

// Answer masks an answer of a mechanism from now on: the line, and the fields of it that are not public names.
func (s MaskedSession) Answer(c Credentials, answer []byte, public ...string) {
	if len(answer) == 0 {
		return
	}
	names := public
	if !c.IsZero() {
		names = append([]string{c.id.secret(), c.id.user, c.id.authorizationID}, public...) // the secret is known
	}
	(*s.state).add(masked{text: base64.StdEncoding.EncodeToString(answer)})
	for _, field := range secretFields(string(answer), names) {
		(*s.state).add(masked{field, !c.IsZero() && c.id.kind == custom}) // its secret is among them
	}
}

// Close says that the connection is closed. What it has told counts among the last ones from now on. A second Close does
// nothing.
func (s MaskedSession) Close() {
	state := *s.state
	state.mu.Lock()
	defer state.mu.Unlock()
	if state.over || state.mask == nil {
		return
	}
	state.over = true
	state.mask.release(state.known)
}

// Format writes "***", for every verb and flag.
func (MaskedSession) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, mask) } // fmt reports errors of its writer itself

// MarshalText returns "***".
func (MaskedSession) MarshalText() ([]byte, error) { return []byte(mask), nil }

func (s *sessionState) add(t masked) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || s.mask == nil || slices.Contains(s.known, t) {
		return
	}
	s.known = append(s.known, t)
	s.mask.hold(t)
}

// hold adds a text for a connection.
func (m *maskState) hold(t masked) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open[t]++
	if m.open[t] > 1 {
		return
	}
	if i := slices.Index(m.recent, t); i >= 0 {
		m.recent = slices.Delete(m.recent, i, i+1)
		return
	}
	m.build()
}

// release takes the texts of a connection.
func (m *maskState) release(known []masked) {
	m.mu.Lock()
	defer m.mu.Unlock()
	forgotten := false
	for _, t := range known {
		if m.open[t]--; m.open[t] > 0 {
			continue
		}
		delete(m.open, t)
		m.recent = append(m.recent, t)
		forgotten = m.forget(t.secret) || forgotten
	}
	if forgotten {
		m.build()
	}
}

// forget drops the oldest of the secrets or of the answers where there are too many of them.
func (m *maskState) forget(secret bool) bool {
	most, n := recentAnswers, 0
	if secret {
		most = recentSecrets
	}
	for _, t := range m.recent {
		if t.secret == secret {
			n++
		}
	}
	if n <= most {
		return false
	}
	oldest := slices.IndexFunc(m.recent, func(t masked) bool { return t.secret == secret })
	m.recent = slices.Delete(m.recent, oldest, oldest+1)
	return true
}

// build makes the matcher of today.
func (m *maskState) build() {
	next := newMatcher()
	for _, t := range m.list() {
		if t.secret {
			next.secret(t.text)
		} else {
			next.text(t.text)
		}
	}
	m.matcher.Store(next)
}

// all returns what is masked.
func (m *maskState) all() []masked {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.list()
}

// list is all with the lock held.
func (m *maskState) list() []masked {
	return slices.AppendSeq(slices.Clone(m.recent), maps.Keys(m.open))
}
