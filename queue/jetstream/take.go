package jetstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/queue"
)

// taken is the lease of a job in the hands of a worker of this process.
type taken struct {
	id      jobID
	job     job
	payload []byte // as the record has it

	seen  uint64    // the record that has the lease, or the job that is lent
	until time.Time // by the clock of this process
	over  bool
}

// Take hands out jobs that are due; see [queue.Engine].
func (e *Engine) Take(ctx context.Context, want queue.Request) ([]queue.Taken, error) {
	if !want.Wait { // what there is counts, not what is known of it yet
		select {
		case <-e.loaded:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-e.done:
			return nil, queue.ErrClosed
		}
	}
	for {
		if err := e.usable(ctx); err != nil {
			return nil, err
		}
		e.owners.wants()
		shares, wait, err := e.shares(ctx, want)
		var jobs []slot
		var list []queue.Taken
		next, change := e.owners.beat, (chan struct{})(nil)
		if err == nil {
			jobs, next, change = e.pick(want, shares)
			list, err = e.takeAll(ctx, jobs, want.Lease)
		}
		switch {
		case err != nil && want.Wait && errors.Is(err, ErrUnreachable): // until this process is back in the cluster
		case err != nil || len(list) > 0 || !want.Wait && len(jobs) == 0:
			return list, err
		case len(jobs) > 0:
			continue // others were faster
		}
		timer := time.NewTimer(min(next, wait))
		select {
		case <-change:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// pick takes jobs that are due out of the index, and says when to look again.
func (e *Engine) pick(want queue.Request, shares map[string]int) (jobs []slot, wait time.Duration, change chan struct{}) {
	longest := time.Hour
	if !e.owners.alone {
		longest = e.owners.beat // others come and go
	}
	mine := e.owners.mine()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.paused {
		return nil, longest, e.change
	}
	now := time.Now()
	e.index.overdue(now, e.owners.alive)
	e.index.times.Due(now)
	for len(jobs) < want.Most {
		at, ok := e.index.times.Next(func(lane string) bool {
			part, relay := splitLane(lane)
			share, limited := shares[relay]
			return mine[part] && (!limited || share > 0)
		})
		if !ok {
			break
		}
		jobs = append(jobs, *e.index.slots.At(at))
		if _, relay := splitLane(e.index.times.Lane(at)); shares[relay] > 0 {
			shares[relay]--
		}
	}
	return jobs, e.index.times.Wait(now, longest), e.change
}

func splitLane(lane string) (part int, relay string) { return int(lane[0]), lane[1:] }

// takeAll writes leases for jobs. Those that others have changed are left out.
func (e *Engine) takeAll(ctx context.Context, jobs []slot, lease time.Duration) ([]queue.Taken, error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	list, err := e.readAll(ctx, jobs, lease)
	longer, cancel := outlast(ctx)
	defer cancel()
	switch {
	case err != nil:
	case e.alone:
		list = e.lendAll(list)
	default:
		list, err = e.leaseAll(longer, list)
	}
	var out []queue.Taken
	if err == nil {
		if out, err = e.hand(longer, list); err != nil && e.alone {
			e.takeBack(list)
		}
	}
	const soon = 200 * time.Millisecond
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	for _, s := range jobs { // what was taken has a newer record, or a lease
		e.index.again(s, now, now.Add(soon))
	}
	return out, err
}

// outlast goes on for a moment after ctx: a lease whose write is under way when ctx ends must be known, or the job waits for its end
// although no worker has it, for as long as this process lives.
func outlast(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(attempt, end) })
	return longer, func() {
		stop()
		end()
	}
}

// leaseAll writes leases in one batch, or one by one if another process was faster with one of them.
func (e *Engine) leaseAll(ctx context.Context, list []*taken) ([]*taken, error) {
	if len(list) == 0 {
		return nil, nil
	}
	err := e.update(ctx, list)
	if !errors.Is(err, errConflict) {
		return list, err
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	var won []*taken
	var errs []error
	for _, t := range list {
		all.Go(func() {
			err := e.update(ctx, []*taken{t})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won = append(won, t)
			case !errors.Is(err, errConflict):
				errs = append(errs, err)
			}
		})
	}
	all.Wait()
	if len(won) > 0 {
		return won, nil // the others are due again
	}
	return nil, errors.Join(errs...)
}

// update writes the records of leases as they are to be.
func (e *Engine) update(ctx context.Context, list []*taken) error {
	changes := make([]change, len(list))
	for i, t := range list {
		head, err := t.job.head()
		if err != nil {
			return err
		}
		changes[i] = change{subject: e.jobSubject(t.id), seen: t.seen, head: head, data: t.payload}
	}
	from := time.Now() // the lease is over for us before it is for others
	first, err := e.jobs.write(ctx, changes)
	if err != nil {
		return err
	}
	for i, t := range list {
		t.seen, t.until = first+uint64(i), from.Add(t.job.Lease)
		e.note(&record{subject: changes[i].subject, seq: t.seen}, t.job, false)
	}
	return nil
}

// hand reads the mails of jobs that were taken.
func (e *Engine) hand(ctx context.Context, list []*taken) ([]queue.Taken, error) {
	out := make([]queue.Taken, len(list))
	for i, t := range list {
		entry := t.job.entry()
		entry.Payload = t.payload
		if t.job.Parts > 0 {
			var err error
			if entry.Payload, err = e.parts(ctx, t); err != nil {
				return nil, fmt.Errorf("queue: %w", err)
			}
		}
		out[i] = queue.Taken{Entry: entry, Lease: t}
	}
	return out, nil
}

// parts reads a large mail. A server that follows may lack some of it, or have that of an earlier job with the key.
func (e *Engine) parts(ctx context.Context, t *taken) ([]byte, error) {
	subjects := make([]string, t.job.Parts)
	for k := range subjects {
		subjects[k] = e.partSubject(t.id, k)
	}
	for _, read := range []func(context.Context, []string) (map[string]*record, error){e.jobs.read, e.jobs.readNewest} {
		found, err := read(ctx, subjects)
		if err != nil {
			return nil, err
		}
		var payload []byte
		for _, subject := range subjects {
			if r := found[subject]; r != nil {
				payload = append(payload, r.data...)
			}
		}
		if bytes.Equal(sumOf(payload), t.job.Sum) {
			return payload, nil
		}
	}
	return nil, nil // what is not a mail is parked
}
