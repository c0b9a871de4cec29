package chaos_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
)

// The environment of a server process: the ledger, and the seed.
const (
	envLedger = "DEPECHE_CHAOS_LEDGER"
	envServer = "DEPECHE_CHAOS_SERVER_SEED"
)

// server is the process that takes mail and remembers it. It shares no code with the client.
type server struct {
	mu     sync.Mutex
	rand   *rand.Rand
	ledger *os.File
	open   sync.WaitGroup
	conns  map[net.Conn]bool
}

// serve is the main function of a server process: it prints the addresses of its SMTP and its LMTP
// listener, and ends after its standard input has ended.
func serve() error {
	seed, err := strconv.ParseUint(os.Getenv(envServer), 10, 64)
	if err != nil {
		return err
	}
	ledger, err := os.OpenFile(os.Getenv(envLedger), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	s := &server{rand: rand.New(rand.NewPCG(seed, 7)), ledger: ledger, conns: map[net.Conn]bool{}}
	var listeners []net.Listener
	for _, lmtp := range []bool{false, true} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		listeners = append(listeners, l)
		s.open.Go(func() { s.accept(l, lmtp) })
		fmt.Print(l.Addr(), " ")
	}
	fmt.Println()
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent at the latest
	for _, l := range listeners {
		_ = l.Close() // the process ends
	}
	s.mu.Lock()
	for nc := range s.conns {
		_ = nc.Close() // their clients have gone
	}
	s.mu.Unlock()
	s.open.Wait()
	return ledger.Close()
}

func (s *server) accept(l net.Listener, lmtp bool) {
	for {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[nc] = true
		s.mu.Unlock()
		s.open.Go(func() {
			(&session{server: s, nc: nc.(*net.TCPConn), lmtp: lmtp}).serve()
			s.mu.Lock()
			delete(s.conns, nc)
			s.mu.Unlock()
		})
	}
}

// rarely is true once in n times.
func (s *server) rarely(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rand.IntN(n) == 0
}

// among chooses one of some words.
func (s *server) among(words ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return words[s.rand.IntN(len(words))]
}

// store writes a delivery to the ledger before anything is said about it.
func (s *server) store(rcpt string, data []byte) {
	sum := sha256.Sum256(data)
	line := rcpt + " " + hex.EncodeToString(sum[:]) + "\n"
	if _, err := s.ledger.WriteString(line); err != nil {
		panic(err)
	}
}
