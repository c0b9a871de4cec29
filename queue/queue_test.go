package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/queuetest"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
)

func TestMemory(t *testing.T) {
	queuetest.Run(t, queuetest.Engine{
		Open: func(*testing.T) queue.Engine { return queue.NewMemory() },
		Do:   synctest.Test,
	})
}

func mail(t *testing.T, to ...string) transport.Mail {
	t.Helper()
	var list []envelope.Recipient
	for _, s := range to {
		a, err := envelope.ParseAddress(s)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, envelope.Recipient{Address: a, Notify: envelope.NotifyFailure})
	}
	from, err := envelope.ParseAddress("from@example.org")
	if err != nil {
		t.Fatal(err)
	}
	env, err := envelope.NewWithOptions(from, list, envelope.Options{EnvelopeID: "e1"})
	if err != nil {
		t.Fatal(err)
	}
	return transport.Raw(env, []byte("Subject: secret reset token\r\n\r\nhello\r\n"))
}

func newQueue(t *testing.T, c queue.Config) *queue.Queue {
	t.Helper()
	q, err := queue.New(queue.NewMemory(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}

func enqueue(t *testing.T, q *queue.Queue, m transport.Mail, job queue.Job) {
	t.Helper()
	if _, err := q.Enqueue(t.Context(), m, job); err != nil {
		t.Fatal(err)
	}
}

// state says what is in the queue.
func state(t *testing.T, q *queue.Queue) string {
	t.Helper()
	var text strings.Builder
	for e, err := range q.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "%s %v %d; ", e.Key, e.State, e.Attempts)
	}
	return text.String()
}

func runDue(t *testing.T, w queue.Worker) {
	t.Helper()
	worker, err := w.Build()
	if err == nil {
		err = worker.RunDue(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestAttempts follows jobs through answers of the relay, in the time of the bubble.
func TestAttempts(t *testing.T) {
	gone, later := stub.Reject(transport.PhaseRcpt, 550, "no such user"), stub.Reject(transport.PhaseRcpt, 450, "later")
	unusable := stub.Fail(transport.PhaseMessage, errors.New("8-bit"))
	cases := map[string]struct {
		answers   []stub.Answer
		guarantee policy.Guarantee
		want      []string // after each time the worker ran, a minute apart
		copies    int
	}{
		"accepted":                {[]stub.Answer{stub.Accept()}, 0, []string{""}, 1},
		"rejected":                {[]stub.Answer{gone}, 0, []string{"k parked 1; ", "k parked 1; "}, 0},
		"deferred twice":          {[]stub.Answer{later, later}, 0, []string{"k waiting 1; ", "k waiting 2; ", ""}, 1},
		"asked to wait":           {[]stub.Answer{stub.Reject(transport.PhaseRcpt, 450, "4.7.1 try again in 90 seconds")}, 0, []string{"k waiting 1; ", "k waiting 1; ", ""}, 1},
		"relay is down":           {[]stub.Answer{stub.Fail(transport.PhaseDial, io.EOF)}, 0, []string{"k waiting 1; ", ""}, 1},
		"unusable":                {[]stub.Answer{unusable}, 0, []string{"k parked 1; "}, 0},
		"unknown":                 {[]stub.Answer{stub.LoseReply()}, 0, []string{"k parked 1; ", "k parked 1; "}, 1},
		"unknown, at least once":  {[]stub.Answer{stub.LoseReply()}, policy.DangerousAtLeastOnce, []string{"k waiting 1; ", ""}, 2},
		"unknown, refused since":  {[]stub.Answer{stub.LoseReply(), gone}, policy.DangerousAtLeastOnce, []string{"k waiting 1; ", "k parked 2; "}, 1},
		"deferred until given up": {[]stub.Answer{later, later, later, later, later}, 0, []string{"k waiting 1; ", "k waiting 2; ", "k parked 3; "}, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q, relay := newQueue(t, queue.Config{}), stub.New().Next(tc.answers...)
				enqueue(t, q, mail(t, "a@example.org"), queue.Job{Key: "k", Guarantee: tc.guarantee})
				w := queue.Work(q, relay)
				w.Backoff = func(int) time.Duration { return 50 * time.Second }
				w.GiveUp = 2*time.Minute + 30*time.Second
				for i, want := range tc.want {
					runDue(t, w)
					if got := state(t, q); got != want {
						t.Errorf("run %d: %q, want %q", i, got, want)
					}
					time.Sleep(time.Minute)
				}
				if n := len(relay.Messages()); n != tc.copies {
					t.Errorf("%d copies arrived, want %d", n, tc.copies)
				}
			})
		})
	}
}

// TestSomeRecipients: those who have the mail are not sent it again, and the job ends when all have it.
func TestSomeRecipients(t *testing.T) {
	q := newQueue(t, queue.Config{})
	relay := stub.New().NextFor("b@example.org", stub.Reject(transport.PhaseRcpt, 450, "later"))
	enqueue(t, q, mail(t, "a@example.org", "b@example.org"), queue.Job{Key: "k"})
	w := queue.Work(q, relay)
	w.Backoff = func(int) time.Duration { return 0 }
	runDue(t, w)
	var to []string
	for _, c := range relay.Calls() {
		for i := range c.Envelope.Len() {
			to = append(to, c.Envelope.At(i).Address.String())
		}
		if c.Envelope.Options().EnvelopeID != "e1" || c.Envelope.At(0).Notify != envelope.NotifyFailure {
			t.Error("the options of the envelope were lost")
		}
	}
	if fmt.Sprint(to) != "[a@example.org b@example.org b@example.org]" || state(t, q) != "" {
		t.Errorf("sent to %v, left %s", to, state(t, q))
	}
}

// TestScheduleAndExpiry: nothing goes early, and nothing after it is of no use.
func TestScheduleAndExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, relay := newQueue(t, queue.Config{}), stub.New()
		now := time.Now()
		enqueue(t, q, mail(t, "a@example.org"), queue.Job{Key: "at", At: now.Add(time.Hour)})
		enqueue(t, q, mail(t, "b@example.org"), queue.Job{Key: "use by", At: now.Add(time.Hour), Expires: now.Add(2 * time.Hour)})
		enqueue(t, q, mail(t, "c@example.org"), queue.Job{Key: "no relay", Relay: "nowhere"})
		if err := q.Pause(t.Context()); err != nil {
			t.Fatal(err)
		}
		worker, err := queue.Work(q, relay).Build()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- worker.Run(ctx) }()
		time.Sleep(3 * time.Hour)
		if got := len(relay.Messages()); got != 0 {
			t.Errorf("%d mails went during the pause", got)
		}
		if err := q.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		enqueue(t, q, mail(t, "d@example.org"), queue.Job{Key: "tomorrow", At: time.Now().Add(24 * time.Hour)})
		due := time.Now().Add(24 * time.Hour)
		time.Sleep(25 * time.Hour)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if got := state(t, q); got != "no relay parked 1; use by parked 1; " {
			t.Error(got)
		}
		messages := relay.Messages()
		if len(messages) != 2 {
			t.Fatalf("%d mails went", len(messages))
		}
		if at := messages[1].Time; at.Before(due) || at.After(due.Add(time.Second)) {
			t.Errorf("sent at %v, due at %v", at, due)
		}
	})
}

// deaf is an engine whose leases cannot be extended, as those of a worker that sleeps are not.
type deaf struct{ *queue.Memory }

func (deaf) Extend(context.Context, []queue.Taken, time.Duration) error { return nil }

// TestLongMail: the lease of a mail that takes long is extended, so no other worker takes its job.
func TestLongMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, relay := newQueue(t, queue.Config{}), stub.New().Next(stub.Accept().WithDelay(10*time.Minute))
		enqueue(t, q, mail(t, "a@example.org"), queue.Job{Key: "k"})
		begins := 0
		w := queue.Work(q, relay)
		w.OnEvent = func(e queue.Event) {
			if e.Begins {
				begins++
			}
		}
		worker, err := w.Build()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- worker.Run(ctx) }()
		time.Sleep(time.Hour)
		cancel()
		if err := <-ended; err != nil || begins != 1 || state(t, q) != "" {
			t.Errorf("%v, tried %d times, left %s", err, begins, state(t, q))
		}
	})
}

// TestSleepingWorker: of two workers one sleeps beyond its lease in the middle of a mail. The other takes the job and
// sends nothing while the first may, and when that wakes up there is one copy.
func TestSleepingWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := deaf{queue.NewMemory()}
		q, err := queue.New(engine, queue.Config{})
		if err != nil {
			t.Fatal(err)
		}
		relay := stub.New().Next(stub.Accept().WithDelay(10 * time.Minute))
		enqueue(t, q, mail(t, "a@example.org"), queue.Job{Key: "k"})
		ctx, cancel := context.WithCancel(t.Context())
		var workers sync.WaitGroup
		busy := 0
		for range 2 {
			w := queue.Work(q, relay)
			w.OnEvent = func(e queue.Event) {
				if errors.Is(e.Err, ledger.ErrBusy) {
					busy++
				}
			}
			worker, err := w.Build()
			if err != nil {
				t.Fatal(err)
			}
			workers.Go(func() {
				if err := worker.Run(ctx); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		time.Sleep(time.Hour)
		cancel()
		workers.Wait()
		if n := len(relay.Messages()); n != 1 || busy == 0 || state(t, q) != "" {
			t.Errorf("%d copies, busy %d times, left %s", n, busy, state(t, q))
		}
	})
}

// TestKeys says which key a job has, and when it is refused.
func TestKeys(t *testing.T) {
	q := newQueue(t, queue.Config{})
	m := mail(t, "a@example.org")
	withID := transport.Raw(m.Envelope(), []byte("Message-ID: <1@example.org>\r\n\r\nx\r\n"))
	for _, tc := range []struct {
		mail transport.Mail
		job  queue.Job
		key  string
		err  error
	}{
		{transport.WithKey(withID, "mine"), queue.Job{Key: "job's"}, "job's", nil},
		{transport.WithKey(withID, "mine"), queue.Job{}, "mine", nil},
		{withID, queue.Job{}, "<1@example.org>", nil},
		{transport.WithFingerprint(withID, "other"), queue.Job{}, "<1@example.org>", ledger.ErrKeyReused},
		{withID, queue.Job{Key: "a\nb"}, "a\nb", nil},
	} {
		key, err := q.Enqueue(t.Context(), tc.mail, tc.job)
		if strings.Contains(tc.key, "\n") {
			if err == nil {
				t.Error("a key with a line end was taken")
			}
			continue
		}
		if key != tc.key || !errors.Is(err, tc.err) {
			t.Errorf("key %q, %v, want %q, %v", key, err, tc.key, tc.err)
		}
	}
	first, err := q.Enqueue(t.Context(), m, queue.Job{})
	second, err2 := q.Enqueue(t.Context(), m, queue.Job{})
	if first == "" || first == second || err != nil || err2 != nil {
		t.Errorf("random keys %q, %q, %v, %v", first, second, err, err2)
	}
}

// TestSecrets: what is kept is sealed, bound to its key, and opened by old secrets too.
func TestSecrets(t *testing.T) {
	engine := queue.NewMemory()
	one, two := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	open := func(secrets ...[]byte) *queue.Queue {
		q, err := queue.New(engine, queue.Config{Secrets: secrets})
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	enqueue(t, open(one), mail(t, "a@example.org"), queue.Job{Key: "sealed"})
	enqueue(t, open(), mail(t, "b@example.org"), queue.Job{Key: "plain"})
	taken, err := engine.Take(t.Context(), queue.Request{Most: 10, Lease: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	for _, job := range taken {
		if plain := bytes.Contains(job.Entry.Payload, []byte("reset token")); plain != (job.Entry.Key == "plain") {
			t.Errorf("%s can be read: %v", job.Entry.Key, plain)
		}
		if job.Entry.Key == "sealed" {
			moved := job.Entry
			moved.Key = "moved"
			if _, err := engine.Put(t.Context(), []queue.Entry{moved}); err != nil {
				t.Fatal(err)
			}
		}
	}
	relay := stub.New()
	runDue(t, queue.Work(open(two), relay))
	if len(relay.Messages()) != 0 {
		t.Error("sent with the wrong secret, or what was put there without one")
	}
	for _, key := range []string{"sealed", "plain", "moved"} {
		if err := engine.PutBack(t.Context(), key, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	runDue(t, queue.Work(open(two, one), relay))
	if n := len(relay.Messages()); n != 1 || !bytes.Contains(relay.Messages()[0].Data, []byte("reset token")) {
		t.Errorf("%d mails after the secret was changed", n)
	}
	if _, err := queue.New(engine, queue.Config{Secrets: [][]byte{one, []byte("short")}}); err == nil || !strings.Contains(err.Error(), "32 octets") {
		t.Errorf("a short secret: %v", err)
	}
}

// TestRefused says what is not taken.
func TestRefused(t *testing.T) {
	q := newQueue(t, queue.Config{MaxBytes: 20})
	var large *queue.TooLargeError
	if _, err := q.Enqueue(t.Context(), mail(t, "a@example.org"), queue.Job{}); !errors.As(err, &large) || large.Max != 20 {
		t.Error(err)
	}
	if _, err := q.Enqueue(t.Context(), transport.Raw(envelope.Envelope{}, nil), queue.Job{}); !errors.Is(err, envelope.ErrNoRecipient) {
		t.Error(err)
	}
	var field *envelope.FieldError
	if _, err := newQueue(t, queue.Config{}).Enqueue(t.Context(), mail(t, "a@example.org"), queue.Job{At: time.Now(), Expires: time.Now().Add(-time.Hour)}); !errors.As(err, &field) || field.Field != "Expires" {
		t.Error(err)
	}
	never := time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) // which RFC 3339 cannot say
	for name, job := range map[string]queue.Job{"At": {At: never}, "Expires": {Expires: never}} {
		if _, err := newQueue(t, queue.Config{}).Enqueue(t.Context(), mail(t, "a@example.org"), job); !errors.As(err, &field) || field.Field != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := queue.New(nil, queue.Config{}); !errors.As(err, &field) {
		t.Error(err)
	}
	bad := queue.Work(nil, nil)
	bad.AtOnce, bad.Lease, bad.GiveUp = -1, -1, -1
	if _, err := bad.Build(); err == nil || strings.Count(err.Error(), "\n") != 4 {
		t.Error(err)
	}
}

// TestThroughput sends many jobs by two workers, each once.
func TestThroughput(t *testing.T) {
	const n = 3000
	q, relay := newQueue(t, queue.Config{}), stub.New()
	m := mail(t, "a@example.org")
	for i := range n {
		enqueue(t, q, m, queue.Job{Key: fmt.Sprint("k", i)})
	}
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() { runDue(t, queue.Work(q, relay)) })
	}
	workers.Wait()
	if got := len(relay.Messages()); got != n || state(t, q) != "" {
		t.Errorf("%d of %d arrived", got, n)
	}
}

// TestExponential bounds the waits.
func TestExponential(t *testing.T) {
	b := queue.Exponential(30*time.Second, 4*time.Hour)
	spread := map[time.Duration]bool{}
	for range 100 {
		spread[b(9)] = true
	}
	if len(spread) < 50 {
		t.Errorf("%d different waits of 100: jobs that failed together come back together", len(spread))
	}
	for attempts, most := range map[int]time.Duration{0: 30 * time.Second, 1: 30 * time.Second, 2: time.Minute, 3: 2 * time.Minute, 9: 128 * time.Minute, 10: 4 * time.Hour, 1000: 4 * time.Hour} {
		for range 100 {
			if d := b(attempts); d < most/2 || d > most {
				t.Fatalf("attempt %d: %v, want %v to %v", attempts, d, most/2, most)
			}
		}
	}
}
