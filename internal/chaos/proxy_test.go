package chaos_test

import (
	"bytes"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// proxy stands between the senders and a server, and does to each connection what a network can do.
type proxy struct {
	listener net.Listener
	target   *atomic.Pointer[string]
	mu       sync.Mutex
	rand     *rand.Rand
	conns    map[net.Conn]bool
	open     sync.WaitGroup
	faults   atomic.Int64
}

func startProxy(t *testing.T, target *atomic.Pointer[string], seed uint64) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") // closed by close
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: target, rand: rand.New(rand.NewPCG(seed, 11)), conns: map[net.Conn]bool{}}
	p.open.Go(p.accept)
	return p
}

func (p *proxy) port() int { return p.listener.Addr().(*net.TCPAddr).Port }

func (p *proxy) close() {
	_ = p.listener.Close() // ends accept
	p.mu.Lock()
	for nc := range p.conns {
		_ = nc.Close() // ends what waits for it
	}
	p.mu.Unlock()
	p.open.Wait()
}

func (p *proxy) accept() {
	for {
		nc, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.open.Go(func() { p.serve(nc.(*net.TCPConn)) })
	}
}

// plan is what is done to a connection.
type plan struct {
	cutUp, cutDown int // octets after which the connection is cut; negative for never
	reset          bool
	stall          bool // instead of a cut nothing more is passed on
	split          bool // replies come in pieces
}

func (p *proxy) plan() plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	it := plan{cutUp: -1, cutDown: -1, reset: p.rand.IntN(2) == 0, stall: p.rand.IntN(6) == 0, split: p.rand.IntN(8) == 0}
	reach := []int{100, 1000, 20_000, 300_000}[p.rand.IntN(4)]
	switch p.rand.IntN(3) {
	case 0:
		it.cutUp = p.rand.IntN(reach)
	case 1:
		it.cutDown = p.rand.IntN(max(reach/20, 100))
	}
	return it
}

// hold keeps connections for close, and reports false after that.
func (p *proxy) hold(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, nc := range conns {
		p.conns[nc] = true
	}
}

func (p *proxy) drop(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, nc := range conns {
		delete(p.conns, nc)
	}
}

func (p *proxy) serve(near *net.TCPConn) {
	it := p.plan()
	if it.cutUp == 0 || it.cutDown == 0 {
		_ = near.Close() // as meant
		return
	}
	nc, err := net.Dial("tcp", *p.target.Load()) // on loopback
	if err != nil {                              // the server was killed just now
		_ = near.Close() // the sender finds out
		return
	}
	far := nc.(*net.TCPConn)
	p.hold(near, far)
	defer p.drop(near, far)
	var odd atomic.Bool
	end := sync.OnceFunc(func() {
		if it.reset || odd.Load() { // what follows an odd reply may only be a reset; see session.odd
			_ = near.SetLinger(0) // closed below
		}
		_ = near.Close() // as meant
		_ = far.Close()  // as meant
	})
	var lanes sync.WaitGroup
	lanes.Go(func() { p.pass(near, far, it.cutUp, it, nil, end) })
	lanes.Go(func() { p.pass(far, near, it.cutDown, it, &odd, end) })
	lanes.Wait()
}

// pass copies one way until the cut. odd is set when an odd reply passes.
func (p *proxy) pass(from, to *net.TCPConn, cut int, it plan, odd *atomic.Bool, end func()) {
	buf := make([]byte, 32<<10)
	var tail []byte // a mark may come in two reads
	for passed := 0; ; {
		n, err := from.Read(buf)
		data := buf[:n]
		if odd != nil {
			tail = append(tail, data...)
			if bytes.Contains(tail, []byte(mark)) {
				odd.Store(true)
			}
			tail = append(tail[:0], tail[max(len(tail)-len(mark), 0):]...)
		}
		if cut >= 0 && passed+n >= cut {
			p.faults.Add(1)
			_, _ = to.Write(data[:cut-passed]) // it is cut next
			if it.stall {
				for err == nil { // until the sender gives up
					_, err = from.Read(buf)
				}
			}
			end()
			return
		}
		passed += n
		for len(data) > 0 {
			piece := len(data)
			if it.split && odd != nil {
				piece = min(piece, 3)
				time.Sleep(10 * time.Microsecond) // so that the pieces are pieces
			}
			if _, writeErr := to.Write(data[:piece]); writeErr != nil {
				end()
				return
			}
			data = data[piece:]
		}
		if err != nil {
			end()
			return
		}
	}
}
