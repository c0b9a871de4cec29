package link_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/bench/link"
)

// echo sends back what comes, until the end of the stream.
func echo(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	return listener
}

func open(t *testing.T, target string, roundTrip time.Duration) (*link.Link, *net.TCPConn) {
	t.Helper()
	l, err := link.Start(target, roundTrip)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return l, conn.(*net.TCPConn)
}

// TestOrder sends more than a few pieces and compares what comes back, over a link with and without delay.
func TestOrder(t *testing.T) {
	sent := make([]byte, 5<<20)
	_, _ = rand.Read(sent) // never fails
	for _, roundTrip := range []time.Duration{0, 20 * time.Millisecond} {
		l, conn := open(t, echo(t).Addr().String(), roundTrip)
		go func() {
			_, _ = conn.Write(sent)
			_ = conn.CloseWrite()
		}()
		got, err := io.ReadAll(conn)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%v: %d octets of %d came back, %v", roundTrip, len(got), len(sent), err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestDelay asserts the lower bound alone: nothing comes back before a round trip has passed.
func TestDelay(t *testing.T) {
	const roundTrip = 60 * time.Millisecond
	l, conn := open(t, echo(t).Addr().String(), roundTrip)
	defer func() { _ = l.Close() }()
	began, one := time.Now(), make([]byte, 1)
	for range 2 { // the first waits for the connection, too
		began = time.Now()
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, one); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < roundTrip {
		t.Errorf("an octet came back after %v", took)
	}
}

// TestClose ends a connection whose ends both wait.
func TestClose(t *testing.T) {
	l, conn := open(t, echo(t).Addr().String(), time.Hour)
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d octets of a closed link", n)
	}
}

// TestNobodyThere passes a failed dial on as the end of the connection.
func TestNobodyThere(t *testing.T) {
	listener := echo(t)
	_ = listener.Close()
	l, conn := open(t, listener.Addr().String(), 0)
	defer func() { _ = l.Close() }()
	var failed net.Error
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.As(err, &failed) && failed.Timeout() {
		t.Errorf("read gave %v", err)
	}
}
