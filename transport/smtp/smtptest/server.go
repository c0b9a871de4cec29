package smtptest

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/depeche-mail/depeche/internal/memconn"
)

// Server is an SMTP or LMTP server on the loopback interface. Its methods may be called from any
// goroutine.
type Server struct {
	// Config may be changed between [NewUnstartedServer] and [Server.Start].
	Config Config

	tb        testing.TB // nil in programs
	authority *authority
	tls       *tls.Config
	listener  net.Listener
	folder    string // of the unix socket, removed by Close
	hooks     atomic.Pointer[[]Hook]
	record    *recorder
	dialogue  []line // nil for SMTP
	gauge     *gauge

	done    chan struct{}
	running sync.WaitGroup
	mu      sync.Mutex
	conns   map[net.Conn]int // the numbers of their sessions; nil after Close
}

// NewServer starts a server that ends with the test. It fails the test if it cannot.
func NewServer(tb testing.TB) *Server {
	tb.Helper()
	s := NewUnstartedServer(tb)
	s.Start()
	return s
}

// NewUnstartedServer returns a server whose Config can still be changed, before [Server.Start] or
// [Server.StartImplicitTLS]. It ends with the test.
func NewUnstartedServer(tb testing.TB) *Server {
	tb.Helper()
	return &Server{tb: tb}
}

// Start starts a server outside of tests; the caller must Close it.
func Start(config Config) (*Server, error) {
	s := &Server{Config: config}
	if err := s.start(); err != nil {
		return nil, err
	}
	return s, nil
}

// Start starts a server made by [NewUnstartedServer] and fails its test if it cannot.
func (s *Server) Start() {
	s.tb.Helper()
	if err := s.start(); err != nil {
		s.tb.Fatal(err)
	}
	s.tb.Cleanup(s.Close)
}

// StartImplicitTLS is [Server.Start] with TLS from the first octet.
func (s *Server) StartImplicitTLS() {
	s.tb.Helper()
	s.Config.Security = ImplicitTLS
	s.Start()
}

var errStarted = errors.New("smtptest: the server has been started before")

func (s *Server) start() (err error) {
	if s.listener != nil {
		return errStarted
	}
	s.Config = s.Config.withDefaults()
	s.record = newRecorder(s.Config.Forget)
	s.done = make(chan struct{})
	s.conns = map[net.Conn]int{}
	s.Use(s.Config.Hooks...)
	s.gauge = newGauge(s.Config.Throttle)
	if err = s.Config.Dialect.complete(); err != nil {
		return err
	}
	if s.dialogue, err = readDialogue(s.Config.Dialogue); err != nil {
		return err
	}
	if s.authority, err = newAuthority(s.Config.CertificateLifetime); err != nil {
		return err
	}
	if s.tls, err = s.authority.serverTLS(&s.Config); err != nil {
		return err
	}
	if s.listener, err = s.listen(); err != nil {
		return err
	}
	s.running.Go(s.accept)
	return nil
}

func (s *Server) listen() (net.Listener, error) {
	address := s.Config.Address
	switch {
	case s.Config.Network == "memory":
		const backlog = 128
		return memconn.Listen(backlog), nil
	case address != "":
	case s.Config.Network == "unix":
		// The path of a socket is short by nature; that of t.TempDir often is not.
		folder, err := os.MkdirTemp("", "smtptest")
		if err != nil {
			return nil, err
		}
		s.folder = folder
		address = filepath.Join(folder, "socket")
	default:
		address = "127.0.0.1:0"
	}
	return net.Listen(s.Config.Network, address)
}

// Dial connects to the server, whatever network and address say: it fits where programs take a dialer. A server in
// memory is reached by it alone.
func (s *Server) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if l, ok := s.listener.(*memconn.Listener); ok {
		return l.Dial(ctx)
	}
	var d net.Dialer
	return d.DialContext(ctx, s.Config.Network, s.Addr())
}

// Use replaces the hooks, for what the server does from now on.
func (s *Server) Use(hooks ...Hook) { s.hooks.Store(&hooks) }

// Close ends the server, all its connections and goroutines, and returns when they are gone. It may
// be called again.
func (s *Server) Close() {
	s.mu.Lock()
	conns := s.conns
	s.conns = nil
	s.mu.Unlock()
	if conns == nil {
		s.running.Wait()
		return
	}
	close(s.done)
	_ = s.listener.Close()
	for conn := range conns {
		_ = conn.Close()
	}
	s.running.Wait()
	if s.folder != "" {
		_ = os.RemoveAll(s.folder)
	}
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.conns == nil {
			_ = conn.Close()
		} else {
			session := newSession(s, conn)
			s.conns[conn] = session.info.ID
			s.running.Go(func() { s.serve(session, conn) })
		}
		s.mu.Unlock()
	}
}

func (s *Server) serve(session *session, conn net.Conn) {
	session.run()
	_ = conn.Close()
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
}
