package smtp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// ours counts the goroutines that run code of the client or the pool.
func ours() int {
	buffer := make([]byte, 1<<20)
	n := 0
	for stack := range bytes.SplitSeq(buffer[:runtime.Stack(buffer, true)], []byte("\n\n")) {
		if bytes.Contains(stack, []byte("smtp/client.(*link)")) || bytes.Contains(stack, []byte("internal/pool.")) {
			n++
		}
	}
	return n
}

// descriptors counts the open files of the process, where the system tells.
func descriptors() int {
	list, _ := os.ReadDir("/proc/self/fd") // elsewhere the count is 0 before and after
	return len(list)
}

// TestManySenders: 64 goroutines on four connections never open a fifth, no sender starves, and nothing
// is left after Shutdown.
func TestManySenders(t *testing.T) {
	srv := smtptest.NewServer(t)
	before := descriptors()
	sender := build(t, relay(srv).Pool(smtp.Pool{MaxOpen: 4}))
	var most, open atomic.Int32
	srv.Use(func(e smtptest.Event) smtptest.Action {
		switch e.At {
		case smtptest.Secured:
			most.Store(max(most.Load(), open.Add(1)))
		case smtptest.Quit:
			open.Add(-1)
		}
		return smtptest.Action{}
	})
	var senders sync.WaitGroup
	for i := range 64 {
		senders.Go(func() {
			for j := range 8 {
				if _, err := sender.Send(t.Context(), mail(t, fmt.Sprintf("r%d.%d@example.org", i, j))); err != nil {
					t.Errorf("sender %d: %v", i, err)
				}
			}
		})
	}
	senders.Wait()
	if stats := sender.Stats(); stats.Opened > 4 || stats.Busy != 0 || stats.Waiting != 0 || stats.Waits == 0 {
		t.Errorf("stats %+v", stats)
	}
	if most.Load() > 4 {
		t.Errorf("%d connections at once", most.Load())
	}
	if err := sender.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := srv.WaitIdle(t.Context(), 1); err != nil {
		t.Error(err)
	}
	settle(t, "goroutines", func() bool { return ours() == 0 })
	settle(t, "descriptors", func() bool { return descriptors() <= before })
	if n := len(srv.Messages()); n != 64*8 {
		t.Errorf("%d messages", n)
	}
}

// settle waits until what has ended already is gone from the books of runtime and kernel.
func settle(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("%s were left behind", what)
		}
		runtime.Gosched()
	}
}

// TestFailedDialsLeaveNothing: a failed handshake gives everything back.
func TestFailedDialsLeaveNothing(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Certificate = smtptest.Expired
	srv.Start()
	before := descriptors()
	for range 20 {
		sender := build(t, relay(srv))
		if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err == nil {
			t.Fatal("an expired certificate was good enough")
		}
		_ = sender.Close()
	}
	settle(t, "goroutines", func() bool { return ours() == 0 })
	settle(t, "descriptors", func() bool { return descriptors() <= before })
}

// TestWaitForConnection: a send that waits for a connection ends with its context, and one that would
// be one too many fails at once.
func TestWaitForConnection(t *testing.T) {
	busy, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Hooks = []smtptest.Hook{func(e smtptest.Event) smtptest.Action {
		if e.At != smtptest.End {
			return smtptest.Action{}
		}
		once.Do(func() { close(busy) })
		return smtptest.Wait(release).Then(smtptest.Default())
	}}
	srv.Start()
	sender := build(t, relay(srv).Pool(smtp.Pool{MaxOpen: 1, MaxWaiting: 1}))
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := sender.Send(t.Context(), mail(t, "a@example.org")); err != nil {
			t.Error(err)
		}
	})
	<-busy
	ctx, cancel := context.WithCancel(t.Context())
	var second sync.WaitGroup
	second.Go(func() {
		result, err := sender.Send(ctx, mail(t, "b@example.org"))
		var failed *transport.SendError
		if !errors.As(err, &failed) || failed.Phase != transport.PhaseWait || !errors.Is(err, context.Canceled) || result.Recipients[0].Outcome != transport.NotSent {
			t.Errorf("%v, %v", result.Recipients, err)
		}
	})
	settle(t, "waiting senders", func() bool { return sender.Stats().Waiting == 1 })
	if _, err := sender.Send(t.Context(), mail(t, "c@example.org")); !errors.Is(err, smtp.ErrBusy) {
		t.Errorf("got %v", err)
	}
	cancel()
	second.Wait()
	close(release)
	first.Wait()
}

// TestMaxMessages (and MAILMAX of RFC 9422): a connection is given up after its share.
func TestMaxMessages(t *testing.T) {
	for name, step := range map[string]func(srv *smtptest.Server, b smtp.Builder) smtp.Builder{
		"Pool.MaxMessages": func(_ *smtptest.Server, b smtp.Builder) smtp.Builder {
			return b.Pool(smtp.Pool{MaxOpen: 1, MaxMessages: 2})
		},
		"LIMITS MAILMAX": func(srv *smtptest.Server, b smtp.Builder) smtp.Builder {
			return b.Pool(smtp.Pool{MaxOpen: 1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			if name == "LIMITS MAILMAX" {
				srv.Config.Extensions = append(smtptest.DefaultExtensions(), "LIMITS MAILMAX=2")
			}
			srv.Start()
			sender := build(t, step(srv, relay(srv)))
			for range 5 {
				if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
					t.Fatal(err)
				}
			}
			n := 0
			for _, err := range transport.SendAll(t.Context(), sender, func(yield func(transport.Mail) bool) {
				for range 5 {
					if !yield(mail(t, "b@example.org")) {
						return
					}
				}
			}) {
				if err != nil {
					t.Error(err)
				}
				n++
			}
			if n != 5 || len(srv.Messages()) != 10 {
				t.Errorf("%d results, %d messages", n, len(srv.Messages()))
			}
			for _, s := range srv.Sessions() {
				if mails := s.Count("MAIL"); mails > 2 {
					t.Errorf("%d messages over one connection", mails)
				}
			}
		})
	}
}

// TestSendAllStopsEarly: a caller who leaves the loop stops the taking, and nothing is left running.
func TestSendAllStopsEarly(t *testing.T) {
	srv := smtptest.NewServer(t)
	sender := build(t, relay(srv).Pool(smtp.Pool{MaxOpen: 2}))
	taken := 0
	for range transport.SendAll(t.Context(), sender, func(yield func(transport.Mail) bool) {
		for yield(mail(t, "b@example.org")) {
			taken++
		}
	}) {
		break
	}
	if n := len(srv.Messages()); n == 0 || n > taken+1 {
		t.Errorf("%d taken, %d arrived", taken, n)
	}
	if s := sender.Stats(); s.Busy != 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestSendAllWithoutRelay: every mail has its result when there is no relay, in bounded time.
func TestSendAllWithoutRelay(t *testing.T) {
	sender := build(t, smtp.DangerousPlaintext("127.0.0.1").Port(1).WaitForRelay(0).Pool(smtp.Pool{MaxOpen: 2}))
	n := 0
	for sent, err := range transport.SendAll(t.Context(), sender, func(yield func(transport.Mail) bool) {
		for range 1000 {
			if !yield(mail(t, "b@example.org")) {
				return
			}
		}
	}) {
		n++
		if !errors.As(err, new(*client.Error)) || sent.Result.Recipients[0].Outcome != transport.NotSent {
			t.Fatalf("%v, %v", sent.Result, err)
		}
	}
	if n != 1000 {
		t.Errorf("%d results", n)
	}
}

// TestSendAllContext: when ctx ends, what is under way ends and nothing more is taken.
func TestSendAllContext(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	srv.Config.Hooks = []smtptest.Hook{func(e smtptest.Event) smtptest.Action {
		if e.At == smtptest.End && e.Ordinal == 5 {
			cancel()
			return smtptest.Silence()
		}
		return smtptest.Action{}
	}}
	srv.Start()
	sender := build(t, relay(srv).Pool(smtp.Pool{MaxOpen: 1}))
	outcomes := map[transport.Outcome]int{}
	for sent := range transport.SendAll(ctx, sender, func(yield func(transport.Mail) bool) {
		for yield(mail(t, "b@example.org")) {
		}
	}) {
		outcomes[sent.Result.Recipients[0].Outcome]++
	}
	if outcomes[transport.Accepted] != 4 || outcomes[transport.Unknown] != 1 || outcomes[transport.Rejected]+outcomes[transport.Deferred] != 0 {
		t.Errorf("outcomes %v", outcomes)
	}
}

// TestSendAllAfterAPause: a connection that the server closes while SendAll waits for mails costs a retry
// and no result, also without Resume.
func TestSendAllAfterAPause(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Hooks = []smtptest.Hook{smtptest.Script(smtptest.Case{At: smtptest.Mail, Session: 1, Ordinal: 2, Do: smtptest.Close()})}
	srv.Start()
	sender := build(t, relay(srv).Chunking(client.ChunkingOff).Pool(smtp.Pool{MaxOpen: 1}))
	ended := make(chan struct{}, 2)
	for sent, err := range transport.SendAll(t.Context(), sender, func(yield func(transport.Mail) bool) {
		if yield(mail(t, "a@example.org")) {
			<-ended // the connection is idle now
			yield(mail(t, "b@example.org"))
		}
	}) {
		if err != nil {
			t.Errorf("mail %d: %v", sent.Index, err)
		}
		ended <- struct{}{}
	}
	if n := len(srv.Messages()); n != 2 || len(srv.Sessions()) != 2 {
		t.Errorf("%d messages over %d connections", n, len(srv.Sessions()))
	}
}

// TestResumeTwice: with Resume a mail goes over as many connections as it takes, when each of them
// hangs up after a refusal and takes the mails in the window with it.
func TestResumeTwice(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Hooks = []smtptest.Hook{
		smtptest.ErrorLimit(1, smtptest.Reply("421 4.7.0 too many errors").Then(smtptest.Close())),
		func(e smtptest.Event) smtptest.Action {
			if e.At == smtptest.Rcpt && strings.Contains(e.Line, "refused") {
				return smtptest.Reply("550 5.1.1 no")
			}
			return smtptest.Action{}
		},
	}
	srv.Start()
	sender := build(t, relay(srv).BulkWindow(64).ResendUnsent().Pool(smtp.Pool{MaxOpen: 1}))
	const n = 256
	counts := map[transport.Outcome]int{}
	for sent, err := range transport.SendAll(t.Context(), sender, func(yield func(transport.Mail) bool) {
		for i := range n {
			to := "taken@example.org"
			if i >= 64 && i%8 == 0 {
				to = "refused@example.org"
			}
			if !yield(mail(t, to)) {
				return
			}
		}
	}) {
		o := sent.Result.Recipients[0].Outcome
		counts[o]++
		if o == transport.NotSent {
			t.Errorf("mail %d: %v", sent.Index, err)
		}
	}
	t.Logf("%d connections, %v", len(srv.Sessions()), counts)
	if accepted := len(srv.Messages()); counts[transport.Accepted]+counts[transport.Unknown] < accepted || counts[transport.Accepted] > accepted {
		t.Errorf("the server has %d, results %v", accepted, counts)
	}
}

// TestLimitIsLearned: a relay that says 421 after the second mail of each connection is left alone
// after the second one, once it has shown that three times.
func TestLimitIsLearned(t *testing.T) {
	for name, send := range map[string]func(*smtp.Transport, int) error{
		"Send": func(s *smtp.Transport, n int) error {
			for range n {
				if _, err := s.Send(t.Context(), mail(t, "b@example.org")); err != nil {
					return err
				}
			}
			return nil
		},
		"SendAll": func(s *smtp.Transport, n int) error {
			for _, err := range transport.SendAll(t.Context(), s, func(yield func(transport.Mail) bool) {
				for range n {
					if !yield(mail(t, "b@example.org")) {
						return
					}
				}
			}) {
				if err != nil {
					return err
				}
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			var refused atomic.Int32
			limit := smtptest.MessagesPerSession(2, smtptest.Reply("421 4.7.0 enough").Then(smtptest.Close()))
			srv.Config.Hooks = []smtptest.Hook{func(e smtptest.Event) smtptest.Action {
				if e.At == smtptest.Mail && e.Transaction == 2 {
					refused.Add(1)
				}
				return limit(e)
			}}
			srv.Start()
			sender := build(t, relay(srv).ResendUnsent().Pool(smtp.Pool{MaxOpen: 1}))
			if err := send(sender, 20); err != nil {
				t.Fatal(err)
			}
			if n := refused.Load(); n != 3 || len(srv.Messages()) != 20 {
				t.Errorf("%d mails came behind the limit, %d messages", n, len(srv.Messages()))
			}
		})
	}
}
