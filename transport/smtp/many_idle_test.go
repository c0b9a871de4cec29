//go:build !race

package smtp_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/internal/memconn"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
)

// crowd is a relay whose sessions keep next to nothing. The first mails of a transport get their verdict when so many have come.
type crowd struct {
	together int
	opened   atomic.Int64
}

// dialer returns a dialer of a transport.
func (c *crowd) dialer() func(context.Context, string, string) (net.Conn, error) {
	var came sync.WaitGroup
	came.Add(c.together)
	return func(context.Context, string, string) (net.Conn, error) {
		c.opened.Add(1)
		near, far := memconn.Pipe()
		go answer(far, sync.OnceFunc(func() {
			came.Done()
			came.Wait()
		}))
		return near, nil
	}
}

// answer is a session, which calls taken before each verdict.
func answer(nc net.Conn, taken func()) {
	defer nc.Close()
	say := func(text string) { _, _ = io.WriteString(nc, text) }
	say("220 mx\r\n")
	content := false
	for r := bufio.NewReaderSize(nc, 128); ; {
		line, err := r.ReadSlice('\n')
		switch {
		case err != nil:
			return
		case content && string(line) == ".\r\n":
			content = false
			taken()
			say("250 2.0.0 taken\r\n")
		case content:
		case bytes.HasPrefix(line, []byte("EHLO")):
			say("250-mx\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n")
		case bytes.HasPrefix(line, []byte("DATA")):
			content = true
			say("354 go\r\n")
		default:
			say("250 2.1.0 ok\r\n")
		}
	}
}

// TestTenThousandIdle: a process with a thousand transports of ten idle connections each keeps a few KiB and one goroutine for each
// connection, uses every one of them again, and keeps nothing of them when all transports are closed.
func TestTenThousandIdle(t *testing.T) {
	const transports, each = 1_000, 10
	const most, after = 7_300, 900 // octets of a connection: with room for another version of Go; 5,600 and 550 with Go 1.26
	relay := &crowd{together: each}
	mail := numbered(t, 1)
	readyFor(2*transports*each + transports)
	goroutines, before := runtime.NumGoroutine(), heap()
	senders := make([]*smtp.Transport, transports)
	for i := range senders {
		senders[i] = build(t, smtp.DangerousPlaintext("relay.example.org").Dialer(relay.dialer()).
			Pool(smtp.Pool{MaxOpen: each, MaxIdle: each, IdleTimeout: time.Hour}))
		sendTogether(t, senders[i], mail, each)
	}
	const connections = transports * each
	if kept := (heap() - before) / connections; kept > most {
		t.Errorf("%d octets for each connection, its other end and its share of the transport included, at most %d", kept, most)
	} else {
		t.Logf("%d octets for each connection", kept)
	}
	if more := runtime.NumGoroutine() - goroutines; more > 2*connections+transports {
		t.Errorf("%d goroutines for %d connections and their other ends", more, connections)
	}
	for _, sender := range senders {
		if idle := sender.Stats().Idle; idle != each {
			t.Fatalf("%d idle connections, want %d", idle, each)
		}
		sendTogether(t, sender, mail, each)
	}
	if opened := relay.opened.Load(); opened != connections {
		t.Errorf("%d connections were opened, want %d", opened, connections)
	}
	for _, sender := range senders {
		_ = sender.Close()
	}
	ended := time.Now().Add(time.Minute)
	for runtime.NumGoroutine() > goroutines+transports/10 { // what reads ends soon after
		if time.Now().After(ended) {
			t.Fatalf("a minute after Close there are %d goroutines, %d before the first transport", runtime.NumGoroutine(), goroutines)
		}
		runtime.Gosched()
	}
	if kept := (heap() - before) / connections; kept > after {
		t.Errorf("%d octets for each connection after Close, its share of the closed transport, at most %d", kept, after)
	} else {
		t.Logf("%d octets for each connection after Close", kept)
	}
	runtime.KeepAlive(senders)
}

// readyFor lets the runtime have what it keeps of n goroutines for ever, so that it is not counted as a leak.
func readyFor(n int) {
	var all sync.WaitGroup
	end := make(chan struct{})
	for range n {
		all.Go(func() { <-end })
	}
	close(end)
	all.Wait()
}

// sendTogether sends a mail n times at the same time.
func sendTogether(t *testing.T, sender *smtp.Transport, mail transport.Mail, n int) {
	t.Helper()
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			if _, err := sender.Send(t.Context(), mail); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}
