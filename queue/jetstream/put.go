package jetstream

import (
	"context"
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
)

// maxPut is how many jobs one batch has at most, so that their large mails fit too.
const maxPut = 256

// Put adds jobs; see [queue.Engine].
func (e *Engine) Put(ctx context.Context, entries []queue.Entry) ([]error, error) {
	if err := e.usable(ctx); err != nil {
		return nil, err
	}
	errs := make([]error, len(entries))
	for from := 0; from < len(entries); {
		n, records := 0, 0
		for n < maxPut && from+n < len(entries) {
			if records += 1 + len(entries[from+n].Payload)/partSize; records >= maxBatch && n > 0 {
				break
			}
			n++
		}
		if err := e.putPart(ctx, entries[from:from+n], errs[from:from+n]); err != nil {
			return nil, fmt.Errorf("queue: %w", err)
		}
		from += n
	}
	return errs, nil
}

// putPart adds jobs in one batch. At first it takes all keys for new.
func (e *Engine) putPart(ctx context.Context, entries []queue.Entry, errs []error) error {
	found := map[string]*record{}
	return tries(ctx, func() error {
		p := putting{Engine: e, found: found, first: map[string]ledger.Digest{}}
		for i := range entries {
			if errs[i] = p.add(entries[i]); p.failed != nil {
				return p.failed
			}
		}
		if len(p.changes) == 0 {
			return nil
		}
		first, err := e.jobs.write(ctx, p.changes)
		if err == nil {
			for i, at := range p.at {
				e.note(&record{subject: p.changes[at].subject, seq: first + uint64(at)}, p.jobs[i], false)
			}
			return nil
		}
		subjects := make([]string, len(p.at))
		for i, at := range p.at {
			subjects[i] = p.changes[at].subject
		}
		var readErr error
		if found, readErr = e.jobs.readNewest(ctx, subjects); readErr != nil {
			return readErr
		}
		return err
	})
}

// putting is a batch of new jobs.
type putting struct {
	*Engine

	found   map[string]*record // what is known of subjects
	first   map[string]ledger.Digest
	changes []change
	jobs    []job
	at      []int // of the record of each job among the changes
	failed  error
}

// add adds a job to the batch, unless its key is known; the error is that of the job.
func (p *putting) add(e queue.Entry) error {
	id := idOf(e.Key)
	e.Digest = p.book.secret.Digest(e.Digest)
	c := change{subject: p.jobSubject(id)}
	known, twice := p.first[e.Key]
	if r := p.found[c.subject]; r != nil && !twice {
		c.seen = r.seq
		if !r.deleted() {
			j, err := readJob(r)
			if err != nil {
				p.failed = err
				return err
			}
			free := j.Gone != "" && (j.Gone != goneSent || time.Since(j.Ended) > p.window)
			known, twice = j.digest(), !free
		}
	}
	if twice {
		if known != e.Digest {
			return fmt.Errorf("key %q: %w", e.Key, ledger.ErrKeyReused)
		}
		return nil
	}
	p.first[e.Key] = e.Digest
	e.State = queue.Waiting
	j := jobOf(e)
	if c.data = e.Payload; len(c.data) > inline {
		list := p.partChanges(id, e.Payload)
		p.changes, j.Parts, c.data = append(p.changes, list...), len(list), nil
		j.Sum = sumOf(e.Payload)
	}
	if c.head, p.failed = j.head(); p.failed != nil {
		return p.failed
	}
	p.at, p.jobs, p.changes = append(p.at, len(p.changes)), append(p.jobs, j), append(p.changes, c)
	return nil
}
