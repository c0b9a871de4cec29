package jetstream

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/ledger/ledgertest"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/queuetest"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/nats-io/nats-server/v2/server"
)

// cluster is three servers in this process, whose cables can be cut.
type cluster struct {
	cables
	engines map[string]*Engine
	servers sync.Map // of *server.Server, by name
}

func newCluster(t *testing.T, beat time.Duration) *cluster {
	t.Helper()
	const names = "abc"
	c := &cluster{cables: layCables(t, names), engines: map[string]*Engine{}}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var mu sync.Mutex
	var all sync.WaitGroup
	for name := range strings.SplitSeq(names, "") {
		var routes []string
		for ends, cable := range c.cables {
			if ends[:1] == name {
				routes = append(routes, cable.url())
			}
		}
		s := Embedded(t.TempDir()).Cluster(name, "127.0.0.1:0", routes...)
		s.beat = beat
		s.begun = func(node *server.Server) {
			c.servers.Store(name, node)
			for ends, cable := range c.cables {
				if ends[1:] == name {
					cable.set(node.ClusterAddr().String(), false)
				}
			}
		}
		all.Go(func() {
			e, err := s.Open(ctx)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			c.engines[name] = e
		})
	}
	all.Wait()
	t.Cleanup(func() {
		for _, e := range c.engines {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	return c
}

// leader returns the server that leads the stream of jobs.
func (c *cluster) leader(t *testing.T) string {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		for name, e := range c.engines {
			if node, ok := c.servers.Load(name); ok && node.(*server.Server).JetStreamIsStreamLeader("$G", e.jobs.name) {
				return name
			}
		}
	}
	t.Fatal("no server leads")
	return ""
}

func recipient(i int) string { return fmt.Sprintf("customer%d@example.org", i) }

func mailTo(t *testing.T, to string) transport.Mail {
	t.Helper()
	a, err := envelope.ParseAddress(to)
	if err != nil {
		t.Fatal(err)
	}
	env, err := envelope.New(newMail(t).Envelope().From(), a)
	if err != nil {
		t.Fatal(err)
	}
	return transport.Raw(env, []byte("Subject: x\r\n\r\nhello\r\n"))
}

// TestPartition: the server that leads is cut off while workers on all three send, and comes back. The others go on, no mail is
// lost, and none goes twice; what is in doubt is parked and, when put back, found to be sent.
func TestPartition(t *testing.T) {
	const mails = 300
	c := newCluster(t, 250*time.Millisecond)
	relay := stub.New()
	queues := map[string]*queue.Queue{}
	for name, e := range c.engines {
		q, err := queue.New(e, queue.Config{})
		if err != nil {
			t.Fatal(err)
		}
		queues[name] = q
	}
	lead := c.leader(t)
	others := slices.DeleteFunc(slices.Sorted(maps.Keys(queues)), func(name string) bool { return name == lead })
	var enqueuing sync.WaitGroup
	for i := range mails {
		enqueuing.Go(func() {
			q := queues[string("abc"[i%3])]
			if _, err := q.Enqueue(t.Context(), mailTo(t, recipient(i)), queue.Job{Key: fmt.Sprint("k", i)}); err != nil {
				t.Error(err)
			}
		})
	}
	enqueuing.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	var workers sync.WaitGroup
	run := func(name string) {
		w := queue.Work(queues[name], paced{relay})
		w.AtOnce, w.Lease = 8, 3*time.Second
		w.Backoff = func(int) time.Duration { return 500 * time.Millisecond }
		worker, err := w.Build()
		if err != nil {
			t.Fatal(err)
		}
		workers.Go(func() {
			if err := worker.Run(ctx); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	for name := range queues {
		run(name)
	}
	until(ctx, t, "some mails are sent", func() bool { return len(relay.Messages()) > mails/6 })
	c.isolate(lead, true)
	cut, before := time.Now(), len(relay.Messages())
	// What was under way at the moment of the cut, eight mails on each, may end; then it is the others who send.
	until(ctx, t, "the others go on", func() bool { return len(relay.Messages()) > before+3*8 })
	t.Logf("the others were at work again %v after the server that leads was cut off", time.Since(cut))
	c.isolate(lead, false)
	until(ctx, t, "all are sent or parked", func() bool { return drained(ctx, queues[lead]) })
	if t.Failed() {
		c.explain(t)
	}
	// What is in doubt: the content was about to leave, and the server that was cut off could not say how it ended. It says so when it
	// is back; then a job that is put back is found to be sent, or is sent.
	until(ctx, t, "what is in doubt becomes certain", func() bool {
		parked := 0
		for entry, err := range queues[others[0]].List(ctx) {
			if err != nil {
				return false
			}
			if parked++; entry.State == queue.Parked && entry.Outcome != transport.Unknown {
				t.Errorf("%s is parked as %v: %s", entry.Key, entry.Outcome, entry.Reason)
			}
			if entry.State == queue.Parked && queues[others[0]].PutBack(ctx, entry.Key) != nil {
				return false
			}
		}
		return parked == 0
	})
	cancel()
	workers.Wait()
	copies := map[string]int{}
	for _, m := range relay.Messages() {
		for i := range m.Envelope.Len() {
			copies[m.Envelope.At(i).Address.String()]++
		}
	}
	for i := range mails {
		if n := copies[recipient(i)]; n != 1 {
			t.Errorf("%s has %d copies", recipient(i), n)
		}
	}
}

// explain says what each server knows of the jobs that are left.
func (c *cluster) explain(t *testing.T) {
	t.Helper()
	list, err := c.engines["a"].list(t.Context())
	t.Log(len(list), "jobs are left", err)
	for _, entry := range list {
		id := idOf(entry.Key)
		t.Logf("%s %v attempts %d at %v: %s", entry.Key, entry.State, entry.Attempts, entry.At, entry.Reason)
		r, _ := c.engines["a"].jobs.readLeader(t.Context(), c.engines["a"].jobSubject(id))
		t.Logf("  %+v", r)
		for name, e := range c.engines {
			mine := e.owners.mine()
			e.mu.Lock()
			at, known := e.index.find(id)
			seq := uint64(0)
			if known {
				seq = e.index.slots.At(at).seq()
			}
			t.Logf("  %s (process %d): known %v, slot %+v, lease %+v, gone %d, part of it: %v", name, e.owners.self, known, seq, e.index.leases[at], e.index.gone[id], mine[id.part()])
			e.mu.Unlock()
		}
	}
}

// paced is a relay that takes some time.
type paced struct{ transport.Transport }

func (p paced) Send(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
	<-time.After(30 * time.Millisecond)
	return p.Transport.Send(ctx, mail)
}

// drained reports whether nothing waits or is worked on.
func drained(ctx context.Context, q *queue.Queue) bool {
	for entry, err := range q.List(ctx) {
		if err != nil || entry.State != queue.Parked {
			return false
		}
	}
	return true
}

// until waits for what must come.
func until(ctx context.Context, t *testing.T, what string, done func() bool) {
	t.Helper()
	for !done() {
		select {
		case <-ctx.Done():
			t.Errorf("this did not happen: %s", what)
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// TestClusterSuites runs what engine and ledger promise over three servers, each rule on the same ones.
func TestClusterSuites(t *testing.T) {
	c := newCluster(t, 250*time.Millisecond)
	number := 0
	again := func(t *testing.T, name string) *Engine {
		s := Over(c.engines["a"].node.conn)
		s.Name, s.beat = name, 250*time.Millisecond
		return open(t, s)
	}
	fresh := func() string {
		number++
		return fmt.Sprint("suite", number)
	}
	queuetest.Run(t, queuetest.Engine{Open: func(t *testing.T) queue.Engine { return again(t, fresh()) }})
	engines := map[ledger.Ledger]*Engine{}
	ledgertest.Run(t, ledgertest.Store{
		Open: func(t *testing.T) ledger.Ledger {
			e := again(t, fresh())
			engines[e.book] = e
			return e.book
		},
		Restart: func(t *testing.T, l ledger.Ledger) ledger.Ledger {
			e := again(t, engines[l].jobs.name)
			engines[e.book] = e
			die(engines[l], e)
			return e.book
		},
		Fenced: true,
	})
}
