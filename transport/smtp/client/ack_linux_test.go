package client_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// slowToAck is a connection that puts acknowledgements off, counts how often it is told not to, and says when the reader
// has taken all that has come: it waits for more then.
type slowToAck struct {
	*net.TCPConn

	told    atomic.Int64
	waiting chan struct{}
}

func (c *slowToAck) Read(b []byte) (int, error) {
	c.waiting <- struct{}{}
	return c.TCPConn.Read(b)
}

func (c *slowToAck) SyscallConn() (syscall.RawConn, error) {
	raw, err := c.TCPConn.SyscallConn()
	return slowRaw{raw, c}, err
}

type slowRaw struct {
	syscall.RawConn

	conn *slowToAck
}

func (r slowRaw) Control(f func(fd uintptr)) error {
	return r.RawConn.Control(func(fd uintptr) {
		option := func() int {
			value, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK)
			if err != nil {
				panic(err)
			}
			return value
		}
		if err := syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 0); err != nil || option() != 0 {
			panic(err)
		}
		if f(fd); option() != 0 {
			r.conn.told.Add(1)
		}
	})
}

// TestAcknowledges: what has come of the replies is acknowledged at once while more of them are due, each time anew, and
// not when the next thing is ours to say. The server has Nagle's algorithm, as it is without TCP_NODELAY.
func TestAcknowledges(t *testing.T) {
	for name, tc := range map[string]struct {
		hello, flight, verdict string // the server writes what stands between two bars at once
		want                   int64
	}{
		"all together":       {"250-mx\r\n250 PIPELINING\r\n", "250 a\r\n250 b\r\n354 c\r\n", "250 d\r\n", 0},
		"each reply":         {"250-mx\r\n250 PIPELINING\r\n", "250 a\r\n|250 b\r\n|354 c\r\n", "250 d\r\n", 2 * 2},
		"each line":          {"250-mx\r\n|250 PIPELINING\r\n", "250 a\r\n250 b\r\n354 c\r\n", "250 d\r\n", 1},
		"in the middle":      {"250-mx\r\n250 PIPELINING\r\n", "250 a\r\n25|0 b\r\n354 c\r\n", "250| d\r\n", 2 * 2},
		"more than a buffer": {"250-mx\r\n250 PIPELINING\r\n", "250 " + strings.Repeat("x", 506) + "\r\n|250 b\r\n354 c\r\n", "250 d\r\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			waiting := make(chan struct{}, 8)
			say := func(nc net.Conn, pieces string) {
				for piece := range strings.SplitSeq(pieces, "|") {
					<-waiting // so that the pieces are not read together
					_, _ = io.WriteString(nc, piece)
				}
			}
			var conn *slowToAck
			cfg := client.Config{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				nc, err := new(net.Dialer).DialContext(ctx, network, address)
				conn = &slowToAck{TCPConn: nc.(*net.TCPConn), waiting: waiting}
				return conn, err
			}}
			session := dial(t, cfg, func(nc *net.TCPConn) {
				_ = nc.SetNoDelay(false)
				say(nc, "220 mx\r\n")
				r := bufio.NewReader(nc)
				skip(r, 1)
				say(nc, tc.hello)
				for range 2 {
					skip(r, 3)
					say(nc, tc.flight)
					for line := ""; line != ".\r\n"; {
						var err error
						if line, err = r.ReadString('\n'); err != nil {
							return
						}
					}
					say(nc, tc.verdict)
				}
			})
			for range 2 {
				if result := session.Send(t.Context(), big(t, 64, "b@x.org")); result.Err != nil {
					t.Fatal(result.Err)
				}
			}
			if got := conn.told.Load(); got != tc.want {
				t.Errorf("acknowledged at once %d times, want %d", got, tc.want)
			}
		})
	}
}
