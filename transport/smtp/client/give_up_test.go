package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// explosive is a mail that does something at an octet of its second reading, the first of which plans it.
type explosive struct {
	*rawMail
	at   int
	then func() error
}

func (m *explosive) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, m.data[:m.at])
	if err != nil {
		return int64(n), err
	}
	return int64(n), m.then()
}

// TestStreamOutlivesItsMail: a mail whose source fails, or panics, in the middle of a window takes no other
// mail with it: those before it have their verdicts, and where nothing of it had left, the connection goes on.
func TestStreamOutlivesItsMail(t *testing.T) {
	for name, tc := range map[string]struct {
		size, at int
		then     func() error
		goesOn   bool
	}{
		"fails queued":     {1000, 500, func() error { return errDialogue }, true},
		"fails under way":  {300_000, 200_000, func() error { return errDialogue }, false},
		"panics queued":    {1000, 500, func() error { panic(errDialogue) }, false},
		"panics under way": {300_000, 200_000, func() error { panic(errDialogue) }, false},
		"exits under way":  {300_000, 200_000, func() error { runtime.Goexit(); return nil }, false},
	} {
		for form, keywords := range map[string][]string{"BDAT": chunking, "DATA": pipelining, "lockstep": nil} {
			t.Run(name+" "+form, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					const mails, odd = 30, 20
					o := &oracle{keywords: keywords}
					conn := open(t, o, trusted)
					window := client.Window{Messages: 64}
					warm := &list{}
					for i := range 64 {
						warm.jobs = append(warm.jobs, &client.BulkJob{Mail: newMail(t, fmt.Sprintf("from w%d@x.org\nto r@x.org\n\nx\n", i))})
					}
					if err := conn.Stream(t.Context(), window, warm, func(*client.BulkJob) {}); err != nil {
						t.Fatal(err)
					}
					o.taken = nil
					feed := &list{}
					for i := range mails {
						mail := newMail(t, fmt.Sprintf("from s%d@x.org\nto r%d@x.org\n\nx\n", i, i))
						job := &client.BulkJob{Mail: mail, Index: i}
						if i == odd {
							mail.data = strings.Repeat("x\r\n", tc.size/3)
							job.Mail = &explosive{rawMail: mail, at: tc.at, then: tc.then}
						}
						feed.jobs = append(feed.jobs, job)
					}
					receipts := map[int]*client.Result{}
					returned := streams(conn, window, feed, func(j *client.BulkJob) { receipts[j.Index] = j.Result })
					_ = conn.Close()
					for i := range odd {
						if r := receipts[i]; r == nil || r.Recipients[0].Outcome != client.Accepted {
							t.Errorf("mail %d: %+v", i, r)
						}
					}
					if r := receipts[odd]; r == nil || r.Recipients[0].Outcome != client.NotSent || r.ConnectionWasDead() {
						t.Errorf("the odd one: %+v", r)
					}
					if strings.HasPrefix(name, "fails") != returned {
						t.Errorf("returned: %v", returned)
					}
					want := odd
					if tc.goesOn && form == "BDAT" {
						want = mails - 1
					}
					if len(o.taken) != want {
						t.Errorf("%d taken, want %d", len(o.taken), want)
					}
				})
			})
		}
	}
}

// streams runs a Stream in a goroutine of its own, and reports whether it returned.
func streams(conn *client.Conn, window client.Window, feed client.JobSource, done func(*client.BulkJob)) (returned bool) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() { _ = recover() }() // what it was is told by returned
		_ = conn.Stream(context.Background(), window, feed, done)
		returned = true
	}()
	<-ended
	return returned
}

// TestSendPanics: a panic of the caller's code goes on in the caller's goroutine, and leaves a connection that
// is broken, without a message at the server.
func TestSendPanics(t *testing.T) {
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &oracle{keywords: form.keywords, lmtp: form.cfg.LMTP}
				conn := open(t, o, form.cfg)
				func() {
					defer func() {
						if err, ok := recover().(error); !ok || !errors.Is(err, errDialogue) {
							t.Errorf("recovered %v", err)
						}
					}()
					conn.Send(t.Context(), &explosive{rawMail: newMail(t, "from a@x.org\nto b@x.org\n\nx\n"), at: 2, then: func() error { panic(errDialogue) }})
				}()
				if conn.Err() == nil || len(o.taken) != 0 {
					t.Errorf("%v, taken %v", conn.Err(), o.taken)
				}
				_ = conn.Close()
			})
		})
	}
}

// TestTracePanics: a trace that panics at any event does so in the goroutine of the call, wherever the event
// came from, and the connection is closed. The last event is that of Close, which calls nothing.
func TestTracePanics(t *testing.T) {
	all, _ := tracePanics(t, 0)
	for at := 1; at < all; at++ {
		if _, recovered := tracePanics(t, at); !recovered {
			t.Errorf("the panic at event %d of %d went nowhere", at, all)
		}
	}
}

// tracePanics runs a session whose trace panics at an event.
func tracePanics(t *testing.T, at int) (events int, recovered bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go (&oracle{keywords: pipelining}).serve(far)
		cfg := client.Config{TLS: client.TLSNone, Trace: func(client.Event) {
			if events++; events == at {
				panic(errDialogue)
			}
		}}
		defer func() {
			err, ok := recover().(error)
			recovered = ok && errors.Is(err, errDialogue)
			_ = near.Close()
		}()
		conn, err := client.New(t.Context(), near, cfg)
		if err != nil {
			return
		}
		defer conn.Close()
		conn.Send(t.Context(), newMail(t, "from a@x.org\nto b@x.org\n\nx\n"))
	})
	return events, recovered
}

// lateContext is a ctx whose end is noticed when the call that watches it is over.
type lateContext struct {
	context.Context
	done chan struct{}
	ends []func()
	err  error
}

func (c *lateContext) Err() error { return c.err }

func (c *lateContext) Done() <-chan struct{} { return c.done }

// AfterFunc is what context.AfterFunc calls: the function has been started already when it is stopped.
func (c *lateContext) AfterFunc(f func()) func() bool {
	c.ends = append(c.ends, f)
	return func() bool { return false }
}

// TestLateEndOfContext: a ctx that ends in the moment in which its call succeeds does not break the
// connection for the calls after it.
func TestLateEndOfContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go (&oracle{keywords: pipelining}).serve(far)
		ctx := &lateContext{Context: context.Background(), done: make(chan struct{})}
		conn, err := client.New(ctx, near, client.Config{TLS: client.TLSNone})
		if err != nil {
			t.Fatal(err)
		}
		if r := conn.Send(ctx, newMail(t, "from a@x.org\nto b@x.org\n\nx\n")); r.Err != nil {
			t.Error(r.Err)
		}
		feed := &list{jobs: []*client.BulkJob{{Mail: newMail(t, "from a@x.org\nto b@x.org\n\nx\n")}}}
		if err := conn.Stream(ctx, client.Window{}, feed, func(*client.BulkJob) {}); err != nil {
			t.Error(err)
		}
		if err := conn.Noop(ctx); err != nil {
			t.Error(err)
		}
		tx, err := conn.Begin(ctx, testEnvelope(t, "a@x.org", "b@x.org"), client.ContentInfo{})
		if err != nil {
			t.Fatal(err)
		}
		if err := tx.Close(); err != nil {
			t.Error(err)
		}
		ctx.err = context.Canceled
		for _, end := range ctx.ends {
			end()
		}
		if len(ctx.ends) != 5 || conn.Err() != nil {
			t.Errorf("%d watches, %v", len(ctx.ends), conn.Err())
		}
		_ = conn.Close()
	})
}
