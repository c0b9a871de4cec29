package memconn_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/internal/memconn"
	"github.com/google/go-cmp/cmp"
)

// TestEnds: what was written before an end can be read, and an end is told from a reset.
func TestEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(*memconn.End) error
		want error
	}{
		"close":     {(*memconn.End).Close, nil}, // io.ReadAll does not return io.EOF
		"half":      {(*memconn.End).CloseWrite, nil},
		"the reset": {(*memconn.End).Reset, syscall.ECONNRESET},
	} {
		t.Run(name, func(t *testing.T) {
			near, far := memconn.Pipe()
			far.Keep()
			if near.Pending() || far.Pending() {
				t.Error("something is pending before anything was written")
			}
			if _, err := near.Write([]byte("last words")); err != nil {
				t.Fatal(err)
			}
			if err := tc.end(near); err != nil {
				t.Fatal(err)
			}
			if !far.Pending() {
				t.Error("nothing is pending")
			}
			got, err := io.ReadAll(far)
			if string(got) != "last words" || !errors.Is(err, tc.want) {
				t.Errorf("read %q, %v; want %v", got, err, tc.want)
			}
			if diff := cmp.Diff("last words", string(far.Heard())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestHalfClosed: the end that has closed its own direction can still read.
func TestHalfClosed(t *testing.T) {
	near, far := memconn.Pipe()
	if err := errors.Join(near.CloseWrite(), write(far, "yes"), far.Close()); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(near); string(got) != "yes" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func write(to io.Writer, text string) error {
	_, err := io.WriteString(to, text)
	return err
}

func TestReset(t *testing.T) {
	near, far := memconn.Pipe()
	if err := near.Reset(); err != nil {
		t.Fatal(err)
	}
	if err := write(far, "x"); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("a write to an end that was reset: %v", err)
	}
	if err := write(near, "x"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a write after Reset: %v", err)
	}
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := memconn.Pipe()
		defer far.Close()
		defer near.Close()
		begun := time.Now()
		if err := near.SetReadDeadline(begun.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		_, err := near.Read(make([]byte, 1))
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}

func TestListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memconn.Listen(1)
		near, err := l.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		full, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Dial(full); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a dial while the backlog is full: %v", err)
		}
		far, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(write(near, "hello"), near.Close()); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(far); string(got) != "hello" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		left, err := l.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := left.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a connection that was not accepted: %v", err)
		}
		if _, err := l.Dial(t.Context()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a dial after Close: %v", err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after Close: %v", err)
		}
	})
}
