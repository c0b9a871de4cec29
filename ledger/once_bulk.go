package ledger

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/depeche-mail/depeche/internal/panics"
	"github.com/depeche-mail/depeche/transport"
)

// batch is how many mails are claimed, or ended, at a time at most.
const batch = 256

// errStopped is why a mail was not sent when the SendAll below ended before its time.
var errStopped = errors.New("the transport stopped taking mails")

// SendAll claims mails as they come, many at a time, sends those that may be sent over the SendAll of what
// is below, and writes down many ends at a time; see [transport.SendAll].
func (o *once) SendAll(ctx context.Context, mails iter.Seq[transport.Mail]) iter.Seq2[transport.BulkResult, error] {
	return func(yield func(transport.BulkResult, error) bool) {
		transport.RunBulk(ctx, mails, yield, func(jobs <-chan transport.BulkResult, ended func(transport.BulkResult, error)) {
			b := &bulk{
				once: o, report: ended, out: make(chan *bulkSending, batch), over: make(chan *bulkSending, batch),
				below: map[int]*bulkSending{},
			}
			b.run(ctx, jobs)
		})
	}
}

// bulk is one SendAll: jobs are claimed and put out, the transport below takes them from there, and what it
// reports is written down and reported.
type bulk struct {
	*once

	report func(transport.BulkResult, error)
	out    chan *bulkSending // claimed, to be sent
	over   chan *bulkSending // sent, to be written down
	parts  panics.Group      // the goroutines; code of the caller may panic in each

	mu      sync.Mutex
	below   map[int]*bulkSending // what the transport below has taken and not reported, by its number there
	taken   int
	stopped bool
	feeding sync.WaitGroup // sequences that the transport below is reading
}

type bulkSending struct {
	sending

	job    transport.BulkResult
	inside bool              // the gate counts it
	sent   *transport.Result // what the transport below returned
	err    error
}

func (b *bulk) run(ctx context.Context, jobs <-chan transport.BulkResult) {
	b.parts.Go(func() { b.claimAll(ctx, jobs) })
	b.parts.Go(func() { b.endAll(ctx) })
	b.parts.Go(func() { b.sendAll(ctx) })
	b.parts.Wait()
}

// claimAll claims all jobs, as many at a time as have come. After a panic it takes no more.
func (b *bulk) claimAll(ctx context.Context, jobs <-chan transport.BulkResult) {
	defer close(b.out)
	failed := b.parts.Failed()
	for {
		select {
		case job, ok := <-jobs:
			if !ok {
				return
			}
			list := []*bulkSending{b.start(job)}
			for len(list) < batch && len(jobs) > 0 {
				job, ok := <-jobs
				if !ok {
					break
				}
				list = append(list, b.start(job))
			}
			b.claimSome(ctx, list)
		case <-failed:
			return
		}
	}
}

// claimSome claims mails and gives each to what comes next.
func (b *bulk) claimSome(ctx context.Context, list []*bulkSending) {
	claimed := false
	defer func() {
		for _, s := range list {
			switch {
			case s.ended:
				b.finish(s)
			case claimed:
				b.out <- s
			case s.out != nil: // code of the caller panicked
				b.refuse(ctx, s)
			case s.inside: // it may have no envelope to report
				b.gate.leave(1)
			}
		}
	}()
	claims := make([]*sending, 0, len(list))
	for _, s := range list {
		if !s.ended {
			claims = append(claims, &s.sending)
		}
	}
	b.claim(ctx, claims)
	claimed = true
}

func (b *bulk) start(job transport.BulkResult) *bulkSending {
	s := &bulkSending{sending: sending{mail: job.Mail}, job: job}
	if err := b.gate.enter(1); err != nil {
		s.fail(transport.PhaseWait, err)
		return s
	}
	s.inside = true
	return s
}

// finish reports a mail.
func (b *bulk) finish(s *bulkSending) {
	result, err := s.end()
	s.job.Result = result
	if s.inside {
		b.gate.leave(1)
	}
	b.report(s.job, err)
}

// sendAll gives the transport below what was claimed. Each mail comes back once, whatever it does.
func (b *bulk) sendAll(ctx context.Context) {
	defer func() { // also after a panic
		for _, s := range b.stop() { // taken and not reported
			s.err = errStopped
			b.over <- s
		}
		for s := range b.out {
			b.refuse(ctx, s)
		}
		b.feeding.Wait() // b.over is closed after the last of them
		close(b.over)
	}()
	b.parts.Do(func() { // a panic is known before the mails above are waited for, so that no more of them are claimed
		for sent, err := range transport.SendAll(ctx, b.Next, b.feed) {
			if s := b.takeBack(sent.Index); s != nil {
				s.sent, s.err = sent.Result, err
				b.over <- s
			}
		}
	})
}

// refuse ends a mail that the transport below did not take.
func (b *bulk) refuse(ctx context.Context, s *bulkSending) {
	cause := errStopped
	if ctx.Err() != nil {
		cause = context.Cause(ctx)
	}
	s.sent, s.err = transport.Fail(s.out, transport.PhaseWait, cause)
	b.over <- s
}

// feed is the sequence of mails for the transport below.
func (b *bulk) feed(yield func(transport.Mail) bool) {
	if !b.enterFeed() {
		return
	}
	defer b.feeding.Done()
	for s := range b.out {
		mail := s.out
		if !b.give(s) {
			b.over <- s
			return
		}
		if !yield(mail) {
			return
		}
	}
}

func (b *bulk) enterFeed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.stopped {
		b.feeding.Add(1)
	}
	return !b.stopped
}

// give numbers a mail as the transport below does; false means that it takes no more.
func (b *bulk) give(s *bulkSending) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		s.sent, s.err = transport.Fail(s.out, transport.PhaseWait, errStopped)
		return false
	}
	b.below[b.taken] = s
	b.taken++
	return true
}

func (b *bulk) takeBack(number int) *bulkSending {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.below[number]
	delete(b.below, number)
	return s
}

// stop returns what the transport below has not reported.
func (b *bulk) stop() []*bulkSending {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
	return slices.Collect(maps.Values(b.below))
}

// endAll writes down what has ended, as much at a time as there is, and reports it.
func (b *bulk) endAll(ctx context.Context) {
	defer func() { // after a function of the caller that ended this goroutine
		for s := range b.over {
			s.enter(s.judge(s.sent, s.err))
			b.finish(s)
		}
	}()
	for s := range b.over {
		list := []*bulkSending{s}
		for len(list) < batch && len(b.over) > 0 {
			s, ok := <-b.over
			if !ok {
				break
			}
			list = append(list, s)
		}
		b.endSome(ctx, list)
	}
}

// endSome writes down how mails ended and reports them, also when the ledger or the caller's OnError panics.
func (b *bulk) endSome(ctx context.Context, list []*bulkSending) {
	ends, plain := make([][]Ended, len(list)), make([]*sending, len(list))
	for i, s := range list {
		plain[i], ends[i] = &s.sending, s.enter(s.judge(s.sent, s.err))
	}
	defer func() {
		for _, s := range list {
			b.finish(s)
		}
	}()
	b.parts.Do(func() { b.record(ctx, plain, ends) })
}
