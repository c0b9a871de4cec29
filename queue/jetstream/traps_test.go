package jetstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/stub"
)

func takeOne(t *testing.T, e *Engine, lease time.Duration) queue.Taken {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	taken, err := e.Take(ctx, queue.Request{Most: 1, Lease: lease, Wait: true})
	if err != nil || len(taken) != 1 {
		t.Fatalf("took %d jobs, %v", len(taken), err)
	}
	return taken[0]
}

func put(t *testing.T, e *Engine, key string) {
	t.Helper()
	errs, err := e.Put(t.Context(), []queue.Entry{{Job: queue.Job{Key: key}, Payload: []byte("x")}})
	if err = errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
}

func state(t *testing.T, e *Engine) string {
	t.Helper()
	var text strings.Builder
	for entry, err := range e.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "%s %v %d; ", entry.Key, entry.State, entry.Attempts)
	}
	return text.String()
}

// TestLateSettlement: JetStream takes an acknowledgement that comes after the message was given to another (nats-server
// 2.15.3). Here the settlement of a worker that lost its job is refused, also when its own clock says that it has it.
func TestLateSettlement(t *testing.T) {
	connect := serve(t)
	old, fresh := open(t, Over(connect())), open(t, Over(connect()))
	put(t, old, "k")
	late := takeOne(t, old, time.Hour)
	die(old, fresh)
	mine := takeOne(t, fresh, time.Hour)
	for _, do := range []queue.Verdict{queue.Done, queue.Later, queue.Park} {
		if err := old.Settle(t.Context(), []queue.Settlement{{Taken: late, Do: do}}); !errors.Is(err, queue.ErrLease) {
			t.Errorf("verdict %d of who lost the job: %v", do, err)
		}
	}
	if err := old.Extend(t.Context(), []queue.Taken{late}, time.Hour); !errors.Is(err, queue.ErrLease) {
		t.Errorf("its lease was extended: %v", err)
	}
	if got := state(t, fresh); got != "k working 2; " {
		t.Error(got)
	}
	if err := fresh.Settle(t.Context(), []queue.Settlement{{Taken: mine, Do: queue.Done}}); err != nil {
		t.Error(err)
	}
}

// TestLeaseAtEveryAttempt: a consumer's BackOff replaces its AckWait, so that the first attempt has the shortest deadline. Here
// each attempt has the lease that was asked for.
func TestLeaseAtEveryAttempt(t *testing.T) {
	e := open(t, Embedded(t.TempDir()))
	put(t, e, "k")
	const lease = time.Second
	last := time.Now()
	for n := range 3 {
		job := takeOne(t, e, lease)
		if job.Entry.Attempts != n+1 {
			t.Errorf("attempt %d, want %d", job.Entry.Attempts, n+1)
		}
		if took := time.Since(last); n > 0 && took < lease {
			t.Errorf("attempt %d came %v after the one before, whose lease was %v", n+1, took, lease)
		}
		last = time.Now()
	}
}

// TestKeysOutliveNothingElse: the duplicate window of a stream forgets a key by the clock and keeps one that is free. Here a
// key counts for the window of the queue, a retry is not taken for a duplicate, and a cancelled key is free at once.
func TestKeysOutliveNothingElse(t *testing.T) {
	s := Embedded(t.TempDir())
	s.Window = 3 * time.Second
	e := open(t, s)
	put(t, e, "k")
	job := takeOne(t, e, time.Hour)
	if err := e.Settle(t.Context(), []queue.Settlement{{Taken: job, Do: queue.Later}}); err != nil {
		t.Fatal(err)
	}
	job = takeOne(t, e, time.Hour) // a retry at once
	ended := time.Now()
	if err := e.Settle(t.Context(), []queue.Settlement{{Taken: job, Do: queue.Done}}); err != nil {
		t.Fatal(err)
	}
	<-time.After(1500 * time.Millisecond) // the duplicate window of the stream has passed
	if put(t, e, "k"); time.Since(ended) < s.Window && state(t, e) != "" {
		t.Errorf("a key that ended was taken again: %s", state(t, e))
	}
	<-time.After(time.Until(ended.Add(s.Window + 100*time.Millisecond)))
	if put(t, e, "k"); state(t, e) != "k waiting 0; " {
		t.Errorf("a key past its window is a new one: %q", state(t, e))
	}
	if err := e.Cancel(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if put(t, e, "k"); state(t, e) != "k waiting 0; " {
		t.Errorf("a cancelled key is free at once: %q", state(t, e))
	}
}

// TestLargeMail: a mail that no message can hold is kept in several, which go with the job.
func TestLargeMail(t *testing.T) {
	e := open(t, Embedded(t.TempDir()))
	q, err := queue.New(e, queue.Config{Secrets: [][]byte{make([]byte, 32)}})
	if err != nil {
		t.Fatal(err)
	}
	text := "Subject: x\r\n\r\n" + strings.Repeat("0123456789abcdef\r\n", 150_000)
	for _, key := range []string{"sent", "cancelled"} {
		if _, err := q.Enqueue(t.Context(), transport.Raw(newMail(t).Envelope(), []byte(text)), queue.Job{Key: key, Relay: key}); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Cancel(t.Context(), "cancelled"); err != nil {
		t.Fatal(err)
	}
	relay := stub.New()
	w := queue.Work(q, relay)
	w.Relays["sent"] = relay
	worker, err := w.Build()
	if err == nil {
		err = worker.RunDue(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if list := relay.Messages(); len(list) != 1 || string(list[0].Data) != text {
		t.Error("the mail is another one")
	}
	if err := e.jobs.scan(t.Context(), e.jobs.name+".mail.>", func() {}, func(r *record) error {
		if !r.deleted() {
			t.Errorf("%s of a mail that is gone was left", r.subject)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func newMail(t testing.TB) transport.Mail {
	t.Helper()
	from, err := envelope.ParseAddress("from@example.org")
	if err != nil {
		t.Fatal(err)
	}
	to, err := envelope.ParseAddress("to@example.org")
	if err != nil {
		t.Fatal(err)
	}
	env, err := envelope.New(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return transport.Raw(env, []byte("Subject: x\r\n\r\nhello\r\n"))
}

// stalls is a relay that stops in the middle of a mail, as a process that sleeps does.
type stalls struct {
	asleep chan struct{} // closed when it stops
	wake   chan struct{}
	sent   int
}

func (s *stalls) Send(_ context.Context, mail transport.Mail) (*transport.Result, error) {
	close(s.asleep)
	<-s.wake
	if _, err := mail.WriteTo(io.Discard); err != nil { // here the ledger is told that the content is about to leave
		return transport.Fail(mail, transport.PhaseBody, err)
	}
	s.sent++
	return transport.NewResult(mail.Envelope(), transport.Accepted, transport.Reply{Code: 250}), nil
}

// TestSleepingWorker: a worker sleeps beyond its lease in the middle of a mail, another sends it, and the first one wakes
// up: it sends nothing.
func TestSleepingWorker(t *testing.T) {
	connect := serve(t)
	old, fresh := open(t, Over(connect())), open(t, Over(connect()))
	q, err := queue.New(old, queue.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Enqueue(t.Context(), newMail(t), queue.Job{Key: "k"}); err != nil {
		t.Fatal(err)
	}
	slow, relay := &stalls{asleep: make(chan struct{}), wake: make(chan struct{})}, stub.New()
	var first error
	w := queue.Work(q, slow)
	w.OnEvent = func(e queue.Event) { first = e.Err }
	sleeper, err := w.Build()
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := sleeper.RunDue(t.Context()); err != nil {
			t.Error(err)
		}
	})
	<-slow.asleep
	die(old, fresh)
	q2, err := queue.New(fresh, queue.Config{})
	if err != nil {
		t.Fatal(err)
	}
	worker, err := queue.Work(q2, relay).Build()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for len(relay.Messages()) == 0 && ctx.Err() == nil {
		if err := worker.RunDue(ctx); err != nil {
			t.Fatal(err)
		}
	}
	close(slow.wake)
	running.Wait()
	if slow.sent != 0 || len(relay.Messages()) != 1 || !errors.Is(first, ledger.ErrFenced) {
		t.Errorf("%d copies by who slept (%v), %d by the other", slow.sent, first, len(relay.Messages()))
	}
	if got := state(t, fresh); got != "" {
		t.Errorf("left: %s", got)
	}
}

// TestLateWriteOfAnEnding: the record of an ending is written although no answer came, after the claim was looked up. The end that
// follows is not taken for one of a claim that another process has: a mail that was not sent does not stay in doubt for ever.
func TestLateWriteOfAnEnding(t *testing.T) {
	connect := serve(t)
	e := open(t, Over(connect()))
	l := e.book
	to, err := envelope.ParseAddress("customer@example.org")
	if err != nil {
		t.Fatal(err)
	}
	claim := ledger.Claim{Key: "k", Recipient: to}
	grants, err := l.Claim(t.Context(), []ledger.Claim{claim})
	if err != nil || grants[0].Answer != ledger.Send {
		t.Fatal(grants, err)
	}
	place := l.place("k", to)
	h := l.held[grants[0].Fence]
	next, err := l.rules.Ending(&h.entry, grants[0].Fence, now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.stream.write(t.Context(), []change{l.change(place, h.seen, "k", next)}); err != nil {
		t.Fatal(err)
	}
	if err := l.End(t.Context(), []ledger.Ended{{Grant: grants[0]}}); err != nil {
		t.Errorf("the end of a mail that was not sent: %v", err)
	}
	again, err := l.Claim(t.Context(), []ledger.Claim{claim})
	if err != nil || again[0].Answer != ledger.Send {
		t.Errorf("claimed again: %v, %v", again, err)
	}
}
