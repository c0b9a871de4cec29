//go:build !race

package client_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// miniature is a server whose sessions keep next to nothing.
type miniature struct {
	came    chan struct{} // sent to when a content has come
	verdict chan struct{} // received from before it is accepted
}

func (m miniature) listen(t *testing.T) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go m.serve(nc)
		}
	}()
	return ln.Addr().String()
}

func (m miniature) serve(nc net.Conn) {
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
			m.came <- struct{}{}
			<-m.verdict
			say("250 2.0.0 taken\r\n")
		case content:
		case bytes.HasPrefix(line, []byte("EHLO")):
			say("250-mx\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SMTPUTF8\r\n")
		case bytes.HasPrefix(line, []byte("DATA")):
			content = true
			say("354 go\r\n")
		default:
			say("250 2.1.0 ok\r\n")
		}
	}
}

// inPieces is a mail that is written line by line.
type inPieces struct{ *rawMail }

func (m inPieces) WriteTo(w io.Writer) (n int64, err error) {
	for line := range strings.Lines(m.data) {
		more, err := io.WriteString(w, line)
		n += int64(more)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func heapNow() int64 {
	var m runtime.MemStats
	for range 3 { // what pools keep goes with the second collection
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestMemoryOfConnections: what a connection in clear keeps in the heap, its other end included, does not depend on the
// mails that it has carried, and little more is kept while it waits for a verdict.
func TestMemoryOfConnections(t *testing.T) {
	const (
		open = 500

		// Each is within 10 % of what it is.
		small = 7_200
		idle  = 9_400
		busy  = 13_000
	)
	server := miniature{make(chan struct{}), make(chan struct{})}
	address := server.listen(t)
	before := heapNow()
	conns := make([]*client.Conn, open)
	for i := range conns {
		conn, err := client.Dial(t.Context(), client.Config{Address: address, TLS: client.TLSNone})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns[i] = conn
	}
	bounded := func(state string, most int64) {
		t.Helper()
		each := (heapNow() - before) / open
		t.Logf("%s: %d octets each", state, each)
		if each > most {
			t.Errorf("%s: %d octets each, at most %d", state, each, most)
		}
	}
	send := func(mail client.Mail, meanwhile func()) {
		ended := make(chan error)
		for _, conn := range conns {
			go func() { ended <- conn.Send(t.Context(), mail).Err }()
		}
		for range conns {
			<-server.came
		}
		meanwhile()
		for range conns {
			server.verdict <- struct{}{}
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	bounded("new", small)
	send(newMail(t, "from a@x.org\nto b@x.org\n\nSubject: x\n\nx\n"), func() {})
	bounded("idle", small)
	send(inPieces{big(t, 1<<20, "b@x.org")}, func() { bounded("waiting for the verdict on 1 MiB", busy) })
	bounded("idle after that", idle)
}
