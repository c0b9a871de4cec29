package jetstream

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// cable is a connection between two servers that can be cut and mended.
type cable struct {
	listener net.Listener

	mu     sync.Mutex
	target string
	cut    bool
	conns  map[net.Conn]bool
	all    sync.WaitGroup
}

func newCable(t *testing.T) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{listener: l, conns: map[net.Conn]bool{}}
	c.all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.all.Go(func() { c.carry(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		c.set("", true)
		c.all.Wait()
	})
	return c
}

func (c *cable) url() string { return "nats://" + c.listener.Addr().String() }

// set says where it leads, if target is not "", and cuts or mends it.
func (c *cable) set(target string, cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if target != "" {
		c.target = target
	}
	c.cut = cut
	for conn := range c.conns {
		if cut {
			_ = conn.Close()
		}
	}
}

// keep notes a connection; false says that the cable is cut.
func (c *cable) keep(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut || c.target == "" {
		_ = conn.Close()
		return false
	}
	c.conns[conn] = true
	return true
}

func (c *cable) carry(from net.Conn) {
	defer from.Close()
	if !c.keep(from) {
		return
	}
	c.mu.Lock()
	target := c.target
	c.mu.Unlock()
	to, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer to.Close()
	if !c.keep(to) {
		return
	}
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_ = way[0].Close()
			_ = way[1].Close()
		})
	}
	both.Wait()
}

// cables are those of a cluster: one from each server to each other.
type cables map[string]*cable

func layCables(t *testing.T, nodes string) cables {
	t.Helper()
	all := cables{}
	for _, from := range nodes {
		for _, to := range nodes {
			if from != to {
				all[string(from)+string(to)] = newCable(t)
			}
		}
	}
	return all
}

// isolate cuts a server off from all others, or takes it back.
func (c cables) isolate(node string, cut bool) {
	for ends, cable := range c {
		if strings.Contains(ends, node) {
			cable.set("", cut)
		}
	}
}
