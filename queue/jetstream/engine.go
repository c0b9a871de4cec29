package jetstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/nats-io/nats.go/jetstream"
)

// Engine is a [queue.Engine] in JetStream. It is safe for concurrent use.
type Engine struct {
	queue.Hub // tells what happens, in all processes

	node   *node
	jobs   *stream
	book   *Ledger
	owners *owners
	window time.Duration
	alone  bool // no other process can use the queue: leases are in memory
	end    context.CancelFunc
	done   <-chan struct{}
	watch  jetstream.ConsumeContext

	keep sync.RWMutex // written by Extend, so that it does not change a record while it is settled

	mu      sync.Mutex
	index   index
	loaded  chan struct{} // closed when the index knows all that there was at first
	change  chan struct{} // closed and made anew when a waiting Take must look again
	editing map[jobID]int // jobs that calls are changing or settling, which are lent to no worker meanwhile
	paused  bool
	closed  bool
	// pausedBy is the number of the record that says so.
	pausedBy uint64
}

// open begins the engine on a connection.
func (s Setup) open(ctx context.Context, n *node) (*Engine, error) {
	of, err := s.streams(ctx, n.conn)
	if err != nil {
		return nil, err
	}
	self, err := newOwner(ctx, of.jobs)
	if err != nil {
		return nil, err
	}
	secret, err := findSecret(ctx, of.jobs, s.Secret)
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	e := &Engine{
		node: n, jobs: of.jobs, window: s.Window, alone: n.alone, end: end, done: life.Done(), index: newIndex(),
		loaded: make(chan struct{}), change: make(chan struct{}), editing: map[jobID]int{},
		owners: &owners{self: self, alone: n.alone, live: of.live, beat: s.beat, seen: map[uint64]sign{}},
	}
	if e.window == 0 {
		e.window = ledger.DefaultWindow
	}
	e.book = &Ledger{
		stream: of.book, owners: e.owners, rules: ledger.Rules{Window: s.Window}, secret: secret, alone: n.alone, closing: e.done,
		held: map[uint64]*hold{}, bare: map[string]*hold{}, looks: map[*look]bool{},
	}
	if err = e.owners.run(life); err == nil {
		err = e.listen(life)
	}
	if err != nil {
		end()
		return nil, err
	}
	return e, nil
}

// listen feeds the index from the stream.
func (e *Engine) listen(ctx context.Context) error {
	js, err := jetstream.New(e.jobs.conn)
	if err != nil {
		return err
	}
	var consumer jetstream.Consumer
	if _, err := e.jobs.patiently(ctx, func(one context.Context) (bool, error) {
		consumer, err = js.OrderedConsumer(one, e.jobs.name, jetstream.OrderedConsumerConfig{
			FilterSubjects: []string{e.jobs.name + ".job.*", e.pauseSubject()}, HeadersOnly: true,
		})
		return true, err
	}); err != nil {
		return err
	}
	if info := consumer.CachedInfo(); info == nil || info.NumPending == 0 {
		close(e.loaded)
	}
	atOnce := 4096
	if e.alone {
		atOnce = 256 // what comes while see rests waits in the server
	}
	e.watch, err = consumer.Consume(e.see, jetstream.PullMaxMessages(atOnce))
	return err
}

// see takes a record of the stream in.
func (e *Engine) see(m jetstream.Msg) {
	at, err := m.Metadata()
	if err != nil {
		return
	}
	e.jobs.know(at.Sequence.Stream)
	r := &record{subject: m.Subject(), seq: at.Sequence.Stream, head: m.Headers().Get(headHeader)}
	if r.subject == e.pauseSubject() {
		e.setPaused(r.seq, r.head == pausedHead)
	} else if j, err := readJob(r); err == nil {
		e.note(r, j, true)
	}
	if at.NumPending == 0 {
		e.load()
		if e.alone && time.Since(at.Timestamp) < resting { // others that wait for see are as old as its rest, or older
			e.rest()
		}
	}
}

// load notes that the index knows all that there was.
func (e *Engine) load() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.isLoaded() {
		close(e.loaded)
	}
}

// resting is for how long see rests.
const resting = time.Second

// rest lets the stream go on for a moment, in a process that is alone with its folder. All records are its own, and all but those whose writes had
// no answer are in the index already: one of a job is enough, the last.
func (e *Engine) rest() {
	select {
	case <-time.After(resting):
	case <-e.done:
	}
}

// note takes a record into the index and tells what happened.
func (e *Engine) note(r *record, j job, seen bool) {
	id, ok := readID(r.subject)
	if !ok {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.learn(id, r.seq, j, seen)
}

// learn is note with the lock held.
func (e *Engine) learn(id jobID, seq uint64, j job, seen bool) {
	if !e.index.note(id, seq, j, time.Now(), seen) {
		return
	}
	e.changed()
	if what, told := whatHappened(j); told && e.isLoaded() {
		e.Tell(what, j.entry())
	}
}

func (e *Engine) isLoaded() bool {
	select {
	case <-e.loaded:
		return true
	default:
		return false
	}
}

// whatHappened names the change that a record is. An extended lease is not told.
func whatHappened(j job) (what queue.What, told bool) {
	switch {
	case j.Gone == goneEarlier:
		return 0, false
	case j.Gone == goneSent:
		return queue.Sent, true
	case j.Gone == goneCancelled:
		return queue.Cancelled, true
	case j.State == queue.Working:
		return queue.Sending, !j.Extended
	case j.State == queue.Parked:
		return queue.Parking, true
	case j.Attempts > 0:
		return queue.Delayed, true
	}
	return queue.Queued, true
}

// changed wakes every Take that waits. It is called with the lock held.
func (e *Engine) changed() {
	close(e.change)
	e.change = make(chan struct{})
}

// usable returns why nothing can be done.
func (e *Engine) usable(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case e.closed:
		return queue.ErrClosed
	}
	return nil
}

// Ledger returns the ledger of the queue, a [ledger.Book].
func (e *Engine) Ledger() ledger.Ledger { return e.book }

// Close ends waiting calls, tells the other processes, and stops the server if there is one.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	e.changed()
	e.mu.Unlock()
	e.Hub.Close()
	e.watch.Stop()
	e.end()
	e.owners.leave()
	return e.node.stop()
}

const pausedHead = "paused"

func (e *Engine) pauseSubject() string { return e.jobs.name + ".meta.pause" }

// setPaused follows a record of pausing, unless a newer one was followed.
func (e *Engine) setPaused(seq uint64, paused bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if seq <= e.pausedBy {
		return
	}
	e.paused, e.pausedBy = paused, seq
	e.changed()
}

// Pause stops handing out jobs in all processes, or goes on; see [queue.Engine].
func (e *Engine) Pause(ctx context.Context, paused bool) error {
	if err := e.usable(ctx); err != nil {
		return err
	}
	head := "on"
	if paused {
		head = pausedHead
	}
	seq, err := e.jobs.write(ctx, []change{{subject: e.pauseSubject(), blind: true, head: head}})
	if err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	e.setPaused(seq, paused)
	return nil
}

// Paused asks the queue whether it is paused; see [queue.Engine].
func (e *Engine) Paused(ctx context.Context) (bool, error) {
	if err := e.usable(ctx); err != nil {
		return false, err
	}
	r, err := e.jobs.readLeader(ctx, e.pauseSubject())
	if err != nil {
		return false, fmt.Errorf("queue: %w", err)
	}
	return !r.deleted() && r.head == pausedHead, nil
}

// tries repeats what others changed in between, or are changing.
func tries(ctx context.Context, do func() error) error {
	err := do()
	const pause = 10 * time.Millisecond
	for n := 1; n < maxTries && errors.Is(err, errConflict); n++ {
		select {
		case <-time.After(rand.N(pause * time.Duration(min(n, 20)))): //nolint:gosec // not a secret
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		err = do()
	}
	return err
}

var _ queue.Engine = (*Engine)(nil)
