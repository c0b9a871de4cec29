package authentication

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	sha2 "crypto/sha256"
	"errors"
	"maps"
	"sync"
	"time"
)

// remembered is how long a rejected secret is not tried again. Servers lock accounts after some wrong
// passwords within a quarter of an hour or so.
const remembered = 10 * time.Minute

// postponed is how long a secret is not tried again after a server that could not check it for now (RFC 4954
// section 6: 432 and 454). Some servers say so to slow down logins, and count each one.
const postponed = 30 * time.Second

// RejectedSecrets remembers which secrets a server has refused, for all connections of one client to one server,
// so that a secret is shown once and not by each connection, which would lock the account. Every refusal
// that ends a login counts: for ten minutes, and for half a minute when the server cannot check logins for now. As
// long as a secret has not been accepted, one connection tries it and the others wait for the result. A
// secret that differs from the refused one is tried at once. The zero value is ready, and safe for
// concurrent use. It keeps digests, no secrets.
//
// A nil *RejectedSecrets remembers nothing. Credentials of [Custom] are not remembered, because their secrets
// are not known here.
type RejectedSecrets struct {
	mu       sync.Mutex
	key      []byte // of the digests
	accepted digest
	trying   map[digest]chan struct{} // closed when the attempt has ended
	rejected map[digest]rejection
}

type digest [sha2.Size]byte

type rejection struct {
	why   *Error
	until time.Time
}

// Check returns the error of a login that is not to be tried, and nil when it may be tried. Of
// credentials with a source, the source is asked only if there was a rejection lately.
func (m *RejectedSecrets) Check(ctx context.Context, c Credentials) error {
	if m == nil || c.IsZero() || c.id.kind == custom {
		return nil
	}
	m.mu.Lock()
	m.forget()
	clean := len(m.rejected) == 0
	m.mu.Unlock()
	if clean {
		return nil
	}
	c, err := c.Resolve(ctx)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.standing(m.digest(c), c)
}

// Begin waits until a login with resolved credentials may be tried, as long as ctx allows, and returns
// the function to call with its result. The error is the one of [RejectedSecrets.Check], or that of ctx.
func (m *RejectedSecrets) Begin(ctx context.Context, c Credentials) (end func(error), err error) {
	if m == nil || c.IsZero() || c.id.kind == custom {
		return func(error) {}, nil
	}
	for {
		d, wait, err := m.begin(c)
		switch {
		case err != nil:
			return nil, err
		case wait == nil:
			return func(err error) { m.end(d, err) }, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// begin enters an attempt, or returns what to wait for.
func (m *RejectedSecrets) begin(c Credentials) (d digest, wait <-chan struct{}, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d = m.digest(c)
	if err := m.standing(d, c); err != nil {
		return d, nil, err
	}
	if other, busy := m.trying[d]; busy && d != m.accepted {
		return d, other, nil
	}
	if d != m.accepted {
		if m.trying == nil {
			m.trying = map[digest]chan struct{}{}
		}
		m.trying[d] = make(chan struct{})
	}
	return d, nil, nil
}

// end takes the result of an attempt.
func (m *RejectedSecrets) end(d digest, result error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if done, ok := m.trying[d]; ok {
		close(done)
		delete(m.trying, d)
	}
	var why *Error
	switch {
	case result == nil:
		m.accepted = d
		delete(m.rejected, d)
	case errors.As(result, &why) && why.Until.IsZero():
		m.refused(d, why)
	}
}

// refused enters a refusal of the server. What the client itself did not like does not keep a secret back.
func (m *RejectedSecrets) refused(d digest, why *Error) {
	keep := remembered
	switch why.Kind {
	case KindRejected, KindRefused, KindTooWeak, KindNeedsTLS:
		if m.accepted == d {
			m.accepted = digest{}
		}
	case KindUnavailable: // it says nothing against the secret
		keep = postponed
	default:
		return
	}
	if m.rejected == nil {
		m.rejected = map[digest]rejection{}
	}
	m.rejected[d] = rejection{why, time.Now().Add(keep)}
}

// standing returns the error of a secret that was refused lately.
func (m *RejectedSecrets) standing(d digest, c Credentials) error {
	m.forget()
	if r, ok := m.rejected[d]; ok {
		return &Error{Kind: r.why.Kind, Mechanism: r.why.Mechanism, Until: r.until, SecretFlaw: c.SecretFlaw(), Err: r.why.Err}
	}
	return nil
}

// forget drops what is too old, so that a source of ever new secrets does not fill the memory.
func (m *RejectedSecrets) forget() {
	now := time.Now()
	maps.DeleteFunc(m.rejected, func(_ digest, r rejection) bool { return !now.Before(r.until) })
}

// digest tells credentials apart.
func (m *RejectedSecrets) digest(c Credentials) (d digest) {
	if m.key == nil {
		m.key = []byte(rand.Text())
	}
	id := c.id
	h := hmac.New(sha2.New, m.key)
	for _, field := range []string{string('0' + rune(id.kind)), id.user, id.authorizationID, id.secret()} {
		h.Write([]byte(field))
		h.Write([]byte{0}) // none of the fields has one
	}
	h.Sum(d[:0])
	return d
}
