package client_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/bodyscan"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// watched is a mail that knows its size, and does something before it is written.
type watched struct {
	mail   *rawMail
	before func() error
}

func (m watched) Envelope() envelope.Envelope { return m.mail.Envelope() }

func (m watched) BodyInfo() (bodyscan.Info, bool) {
	return bodyscan.Info{Size: int64(len(m.mail.data))}, true
}

func (m watched) WriteTo(w io.Writer) (int64, error) {
	if err := m.before(); err != nil {
		return 0, err
	}
	return m.mail.WriteTo(w)
}

// chunker takes everything by BDAT, until more octets have come than it bears.
type chunker struct {
	say    func(text string)
	bears  int64 // octets until it closes without a word; 0 for no limit
	chunks atomic.Int32
}

func (s *chunker) serve(nc net.Conn) {
	defer nc.Close()
	s.say = func(text string) { fmt.Fprintf(nc, "%s\r\n", text) }
	s.say("220 chunker")
	in := bufio.NewReader(nc)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch verb, rest, _ := strings.Cut(strings.TrimSpace(line), " "); verb {
		case "EHLO":
			s.say("250-chunker\r\n250-PIPELINING\r\n250 CHUNKING")
		case "BDAT":
			size, _ := strconv.ParseInt(strings.TrimSuffix(rest, " LAST"), 10, 64)
			if s.bears > 0 && size > s.bears {
				_, _ = io.CopyN(io.Discard, in, s.bears)
				return
			}
			if _, err := io.CopyN(io.Discard, in, size); err != nil {
				return
			}
			s.chunks.Add(1)
			s.say("250 taken")
		default:
			s.say("250 ok")
		}
	}
}

// chunked runs test with a session to a chunker whose BDAT is trusted.
func chunked(t *testing.T, s *chunker, test func(t *testing.T, c *client.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go s.serve(far)
		c, err := client.New(t.Context(), near, client.Config{TLS: client.TLSNone, Chunking: client.ChunkingTrusted})
		if err != nil {
			t.Fatal(err)
		}
		test(t, c)
		_ = c.Close()
		_, _ = io.Copy(io.Discard, near) // it is closed
	})
}

func large(t *testing.T) *rawMail {
	t.Helper()
	m := newMail(t, "from a@x.org\nto b@x.org\n\nx\n")
	m.data = strings.Repeat("x\r\n", 100_000)
	return m
}

// TestReplyBeforeTheContent: what the server says while the content has its place in the stream, and nothing of it has
// left, is not about the content. So 421 says that the connection is at its end, and nothing of the mail.
func TestReplyBeforeTheContent(t *testing.T) {
	s := new(chunker)
	chunked(t, s, func(t *testing.T, c *client.Conn) {
		t.Helper()
		r := c.Send(t.Context(), watched{large(t), func() error {
			s.say("421 4.4.2 idle for too long")
			synctest.Wait() // until the reader has it
			return nil
		}})
		if v := r.Recipients[0]; v.Outcome != client.NotSent || !v.Response.IsZero() || !r.ConnectionWasDead() {
			t.Errorf("%+v, %v", v, r.Err)
		}
	})
}

// TestReplyAfterAContentTakenBack: a content that could not be read, and of which nothing had left, has no place in the
// stream any more. A reply that comes later answers nothing.
func TestReplyAfterAContentTakenBack(t *testing.T) {
	s := new(chunker)
	errBad := errors.New("disk on fire")
	chunked(t, s, func(t *testing.T, c *client.Conn) {
		t.Helper()
		r := c.Send(t.Context(), watched{large(t), func() error { return errBad }})
		if !errors.Is(r.Err, errBad) || c.Err() != nil {
			t.Fatalf("%v, %v", r.Err, c.Err())
		}
		if r := c.Send(t.Context(), newMail(t, "from a@x.org\nto b@x.org\n\nx\n")); r.Err != nil {
			t.Fatal(r.Err)
		}
		s.say("250 what?")
		synctest.Wait()
		if !errors.Is(c.Err(), client.ErrUnsolicited) {
			t.Errorf("%v", c.Err())
		}
	})
}

// TestLastOctetWaits: after a pause the server may have closed the connection without our knowing. The last octet of
// the content waits for a first reply, so a server that closes instead has nothing, and the same mail may go
// over another connection.
func TestLastOctetWaits(t *testing.T) {
	s := &chunker{bears: 20}
	chunked(t, s, func(t *testing.T, c *client.Conn) {
		t.Helper()
		time.Sleep(time.Minute) // of the bubble
		mail := newMail(t, "from a@x.org\nto b@x.org\n\nx\n")
		mail.data = strings.Repeat("x", 19) + "\r\n" // all but the last octet is what the server bears
		r := c.Send(t.Context(), mail)
		if v := r.Recipients[0]; v.Outcome != client.NotSent {
			t.Errorf("%+v, %v", v, r.Err)
		}
	})
}

// passing is a ctx whose deadline passes at a moment that a test chooses, before any timer notices.
type passing struct {
	context.Context

	over atomic.Bool
}

func (p *passing) Done() <-chan struct{} { return make(chan struct{}) }

func (p *passing) Deadline() (time.Time, bool) {
	if p.over.Load() {
		return time.Now().Add(-time.Second), true
	}
	return time.Now().Add(time.Hour), true
}

// TestDeadlineBeforeTheWrite: a deadline that has passed has ended, though no timer has said so yet: the content
// is not written any more.
func TestDeadlineBeforeTheWrite(t *testing.T) {
	s := new(chunker)
	chunked(t, s, func(t *testing.T, c *client.Conn) {
		t.Helper()
		ctx := &passing{Context: t.Context()}
		mail := newMail(t, "from a@x.org\nto b@x.org\n\nx\n")
		r := c.Send(ctx, watched{mail, func() error {
			ctx.over.Store(true)
			return nil
		}})
		if v := r.Recipients[0]; v.Outcome != client.NotSent || !errors.Is(r.Err, context.DeadlineExceeded) || s.chunks.Load() > 0 {
			t.Errorf("%+v, %v, %d chunks", v, r.Err, s.chunks.Load())
		}
	})
}
