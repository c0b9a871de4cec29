package smtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/linear"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
)

// FieldError says which step of the builder was given something unusable, and why.
type FieldError = envelope.FieldError

// ErrStale is the error of Build when a handle was used twice; see [Builder].
var ErrStale = linear.ErrStale

// Builder is a linear handle of a transport being configured: each step spends it and returns the
// next one. Keep the result (b = b.HelloName(x)) or fork with Clone. The zero Builder is not usable.
type Builder struct {
	handle linear.Handle
	state  *state
}

// state is what the steps collect; Build judges it.
type state struct {
	host     string
	port     int
	config   client.Config
	pool     Pool
	provider Provider // of ForProvider, or of the host
	byName   bool     // ForProvider
	bulk     bulk
	security security
	origin   origin
	unsure   bool // of a URL whose values may be part of a password
	login    login
	proxy    proxyServer
	account  *Account
	errs     []error
}

// origin says in which form faults name a setting.
type origin uint8

const (
	fromCode   origin = iota // by the step
	fromURL                  // as a fault of the URL, with the key as value
	fromConfig               // by the key
)

// bulk is how SendAll uses a connection.
type bulk struct {
	depth  int           // transactions in flight
	resume bool          // NotSent mails of a broken connection go over another one
	wait   time.Duration // for a relay that is down; 0 for the default, noWait for mails that fail at once
}

// fork returns a copy that shares nothing with s that a step changes.
func (s *state) fork() *state {
	c := *s
	c.errs = append([]error(nil), s.errs...)
	c.config.Without = append([]extension.Keyword(nil), s.config.Without...)
	c.config.Pins = append([]client.Pin(nil), s.config.Pins...)
	c.config.TLSConfig = s.config.TLSConfig.Clone()
	c.security = s.security.clone()
	c.login.mechanisms = slices.Clone(s.login.mechanisms)
	return &c
}

// Clone forks the configuration: both handles can be used, and neither sees the other's steps.
func (b Builder) Clone() Builder {
	var fork Builder
	b.handle.Look(func() { fork = Builder{linear.New(), b.state.fork()} })
	return fork
}

func (b Builder) step(change func(*state)) Builder {
	return Builder{b.handle.Step(func() { change(b.state) }), b.state}
}

func (s *state) fault(field, value string, err error) {
	s.errs = append(s.errs, &FieldError{Field: field, Value: value, Err: err})
}

// Port replaces the port of the constructor; 0 does not.
func (b Builder) Port(port int) Builder {
	return b.step(func(s *state) {
		if port != 0 {
			s.port = port
		}
	})
}

// Login logs in with a user name and a password, by the strongest mechanism that the server offers. When it
// offers none, nothing is sent: the error is an [authentication.Error]. See [Builder.Credentials] for tokens
// and other ways.
func (b Builder) Login(user, password string) Builder {
	return b.step(func(s *state) {
		_, err := authentication.Password(user, password)
		if err != nil {
			s.fault("Login", authentication.MaskUser(user, password), err)
			user, password = "", "" // it is a fault already
		}
		s.config.Credentials = authentication.Credentials{}
		s.login.as(user, NewSecret(password))
	})
}

// Credentials logs in with any credentials: tokens, secrets from a source, client certificates, an identity to
// act as, some mechanisms only, or mechanisms of the caller's own; see package authentication. A secret
// that the server refuses is not sent again for ten minutes, by no connection, until it changes; for half a minute
// when the server cannot check logins for now. Of
// several calls of Login and Credentials, those of a URL included, the last one counts.
func (b Builder) Credentials(credentials authentication.Credentials) Builder {
	return b.step(func(s *state) {
		if credentials.IsZero() {
			s.fault("Credentials", "", errors.New("no credentials"))
		}
		s.config.Credentials = credentials
		s.login.as("", Secret{})
	})
}

// Mechanisms limits the login to some mechanisms, by their names such as "PLAIN". Without names all that fit may be
// used, the strongest first. Their order is not changed.
func (b Builder) Mechanisms(names ...string) Builder {
	return b.step(func(s *state) {
		s.login.mechanisms = nil
		for _, name := range names {
			s.login.mechanisms = append(s.login.mechanisms, strings.ToUpper(name))
		}
	})
}

// AuthorizationID is the user to act as, where that is not the one who logs in (RFC 4422 section 2), by mechanisms
// that can say so: SCRAM, PLAIN and EXTERNAL. An empty one is an error: the mail would go out as another user than was
// meant.
func (b Builder) AuthorizationID(identity string) Builder {
	return b.step(func(s *state) {
		if identity == "" {
			s.fault("AuthorizationID", "", errors.New("want the user to act as"))
		}
		s.login.authorizationID = identity
	})
}

// DangerousPlaintextAuth allows a login without TLS, also to other machines: PLAIN, LOGIN and tokens show the secret to
// every listener, SCRAM and CRAM-MD5 let a listener guess it at home. Without it no secret is used in clear, on loopback
// and Unix sockets neither. EXTERNAL and ANONYMOUS have no secret and need no permission.
func (b Builder) DangerousPlaintextAuth() Builder {
	return b.step(func(s *state) { s.config.InsecureAuth = true })
}

// HelloName is what the client calls itself in EHLO: a host name or an IP address. The default is
// the host's name when it is fully qualified, else the address of the local end; "" is the default.
func (b Builder) HelloName(name string) Builder {
	return b.step(func(s *state) {
		if name == "" {
			s.config.HelloName = extension.HelloName{}
			return
		}
		if err := s.helloName(name); err != nil {
			s.fault("HelloName", name, err)
		}
	})
}

func (s *state) helloName(name string) (err error) {
	s.config.HelloName, err = extension.ParseHelloName(name)
	return err
}

// Timeout limits each wait for the server except for two: the dial has at most 30 s, and the verdict
// on the content has never less than 10 minutes, because giving up early there creates duplicates.
// See Timeouts for each on its own. 0 is the default: minutes, as in RFC 5321 section 4.5.3.2.
func (b Builder) Timeout(limit time.Duration) Builder {
	return b.step(func(s *state) {
		if limit < 0 {
			s.fault("Timeout", limit.String(), errors.New("want a positive duration"))
		}
		s.config.Timeouts = timeouts(limit)
	})
}

// timeouts are the limits of Timeout.
func timeouts(d time.Duration) client.Timeouts {
	return client.Timeouts{Dial: min(d, 30*time.Second), TLS: d, Reply: d, Data: d, Body: d, Reset: d}
}

// Timeouts sets the limits of the phases; zero ones keep their default.
func (b Builder) Timeouts(limits client.Timeouts) Builder {
	return b.step(func(s *state) { s.config.Timeouts = limits })
}

// Pool sets how many connections are kept and for how long.
func (b Builder) Pool(pool Pool) Builder { return b.step(func(s *state) { s.pool = pool }) }

// AllOrNothing sends the content only when the server accepts every recipient. It costs a round trip.
// The default delivers to those who were accepted and reports the others.
func (b Builder) AllOrNothing() Builder {
	return b.step(func(s *state) { s.config.AllOrNothing = true })
}

// DisableExtensions does not use extensions of the server that do not work.
func (b Builder) DisableExtensions(keywords ...extension.Keyword) Builder {
	return b.step(func(s *state) { s.config.Without = append(s.config.Without, keywords...) })
}

// Chunking says whether content may travel by BDAT. The default is client.ChunkingAuto.
func (b Builder) Chunking(use client.Chunking) Builder {
	return b.step(func(s *state) { s.config.Chunking = use })
}

// BulkWindow sets how many mails SendAll keeps unacknowledged on each connection (default 1, at most 1 MiB
// in all; 0 is the default), to servers with PIPELINING and CHUNKING. If the connection breaks, up to that many mails are
// Unknown: a server that hangs up loses replies that it has given already. A good compromise is 20. Use [Builder.ResendUnsent] with it: a relay that ends each
// connection after some mails leaves those in the window NotSent.
func (b Builder) BulkWindow(depth int) Builder {
	return b.step(func(s *state) {
		if depth < 0 {
			s.fault("BulkWindow", strconv.Itoa(depth), errors.New("want at least 1, or 0 for the default"))
		}
		s.bulk.depth = depth
	})
}

// ResendUnsent lets SendAll send mails that a broken connection left NotSent over another one. It gives up on a
// mail after two connections in a row that lost it without finishing any mail.
func (b Builder) ResendUnsent() Builder { return b.step(func(s *state) { s.bulk.resume = true }) }

// WaitForRelay is how long SendAll waits for a relay that is down, restarts, or refuses all connections for now: 5 minutes
// by default, until its ctx ends at the latest. Each connection of the pool has a mail that waits and takes no other.
// 0 lets mails fail at once. A policy above that has another relay to go to, such as Failover, and a Breaker let them fail at
// once too; Send always does.
func (b Builder) WaitForRelay(limit time.Duration) Builder {
	return b.step(func(s *state) {
		if limit < 0 {
			s.fault("WaitForRelay", limit.String(), errors.New("must not be negative"))
		}
		s.bulk.wait = limit
		if limit == 0 {
			s.bulk.wait = noWait
		}
	})
}

// LocalAddr makes connections from an address of this machine.
func (b Builder) LocalAddr(addr net.Addr) Builder {
	return b.step(func(s *state) { s.config.LocalAddr = addr })
}

// Dialer replaces the dialer; for proxies there is [Builder.Proxy]. TLS and all limits hold over what it returns.
func (b Builder) Dialer(dial func(ctx context.Context, network, address string) (net.Conn, error)) Builder {
	return b.step(func(s *state) { s.config.Dial = dial })
}

// Trace is told what happens on the connections; it never hears a secret or content. Calls for one
// connection are serialised, those for several are not. It must not block.
func (b Builder) Trace(trace func(client.Event)) Builder {
	return b.step(func(s *state) { s.config.Trace = trace })
}

// Build checks the configuration and returns the transport, or every fault joined, each a
// *[FieldError]. It does not connect.
func (b Builder) Build() (*Transport, error) {
	s, err := b.resolve()
	if err != nil {
		return nil, err
	}
	if s.account == nil {
		s.account = NewAccount()
	}
	if err := s.account.claim(s.config); err != nil {
		return nil, err
	}
	t := newTransport(s.config, s.pool.withDefaults(), s.bulk, s.account)
	t.provider = s.provider
	t.dialect = dialectOf(s.provider.Name, s.host)
	return t, nil
}

// ClientConfig checks the configuration and returns that of one connection, for [client.Dial]: what a program
// needs that sends commands of its own. The handle is spent, as by Build. The settings of the pool and of bulk
// mail have no part in it.
func (b Builder) ClientConfig() (client.Config, error) {
	s, err := b.resolve()
	if err != nil {
		return client.Config{}, err
	}
	return s.config, nil
}

// resolve spends the handle and returns what was configured, checked.
func (b Builder) resolve() (state, error) {
	if err := b.handle.Finish(); err != nil {
		return state{}, err
	}
	s := *b.state
	s.resolveProvider()
	s.pool = s.pool.within(s.provider.Limits)
	s.config.MaxRecipients, s.config.MaxSize = s.provider.Limits.Recipients, s.provider.Limits.Size
	s.resolveLogin()
	s.check()
	s.resolveProxy()
	if len(s.errs) > 0 {
		return s, errors.Join(s.errs...)
	}
	if s.config.Address == "" {
		s.config.Address = net.JoinHostPort(s.host, strconv.Itoa(s.port))
	}
	return s, nil
}

func (s *state) check() {
	if s.config.Address == "" && s.config.Network != networkUnix {
		host, err := parseHost(s.host)
		if err != nil {
			s.fault("Host", s.host, err)
		}
		s.host = host
		if s.port < 1 || s.port > 65535 {
			s.fault("Port", strconv.Itoa(s.port), errors.New("want 1 to 65535"))
		}
	}
	if name := s.provider.Name; name != "" && s.byName {
		switch user := s.config.Credentials.User(); {
		case s.config.Credentials.IsZero():
			s.fault("ForProvider", name, errors.New("needs Login or Credentials"))
		case s.provider.User != "" && user != s.provider.User:
			s.fault("ForProvider", name, fmt.Errorf("the user of all its customers is %q, with a key of the API as password", s.provider.User))
		}
	}
	s.pool.check(s)
	s.checkTLS()
}
