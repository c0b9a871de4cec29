// Package sink is a mail server that takes everything and keeps only counts. It reads 64 KiB at a time and
// answers all complete commands in one write, so that a benchmark measures the client.
package sink

import (
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
)

// Config says what a sink offers.
type Config struct {
	Extensions []string    // lines of the EHLO reply, such as "PIPELINING"
	TLS        *tls.Config // TLS from the first octet; nil for none
	StartTLS   *tls.Config // offered by STARTTLS; nil for none
	// Apart has each reply written by itself, without TCP_NODELAY, so that the second one waits until the client has
	// acknowledged the first. Flights are not counted then.
	Apart bool
}

// Counts is what a sink has seen.
type Counts struct {
	Connections int64
	Messages    int64 // accepted
	Flights     int64 // how often it had answered everything and waited for the client
	Octets      int64 // received, after decryption
}

// Server is a running sink. It is safe for concurrent use.
type Server struct {
	config   Config
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]struct{}

	connections, messages, flights, octets atomic.Int64
}

// Start opens a sink on a free port of the loopback interface. The caller closes it.
func Start(config Config) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{config: config, listener: listener, conns: map[net.Conn]struct{}{}}
	s.running.Go(s.accept)
	return s, nil
}

// Addr returns the address of the sink, host and port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Counts returns what has been seen since the start. A client that has its verdict finds it counted.
func (s *Server) Counts() Counts {
	return Counts{s.connections.Load(), s.messages.Load(), s.flights.Load(), s.octets.Load()}
}

// Sub returns what was added since earlier.
func (c Counts) Sub(earlier Counts) Counts {
	return Counts{
		c.Connections - earlier.Connections, c.Messages - earlier.Messages,
		c.Flights - earlier.Flights, c.Octets - earlier.Octets,
	}
}

// Close ends all connections at once and waits until nothing runs any more.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	err := s.listener.Close()
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
	return err
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.connections.Add(1)
		if tcp, ok := conn.(*net.TCPConn); ok && s.config.Apart {
			_ = tcp.SetNoDelay(false) // a connection that has gone shows at the first read
		}
		if s.config.TLS != nil {
			conn = tls.Server(conn, s.config.TLS)
		}
		s.mu.Lock()
		s.conns[conn] = struct{}{}
		closed := s.closed
		s.mu.Unlock()
		s.running.Go(func() {
			if !closed {
				(&session{server: s, conn: conn}).serve()
			}
			_ = conn.Close()
			s.mu.Lock()
			delete(s.conns, conn)
			s.mu.Unlock()
		})
	}
}
