package faultconn_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/internal/faultconn"
	"github.com/google/go-cmp/cmp"
)

// pair returns both ends of a connection over loopback.
func pair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	near, err = net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err = listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = near.Close(), far.Close() })
	limit := time.Now().Add(20 * time.Second)
	if err := errors.Join(near.SetDeadline(limit), far.SetDeadline(limit)); err != nil {
		t.Fatal(err)
	}
	return near, far
}

// TestWriteFaultAtEveryOctet writes ten octets in pieces of three and asks the far end what came.
func TestWriteFaultAtEveryOctet(t *testing.T) {
	t.Parallel()
	const text = "0123456789"
	own := errors.New("own")
	effects := map[string]struct {
		fault faultconn.Fault
		want  error // of the write that meets the fault
		far   error // what the far end sees after the octets
	}{
		"fail":       {faultconn.Fault{}, faultconn.ErrFault, nil},
		"own error":  {faultconn.Fault{Err: own}, own, nil},
		"cut":        {faultconn.Fault{Effect: faultconn.Cut}, net.ErrClosed, nil},
		"reset":      {faultconn.Fault{Effect: faultconn.Reset}, net.ErrClosed, syscall.ECONNRESET},
		"half close": {faultconn.Fault{Effect: faultconn.HalfClose}, net.ErrClosed, nil},
	}
	for name, tc := range effects {
		for at := range int64(len(text)) {
			t.Run(fmt.Sprint(name, at), func(t *testing.T) {
				near, far := pair(t)
				tc.fault.At = at
				conn := faultconn.New(near, tc.fault)
				var wrote int64
				var err error
				for rest := text; rest != "" && err == nil; {
					piece := rest[:min(3, len(rest))]
					rest = rest[len(piece):]
					var n int
					n, err = conn.Write([]byte(piece))
					wrote += int64(n)
				}
				if !errors.Is(err, tc.want) || wrote != at || conn.Count(faultconn.Write).Octets != at {
					t.Errorf("wrote %d, %v; counted %+v", wrote, err, conn.Count(faultconn.Write))
				}
				_ = conn.Close()
				got, err := io.ReadAll(far)
				if string(got) != text[:at] || !errors.Is(err, tc.far) {
					t.Errorf("the far end read %q, %v", got, err)
				}
			})
		}
	}
}

func TestReadFaultAtEveryOctet(t *testing.T) {
	t.Parallel()
	const text = "0123456789"
	for at := range int64(len(text)) {
		for _, effect := range []faultconn.Effect{faultconn.Fail, faultconn.Cut} {
			near, far := pair(t)
			if _, err := far.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
			conn := faultconn.New(near, faultconn.Fault{Direction: faultconn.Read, At: at, Effect: effect})
			got, err := io.ReadAll(conn)
			if string(got) != text[:at] || !errors.Is(err, faultconn.ErrFault) && !errors.Is(err, net.ErrClosed) {
				t.Errorf("at %d: read %q, %v", at, got, err)
			}
			_ = conn.Close()
		}
	}
}

func TestShortWriteIsPassed(t *testing.T) {
	t.Parallel()
	near, far := pair(t)
	conn := faultconn.New(near,
		faultconn.Fault{At: 5, Effect: faultconn.Short}, faultconn.Fault{At: 2, Effect: faultconn.Short})
	var got []int
	for _, text := range []string{"abc", "c", "defg", "fg"} {
		n, err := conn.Write([]byte(text))
		if (err == nil) != (n == len(text)) || err != nil && !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%q: %d, %v", text, n, err)
		}
		got = append(got, n)
	}
	if diff := cmp.Diff([]int{2, 1, 2, 2}, got); diff != "" {
		t.Errorf("octets (-want +got):\n%s", diff)
	}
	_ = conn.Close()
	if text, err := io.ReadAll(far); string(text) != "abcdefg" || err != nil {
		t.Errorf("the far end read %q, %v", text, err)
	}
	if diff := cmp.Diff(faultconn.Count{Calls: 4, Octets: 7}, conn.Count(faultconn.Write)); diff != "" {
		t.Error(diff)
	}
}

// TestStall needs no real time: the far end is a pipe and the clock is synctest's.
func TestStall(t *testing.T) {
	cases := map[string]func(c *faultconn.Conn){
		"a deadline set before": func(c *faultconn.Conn) { _ = c.SetDeadline(time.Now().Add(time.Hour)) },
		"a deadline set meanwhile": func(c *faultconn.Conn) {
			time.AfterFunc(time.Minute, func() { _, _ = c.SetReadDeadline(time.Now()), c.SetWriteDeadline(time.Now()) })
		},
		"close": func(c *faultconn.Conn) { time.AfterFunc(time.Minute, func() { _ = c.Close() }) },
	}
	for name, end := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				defer func() { _, _ = near.Close(), far.Close() }()
				conn := faultconn.New(near, faultconn.Fault{Effect: faultconn.Stall},
					faultconn.Fault{Direction: faultconn.Read, Effect: faultconn.Stall})
				end(conn)
				start := time.Now()
				_, err := conn.Write([]byte("x"))
				_, readErr := conn.Read(make([]byte, 1))
				for _, err := range []error{err, readErr} {
					if !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, net.ErrClosed) {
						t.Error(err)
					}
				}
				if time.Since(start) < time.Minute {
					t.Error("did not stall")
				}
			})
		})
	}
}
