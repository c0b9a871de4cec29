package smtptest

import (
	"bytes"
	"errors"
	"net"
	"os"
	"time"
)

// link is the stream of one session: what has come and was not used, and what was said and not sent.
// Replies leave only when more input is needed and none is there.
type link struct {
	raw    net.Conn // below TLS
	conn   net.Conn // what is read and written
	in     []byte   // came, not used
	buffer []byte   // after in
	out    []byte   // said, not sent
	linger time.Duration
	idle   time.Duration // how long the client may say nothing; 0 is for ever
	// slow, if positive, is the pause after each single octet sent.
	slow time.Duration
	pace func(time.Duration) error
	// quiet keeps content out of the transcript.
	quiet bool

	heard, said func([]byte) // the transcript
	flushed     func()       // a round trip ends
	written     []func(bool) // told that what is in out goes to the network, then if that failed
}

func newLink(conn net.Conn, linger, idle time.Duration) *link {
	return &link{raw: conn, conn: conn, linger: linger, idle: idle, buffer: make([]byte, 64<<10)}
}

// more waits for input, after it has sent what was said.
func (l *link) more() error {
	if len(l.out) > 0 {
		if l.linger > 0 {
			err := l.conn.SetReadDeadline(time.Now().Add(l.linger))
			if err == nil {
				err = l.read()
			}
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				return errors.Join(err, l.conn.SetReadDeadline(time.Time{}))
			}
			if err := l.conn.SetReadDeadline(time.Time{}); err != nil {
				return err
			}
		}
		if err := l.send(); err != nil {
			return err
		}
	}
	if l.idle > 0 {
		if err := l.conn.SetReadDeadline(time.Now().Add(l.idle)); err != nil {
			return err
		}
	}
	return l.read()
}

// send is flush where the client has to wait for what it gets: a round trip.
func (l *link) send() error {
	if len(l.out) > 0 {
		l.flushed()
	}
	return l.flush()
}

func (l *link) read() error {
	n, err := l.conn.Read(l.buffer)
	if n > 0 {
		if !l.quiet {
			l.heard(l.buffer[:n])
		}
		l.in = l.buffer[:n]
		return nil
	}
	return err
}

// flush sends what was said.
func (l *link) flush() error {
	if len(l.out) == 0 {
		return nil
	}
	out, written := l.out, l.written
	l.out, l.written = nil, nil
	// True comes before the octets leave, so that a client that has the reply finds it noted.
	tell(written, true)
	pieces := [][]byte{out}
	if l.slow > 0 {
		pieces = pieces[:0]
		for i := range out {
			pieces = append(pieces, out[i:i+1])
		}
	}
	for _, piece := range pieces {
		// The transcript comes first, so that a test that has the reply finds it there.
		l.said(piece)
		if _, err := l.conn.Write(piece); err != nil {
			tell(written, false)
			return err
		}
		if l.slow > 0 {
			if err := l.pace(l.slow); err != nil {
				return err
			}
		}
	}
	return nil
}

func tell(list []func(bool), ok bool) {
	for _, f := range list {
		f(ok)
	}
}

// line takes a line with its end from the input. A line that is longer than the limit comes in pieces.
func (l *link) line(limit int) ([]byte, error) {
	var line []byte
	for {
		if len(l.in) == 0 {
			if err := l.more(); err != nil {
				return line, err
			}
		}
		n := bytes.IndexByte(l.in, '\n') + 1
		if n == 0 {
			n = len(l.in)
		}
		n = min(n, limit-len(line))
		line = append(line, l.in[:n]...)
		l.in = l.in[n:]
		if line[len(line)-1] == '\n' || len(line) == limit {
			return line, nil
		}
	}
}

// peek returns what is there, at least one octet; take says how many of them are used.
func (l *link) peek() ([]byte, error) {
	if len(l.in) == 0 {
		if err := l.more(); err != nil {
			return nil, err
		}
	}
	return l.in, nil
}

func (l *link) take(n int) { l.in = l.in[n:] }
