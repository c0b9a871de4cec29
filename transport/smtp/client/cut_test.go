package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// cutConn does something at one octet of one direction.
type cutConn struct {
	net.Conn
	writes, reads int // octets until act; negative for never
	act           func(nc net.Conn)
}

var errCut = errors.New("link was cut")

func (c *cutConn) Write(p []byte) (int, error) {
	if c.writes < 0 {
		return c.Conn.Write(p)
	}
	if len(p) < c.writes {
		n, err := c.Conn.Write(p)
		c.writes -= n
		return n, err
	}
	n, err := c.Conn.Write(p[:c.writes])
	c.writes = -1
	c.act(c.Conn)
	if err == nil {
		err = errCut
	}
	return n, err
}

func (c *cutConn) Read(p []byte) (int, error) {
	if c.reads < 0 {
		return c.Conn.Read(p)
	}
	if c.reads == 0 {
		c.reads = -1
		c.act(c.Conn)
		return 0, errCut
	}
	n, err := c.Conn.Read(p[:min(len(p), c.reads)])
	c.reads -= n
	return n, err
}

// forms are the ways in which mail goes over the wire.
var forms = map[string]struct {
	keywords []string
	cfg      client.Config
	window   int // 0 for Send
}{
	"lockstep":         {nil, client.Config{}, 0},
	"DATA":             {[]string{"PIPELINING"}, client.Config{}, 0},
	"BDAT":             {[]string{"PIPELINING", "CHUNKING"}, client.Config{Chunking: client.ChunkingTrusted}, 0},
	"probe":            {[]string{"PIPELINING", "CHUNKING"}, client.Config{}, 0},
	"all or nothing":   {[]string{"PIPELINING", "CHUNKING"}, client.Config{Chunking: client.ChunkingTrusted, AllOrNothing: true}, 0},
	"LMTP DATA":        {[]string{"PIPELINING"}, client.Config{LMTP: true}, 0},
	"LMTP BDAT":        {[]string{"PIPELINING", "CHUNKING"}, client.Config{LMTP: true, Chunking: client.ChunkingTrusted}, 0},
	"stream lockstep":  {nil, client.Config{}, 1},
	"stream DATA":      {[]string{"PIPELINING"}, client.Config{}, 1},
	"stream probe":     {[]string{"PIPELINING", "CHUNKING"}, client.Config{}, 4},
	"stream BDAT":      {[]string{"PIPELINING", "CHUNKING"}, client.Config{Chunking: client.ChunkingTrusted}, 1},
	"stream window":    {[]string{"PIPELINING", "CHUNKING"}, client.Config{Chunking: client.ChunkingTrusted}, 4},
	"stream LMTP BDAT": {[]string{"PIPELINING", "CHUNKING"}, client.Config{LMTP: true, Chunking: client.ChunkingTrusted}, 4},
}

// cutMails are sent in each run: to all, to some, to none of them, and to all again.
func cutMails(t *testing.T) (mails []client.Mail) {
	for i, to := range []string{"a@x.org b@x.org", "bad1@x.org full@x.org c@x.org", "bad2@x.org", "d@x.org"} {
		text := fmt.Sprintf("from s%d@x.org\nto %s\n\nSubject: %d\n\n.dot %d\n", i, to, i, i)
		mails = append(mails, newMail(t, text))
	}
	return mails
}

// list is a JobSource of mails that are all there.
type list struct{ jobs []*client.BulkJob }

func (l *list) Poll() (*client.BulkJob, bool) {
	if len(l.jobs) == 0 {
		return nil, true
	}
	job := l.jobs[0]
	l.jobs = l.jobs[1:]
	return job, false
}

func (l *list) Wait(<-chan struct{}) (*client.BulkJob, bool) { return l.Poll() }

// TestCutAtEveryOctet breaks the link at every octet of either direction, and in a second run ends
// the context there. Whatever the client then says of a recipient must agree with what the server has
// taken: accepted means once and whole, not sent and refused mean not at all, unknown means either,
// but only when the whole content had left.
func TestCutAtEveryOctet(t *testing.T) {
	for name := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, cancels := range []bool{false, true} {
				for _, writes := range []bool{false, true} {
					for at, more := 0, true; more; at++ {
						synctest.Test(t, func(t *testing.T) { more = cutAt(t, name, at, writes, cancels) })
						if t.Failed() {
							t.Fatalf("%s: cut at octet %d, of writes: %v, by context: %v", name, at, writes, cancels)
						}
					}
				}
			}
		})
	}
}

// cutAt runs one session and reports whether the cut took place.
func cutAt(t *testing.T, name string, at int, writes, cancels bool) (cut bool) {
	form := forms[name]
	o := &oracle{keywords: form.keywords, lmtp: form.cfg.LMTP}
	near, far := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	served := make(chan struct{})
	go func() {
		defer close(served)
		o.serve(far)
	}()
	nc := &cutConn{Conn: near, writes: -1, reads: -1, act: func(nc net.Conn) {
		cut = true
		if cancels {
			cancel()
			synctest.Wait() // what ctx ends has ended
			return
		}
		_ = nc.Close()
	}}
	if writes {
		nc.writes = at
	} else {
		nc.reads = at
	}
	cfg := form.cfg
	cfg.TLS = client.TLSNone
	mails := cutMails(t)
	receipts := map[client.Mail]*client.Result{}
	if conn, err := client.New(ctx, nc, cfg); err == nil {
		if form.window == 0 {
			for _, mail := range mails {
				receipts[mail] = conn.Send(ctx, mail)
			}
		} else {
			var feed list
			for _, mail := range mails {
				feed.jobs = append(feed.jobs, &client.BulkJob{Mail: mail})
			}
			_ = conn.Stream(ctx, client.Window{Messages: form.window}, &feed, func(j *client.BulkJob) { receipts[j.Mail] = j.Result })
		}
		_ = conn.Close()
	}
	_ = near.Close()
	<-served
	judge(t, o, mails, receipts)
	return cut
}

// judge compares what the client says with what the server knows.
func judge(t *testing.T, o *oracle, mails []client.Mail, receipts map[client.Mail]*client.Result) {
	t.Helper()
	count := map[taken]int{}
	for _, d := range o.taken {
		count[d]++
	}
	for i, mail := range mails {
		r := receipts[mail]
		if r == nil {
			continue
		}
		lost := false
		for j, v := range r.Recipients {
			to := mail.Envelope().At(j).Address
			d := taken{fmt.Sprintf("s%d@x.org", i), to.String(), fmt.Sprintf("Subject: %d\r\n\r\n.dot %d\r\n", i, i)}
			n := count[d]
			delete(count, d)
			lost = lost || v.Outcome != client.Accepted
			full := strings.HasPrefix(to.String(), "full") && !o.lmtp // a server that is silent about one
			switch {
			case v.Outcome == client.Unknown && !o.arrived[d.data]:
				t.Errorf("mail %d to %s is unknown although its end had not left", i, to)
			case v.Outcome == client.Accepted && n != 1 && !full, v.Outcome == client.Unknown && n > 1:
				t.Errorf("mail %d to %s is %v and was taken %d times", i, to, v.Outcome, n)
			case (v.Outcome == client.NotSent || v.Outcome == client.Rejected || v.Outcome == client.Deferred) && n != 0:
				t.Errorf("mail %d to %s is %v and was taken %d times", i, to, v.Outcome, n)
			}
		}
		if lost != (r.Err != nil) {
			t.Errorf("mail %d: error %v, verdicts %v", i, r.Err, r.Recipients)
		}
	}
	for d := range count {
		t.Errorf("the server took what nobody sent: %q", d)
	}
}
