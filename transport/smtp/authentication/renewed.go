package authentication

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/internal/printable"
	"golang.org/x/sync/singleflight"
)

// FetchSecret gets a new secret, such as an access token from an authorization server, and says until when it is valid; the zero
// time for one without an end. It must not block for longer than ctx allows.
type FetchSecret func(ctx context.Context) (secret string, until time.Time, err error)

// Renewed is a secret that is fetched, kept until shortly before its end, and fetched again: for access tokens of OAuth
// 2.0. One fetch serves all logins that need it, however many connections are opened at once; it has a limit of its own,
// and each login stops waiting when its ctx ends. What a server has refused is dropped; see [TokenRenewed]. It is safe for
// concurrent use, and does not print the secret.
type Renewed struct{ state *renewal }

// renewal is what a Renewed holds.
type renewal struct {
	fetch FetchSecret
	limit time.Duration
	group singleflight.Group

	mu     sync.Mutex
	secret *string
	until  time.Time
	last   *string // the secret that was fetched last, also after it was refused
}

// FetchLimit is how long a fetch may take where NewRenewed was given no limit.
const FetchLimit = 30 * time.Second

// NewRenewed returns a secret that fetch gets. limit is how long one fetch may take; 0 means [FetchLimit].
func NewRenewed(fetch FetchSecret, limit time.Duration) (Renewed, error) {
	if fetch == nil || limit < 0 {
		return Renewed{}, errors.New("want a function and a limit that is not negative")
	}
	if limit == 0 {
		limit = FetchLimit
	}
	return Renewed{&renewal{fetch: fetch, limit: limit}}, nil
}

var (
	errNoRenewed     = errors.New("want a Renewed that NewRenewed returned")
	errFetchNoReturn = errors.New("the function that fetches the secret did not return")
	errFetchNothing  = errors.New("the function that fetches the secret returned none")
)

// Secret returns the secret that is valid now. It is a [SecretSource].
func (r Renewed) Secret(ctx context.Context) (string, error) {
	if r.state == nil {
		return "", errNoRenewed
	}
	if secret, ok := r.state.kept(); ok {
		return secret, nil
	}
	result := r.state.group.DoChan("", func() (any, error) { return r.state.renew() })
	select {
	case got := <-result:
		secret, _ := got.Val.(string)
		return secret, got.Err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// Refused drops the secret if it is the one that a server has refused, so that the next login gets a new one.
func (r Renewed) Refused(secret string) {
	if r.state == nil {
		return
	}
	r.state.mu.Lock()
	defer r.state.mu.Unlock()
	if r.state.secret != nil && *r.state.secret == secret {
		r.state.secret = nil
	}
}

// kept returns the secret if it is valid for long enough to log in.
func (r *renewal) kept() (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.secret == nil || !r.until.IsZero() && !time.Now().Before(r.until) {
		return "", false
	}
	return *r.secret, true
}

// renew fetches a secret under a limit of its own: the login that began it may stop waiting, and others go on.
func (r *renewal) renew() (secret string, err error) {
	if secret, ok := r.kept(); ok { // fetched between a caller's look and its turn
		return secret, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.limit)
	defer cancel()
	returned := false
	defer func() {
		if !returned { // a panic here would end the program and not the login
			secret, err = "", r.didNotReturn(recover())
		}
	}()
	secret, until, err := r.fetch(ctx)
	returned = true
	if err == nil && secret == "" {
		err = errFetchNothing
	}
	if err != nil {
		return "", err
	}
	now := time.Now()
	if !until.IsZero() { // renewed before its end, which may come while the login runs
		until = until.Add(-min(time.Minute, until.Sub(now)/10))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secret, r.until, r.last = &secret, until, &secret
	return secret, nil
}

// didNotReturn is the error of a function that panicked with a value. The value may quote the secret that the
// function is to renew.
func (r *renewal) didNotReturn(value any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := fmt.Sprint(value)
	if r.last != nil {
		text = Redact(text, *r.last)
	}
	return fmt.Errorf("%w: panic: %s", errFetchNoReturn, printable.Text(text))
}

// TokenRenewed returns the credentials of a user whose access token is fetched when it is needed, kept, and dropped as soon as a
// server refuses it. The user may be empty as for [Token].
func TokenRenewed(user string, secret Renewed) (Credentials, error) {
	return renewed(identity{kind: token, user: user}, secret)
}

// PasswordRenewed is [TokenRenewed] for a password, as some authorization servers give one for minutes.
func PasswordRenewed(user string, secret Renewed) (Credentials, error) {
	return renewed(identity{kind: password, user: user}, secret)
}

func renewed(id identity, secret Renewed) (Credentials, error) {
	if secret.state == nil {
		return Credentials{}, errNoRenewed
	}
	id.source, id.refused = secret.Secret, secret.Refused
	return withSource(id)
}

// TellRefused tells the source of c that a login failed by err. It does nothing unless err says that the secret itself was refused,
// and c was resolved.
func (c Credentials) TellRefused(err error) {
	why, ok := errors.AsType[*Error](err)
	if c.IsZero() || c.id.refused == nil || c.id.hidden == nil || !ok || why.Kind != KindRejected && why.Kind != KindRefused {
		return
	}
	c.id.refused(c.id.secret())
}
