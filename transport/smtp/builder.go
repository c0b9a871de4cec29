package smtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
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
	provider Provider // of Service
	bulk     bulk
	security security
	user     string         // of a URL
	late     []func(*state) // reads the files that a URL names
	faults   []error
}

// bulk is how SendAll uses a connection.
type bulk struct {
	depth  int  // transactions in flight
	resume bool // NotSent mails of a broken connection go over another one
}

// fork returns a copy that shares nothing with s that a step changes.
func (s *state) fork() *state {
	c := *s
	c.faults = append([]error(nil), s.faults...)
	c.config.Without = append([]extension.Keyword(nil), s.config.Without...)
	c.config.Pins = append([]client.Pin(nil), s.config.Pins...)
	c.config.TLSConfig = s.config.TLSConfig.Clone()
	c.security = s.security.clone()
	c.late = append([]func(*state){}, s.late...)
	return &c
}

// Ports of RFC 8314 section 3.3, RFC 6409, RFC 5321 and RFC 2033.
const (
	portTLS        = 465
	portSubmission = 587
	portSMTP       = 25
	portLMTP       = 24
)

// Relay begins a transport that speaks TLS from the first octet, on port 465. host is a name or an IP
// address; the certificate must be valid for it.
func Relay(host string) Builder { return begin(host, portTLS, client.TLSImplicit) }

// StartTLSRelay begins a transport that requires STARTTLS, on port 587. Nothing but the greeting,
// EHLO and STARTTLS is said in clear; when the upgrade fails, nothing is sent.
func StartTLSRelay(host string) Builder { return begin(host, portSubmission, client.TLSStartTLS) }

// UnencryptedLocalhost begins a transport to the server of this machine on port 25, without TLS.
func UnencryptedLocalhost() Builder { return begin("localhost", portSMTP, client.TLSNone) }

// DangerousPlaintext begins a transport without TLS on port 25. Every attacker on the way can read and change the
// mail. Passwords are still not sent unless DangerousPlaintextAuth is set too.
func DangerousPlaintext(host string) Builder { return begin(host, portSMTP, client.TLSNone) }

// DangerousOpportunisticTLS begins a transport on port 25 that uses STARTTLS where the server offers it,
// and no TLS where it does not. It keeps out who only listens, not who is on the way and hides the
// offer. Once STARTTLS was offered it must succeed.
func DangerousOpportunisticTLS(host string) Builder {
	return begin(host, portSMTP, client.TLSDangerousOpportunistic)
}

// LMTP begins a transport to an LMTP server over TCP, without TLS, on port 24. Every recipient has a
// verdict of its own (RFC 2033). An LMTP server belongs on the same machine or network.
func LMTP(host string) Builder {
	return begin(host, portLMTP, client.TLSNone).step(func(s *state) { s.config.LMTP = true })
}

// LMTPSocket is LMTP over a Unix socket.
func LMTPSocket(path string) Builder {
	return begin("localhost", portLMTP, client.TLSNone).step(func(s *state) {
		s.config.LMTP, s.config.Network, s.config.Address = true, "unix", path
		if path == "" {
			s.fault("Path", "", errors.New("a path is needed"))
		}
	})
}

func begin(host string, port int, mode client.TLSMode) Builder {
	return Builder{linear.New(), &state{host: host, port: port, config: client.Config{TLS: mode}}}
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
	s.faults = append(s.faults, &FieldError{Field: field, Value: value, Err: err})
}

// Port replaces the port of the constructor.
func (b Builder) Port(port int) Builder { return b.step(func(s *state) { s.port = port }) }

// Login log in with a user name and a password, by the strongest mechanism that the server
// offers. A server that offers none is an error: mail is never sent without the login. See Login for
// tokens and other ways.
func (b Builder) Login(user, password string) Builder {
	return b.step(func(s *state) { s.login("Login", user, password) })
}

func (s *state) login(field, user, password string) {
	c, err := authentication.Password(user, password)
	if err != nil {
		s.fault(field, user, err)
	}
	s.config.Credentials = c
}

// Credentials logs in with any credentials: tokens, secrets from a source, client certificates, an identity to
// act as, some mechanisms only, or mechanisms of the caller's own; see package authentication. A secret
// that the server rejects is not sent again for ten minutes, by no connection, until it changes. Of
// several calls of Login and Credentials, those of a URL included, the last one counts.
func (b Builder) Credentials(credentials authentication.Credentials) Builder {
	return b.step(func(s *state) {
		if credentials.IsZero() {
			s.fault("Credentials", "", errors.New("no credentials"))
		}
		s.config.Credentials = credentials
	})
}

// DangerousPlaintextAuth allows the password to be sent without TLS, also to other machines.
func (b Builder) DangerousPlaintextAuth() Builder {
	return b.step(func(s *state) { s.config.InsecureAuth = true })
}

// HelloName is what the client calls itself in EHLO: a host name or an IP address. The default is
// the host's name when it is fully qualified, else the address of the local end.
func (b Builder) HelloName(name string) Builder {
	return b.step(func(s *state) {
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
// See Timeouts for each on its own.
func (b Builder) Timeout(limit time.Duration) Builder {
	return b.step(func(s *state) {
		if limit <= 0 {
			s.fault("Timeout", limit.String(), errors.New("want a positive duration"))
		}
		s.limit(limit)
	})
}

func (s *state) limit(d time.Duration) {
	s.config.Timeouts = client.Timeouts{
		Dial: min(d, 30*time.Second), TLS: d, Reply: d, Data: d, Body: d, Reset: d,
	}
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

// BulkWindow lets up to depth mails, and 1 MiB of them, be on their way over one connection of
// SendAll at the same time, to servers with PIPELINING and CHUNKING. The default is one. When a
// connection breaks, that many mails at most are in doubt: a server that hangs up loses replies that
// it has given already. A good compromise is 20. Use [Builder.ResendUnsent] with it: a relay that ends each
// connection after some mails leaves those in the window NotSent.
func (b Builder) BulkWindow(depth int) Builder {
	return b.step(func(s *state) {
		if depth < 1 {
			s.fault("BulkWindow", strconv.Itoa(depth), errors.New("want at least 1"))
		}
		s.bulk.depth = depth
	})
}

// ResendUnsent lets SendAll send mails that a broken connection left NotSent over another one, as long as
// every second connection at least brings something to an end.
func (b Builder) ResendUnsent() Builder { return b.step(func(s *state) { s.bulk.resume = true }) }

// LocalAddr makes connections from an address of this machine.
func (b Builder) LocalAddr(addr net.Addr) Builder {
	return b.step(func(s *state) { s.config.LocalAddr = addr })
}

// Dialer replaces the dialer, for proxies. TLS and all limits hold over what it returns.
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
	s, err := b.settle()
	if err != nil {
		return nil, err
	}
	t := newTransport(s.config, s.pool.withDefaults(), s.bulk)
	t.provider = s.provider
	return t, nil
}

// ClientConfig checks the configuration and returns that of one connection, for [client.Dial]: what a program
// needs that sends commands of its own. The handle is spent, as by Build. The settings of the pool and of bulk
// mail have no part in it.
func (b Builder) ClientConfig() (client.Config, error) {
	s, err := b.settle()
	if err != nil {
		return client.Config{}, err
	}
	return s.config, nil
}

// settle spends the handle and returns what was configured, checked.
func (b Builder) settle() (state, error) {
	if err := b.handle.Finish(); err != nil {
		return state{}, err
	}
	s := *b.state
	s.pool = s.pool.within(s.provider.Limits)
	for _, read := range s.late {
		read(&s)
	}
	s.check()
	if len(s.faults) > 0 {
		return s, errors.Join(s.faults...)
	}
	if s.config.Address == "" {
		s.config.Address = net.JoinHostPort(s.host, strconv.Itoa(s.port))
	}
	return s, nil
}

func (s *state) check() {
	if s.config.Address == "" {
		if _, err := extension.ParseHelloName(s.host); err != nil { // a host name or an IP address too
			s.fault("Host", s.host, err)
		}
		if s.port < 1 || s.port > 65535 {
			s.fault("Port", strconv.Itoa(s.port), errors.New("want 1 to 65535"))
		}
	}
	if name := s.provider.Name; name != "" {
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
