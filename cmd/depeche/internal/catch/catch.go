// Package catch is a mail server for development: what programs send to it goes nowhere, and is shown in a browser and
// as JSON.
package catch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/mailtest/preview"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// Security is how the mail server comes to TLS.
type Security string

// The ways to TLS. A program that uses it has to trust the authority of the server.
const (
	NoTLS       Security = "none"
	StartTLS    Security = "starttls" // offered, and login is allowed without it
	ImplicitTLS Security = "implicit"
)

// Limits on what may be taken, so that memory is bounded.
const (
	idleTimeout    = 5 * time.Minute
	maxConnections = 100
	// certificateLifetime is longer than a server in development lives.
	certificateLifetime = 365 * 24 * time.Hour
	shutdownTime        = time.Second
)

// Config says what a server does.
type Config struct {
	MailAddress, PageAddress string // host:port; port 0 is a free one
	Hosts                    []string
	LMTP                     bool
	Security                 Security
	Dialect                  string          // of [DialectNames]; "" is the one that offers everything
	Faults                   []string        // as [FaultHelp] says
	RelayLimits              []string        // as [LimitHelp] says
	Folder                   string          // where the mails survive; "" is memory alone
	Limits                   mailtest.Limits // the oldest go
	MaxSize                  int64           // octets of one mail
	Release                  transport.Transport
	ReleaseTo                string
	Webhook                  string // a URL that each mail is posted to
	// Log is told of what happens; it is called by several goroutines at the same time.
	Log func(Event)
}

// Event is something that has happened. Its JSON is stable.
type Event struct {
	Event   string `json:"event"` // "caught", "webhook failed", "store failed"
	ID      string `json:"id,omitempty"`
	Mail    string `json:"mail,omitempty"` // subject and recipients
	Error   string `json:"error,omitempty"`
	Address string `json:"address,omitempty"`
}

// Server is a running server.
type Server struct {
	config   Config
	inbox    *mailtest.Inbox
	store    *store
	mail     *smtptest.Server
	page     net.Listener
	handler  http.Handler
	sessions *sessions
	hook     *webhook
}

// Start starts a server. The caller must let it Serve, which ends it.
func Start(ctx context.Context, config Config) (_ *Server, err error) {
	s := &Server{config: config, inbox: mailtest.NewBounded(config.Limits), sessions: newSessions()}
	if s.config.Log == nil {
		s.config.Log = func(Event) {}
	}
	if config.Folder != "" {
		if s.store, err = openStore(config.Folder, s.inbox); err != nil {
			return nil, err
		}
	}
	s.handler = preview.Config{
		Inbox: s.inbox, Hosts: config.Hosts, Release: config.Release, ReleaseTo: config.ReleaseTo, Notes: s.sessions.notes,
	}.Handler()
	if config.Webhook != "" {
		s.hook = newWebhook(config.Webhook, s.handler, s.config.Log)
	}
	if s.page, err = new(net.ListenConfig).Listen(ctx, "tcp", config.PageAddress); err != nil {
		return nil, err
	}
	mail, err := s.mailConfig()
	if err == nil {
		s.mail, err = smtptest.Start(mail)
	}
	if err != nil {
		return nil, errors.Join(err, s.page.Close())
	}
	return s, nil
}

// mailConfig returns the configuration of the mail server.
func (s *Server) mailConfig() (smtptest.Config, error) {
	c := smtptest.Config{
		Address: s.config.MailAddress, Hostname: "localhost", Mechanisms: anyLogin(), MaxSize: s.config.MaxSize,
		Forget: true, Receive: s.receive, IdleTimeout: idleTimeout, MaxConnections: maxConnections, CertificateLifetime: certificateLifetime,
	}
	if s.config.LMTP {
		c.Protocol = smtptest.LMTP
	}
	extensions := smtptest.DefaultExtensions()
	if s.config.Dialect != "" {
		dialect, ok := lookUpDialect(s.config.Dialect)
		if !ok {
			return c, fmt.Errorf("there is no dialect %q; there are %s", s.config.Dialect, DialectNames())
		}
		extensions = dialect.extensions
		c.Hooks = append(c.Hooks, dialect.hooks...)
		c.Dialect.Name = dialect.words
	}
	if err := setLimits(&c, s.config.RelayLimits); err != nil {
		return c, err
	}
	c.Extensions = extensions
	hooks := []smtptest.Hook{s.sessions.watch}
	for _, text := range s.config.Faults {
		hook, err := parseFault(text, s.sessions.refuse)
		if err != nil {
			return c, err
		}
		hooks = append(hooks, hook)
	}
	c.Hooks = append(hooks, c.Hooks...)
	switch s.config.Security {
	case NoTLS, "":
		c.Security = smtptest.Plaintext
	case ImplicitTLS:
		c.Security = smtptest.ImplicitTLS
	case StartTLS:
		// A server that is strict offers login after TLS alone; this one is for any program.
		c.Hello.Plain = append(withSize(extensions, c.MaxSize), "STARTTLS", "AUTH LOGIN OAUTHBEARER PLAIN XOAUTH2")
	default:
		return c, fmt.Errorf("there is no TLS %q; there are none, starttls and implicit", s.config.Security)
	}
	return c, nil
}

// MailAddress returns where mail is taken, PageURL where it is shown.
func (s *Server) MailAddress() string { return s.mail.Addr() }

// PageURL returns the address of the page.
func (s *Server) PageURL() string { return "http://" + s.page.Addr().String() + "/" }

// AuthorityPEM returns the certificate that a program has to trust, in PEM.
func (s *Server) AuthorityPEM() []byte { return s.mail.AuthorityPEM() }

// Inbox returns where the mails are.
func (s *Server) Inbox() *mailtest.Inbox { return s.inbox }

// Serve shows the mails until ctx ends, and then ends everything.
func (s *Server) Serve(ctx context.Context) error {
	requests, end := context.WithCancel(ctx)
	defer end()
	server := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return requests },
	}
	var running sync.WaitGroup
	defer running.Wait()
	defer end()
	if s.store != nil {
		running.Go(func() { s.store.follow(requests, s.config.Log) })
	}
	if s.hook != nil {
		running.Go(func() { s.hook.run(requests) })
	}
	stopped := make(chan error, 1)
	running.Go(func() {
		<-requests.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		err := server.Shutdown(grace)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close()
		}
		stopped <- err
	})
	err := server.Serve(s.page)
	end()
	s.mail.Close()
	if !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
