package smtp

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/depeche-mail/depeche/internal/pool"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// Account is what several transports of one process share that send through the same relay as the same user, such as one
// for newsletters and one for passwords: how many connections the relay bears, how many mails one of them carries, how
// long it may be idle, what it does not do although it offers it, and which secrets it has refused. [Builder.Account] gives it
// to a transport.
//
// Pool.MaxOpen counts the connections of all of them: a transport opens one while all together have fewer than its own
// MaxOpen. One with a lower MaxOpen leaves the rest to the others. A connection is used by the transport that has opened
// it, with its settings: where there is no room for another one, an idle one of another transport is closed, or one
// that a SendAll gives back.
//
// It is safe for concurrent use. It needs no end of its own: each transport is shut down or closed by itself.
type Account struct {
	connections pool.Group[*client.Conn]
	logins      authentication.RejectedSecrets
	learned     learned
	limit       learnedLimit
	idle        learnedIdle
	elsewhere   sync.Mutex // had by the connection that is tried at the other addresses of the host

	mu      sync.Mutex
	claimed bool
	address string
	user    string
}

// NewAccount returns an account of which nothing is known. It is that of the relay and the user of the first transport that is
// built with it.
func NewAccount() *Account { return new(Account) }

// Account lets the transport share its limits, and what it learns of the relay, with others that are given the same Account. Build
// fails for one with another relay, port or user. nil is the default: an account of its own.
func (b Builder) Account(account *Account) Builder {
	return b.step(func(s *state) { s.account = account })
}

var errOtherUser = errors.New("it is the account of another user")

// claim makes a the account of the relay and the user of a configuration.
func (a *Account) claim(c client.Config) error {
	user := c.Credentials.User()
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case !a.claimed:
		a.claimed, a.address, a.user = true, c.Address, user
	case a.address != c.Address:
		return &FieldError{Field: "Account", Value: c.Address, Err: fmt.Errorf("it is an account at %s", a.address)}
	case a.user != user:
		return &FieldError{Field: "Account", Value: c.Address, Err: errOtherUser}
	}
	return nil
}

// Stats returns the figures of the connections of all its transports together; those that were shut down and closed do not
// count.
func (a *Account) Stats() Stats { return a.connections.Stats() }

// String returns the address of the relay, "" before the first transport was built.
func (a *Account) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.address
}

// GoString returns what String returns, so that %#v does not show what is kept of secrets.
func (a *Account) GoString() string { return a.String() }

// LogValue returns the relay and the figures.
func (a *Account) LogValue() slog.Value {
	return slog.GroupValue(slog.String("relay", a.String()), slog.Any("connections", a.Stats()))
}
