package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/ledger"
)

// step is a change of an entry that this process holds.
type step struct {
	ended  ledger.Ended // its grant
	place  string
	hold   *hold
	next   *ledger.Entry
	change change
}

// Ending writes that content is about to leave; see [ledger.Ledger]. Up to a thousand grants are one atomic batch.
func (l *Ledger) Ending(ctx context.Context, grants []ledger.Grant) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	steps := make([]step, 0, len(grants))
	l.mu.Lock()
	for _, g := range grants {
		place := l.place(g.Key, g.Recipient)
		h := l.held[g.Fence]
		if h == nil || h.lost || h.place != place {
			l.mu.Unlock()
			return fmt.Errorf("key %q: %w", g.Key, ledger.ErrFenced)
		}
		next, err := l.rules.Ending(&h.entry, g.Fence, now())
		if err != nil {
			l.mu.Unlock()
			return fmt.Errorf("key %q: %w", g.Key, err)
		}
		steps = append(steps, step{ledger.Ended{Grant: g}, place, h, next, l.change(place, h.seen, g.Key, next)})
	}
	for _, s := range steps {
		s.hold.begun = true
	}
	l.mu.Unlock()
	for len(steps) > 0 {
		n := min(len(steps), maxBatch)
		if err := l.advance(ctx, steps[:n]); err != nil {
			return err
		}
		steps = steps[n:]
	}
	return nil
}

// advance writes steps in one batch.
func (l *Ledger) advance(ctx context.Context, steps []step) error {
	changes := make([]change, len(steps))
	for i, s := range steps {
		changes[i] = s.change
	}
	first, err := l.stream.write(ctx, changes)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case errors.Is(err, errConflict) && !errors.Is(err, errUncertain):
		return fmt.Errorf("key %q or one beside it: %w", steps[0].ended.Grant.Key, ledger.ErrFenced)
	case err != nil: // perhaps it is written
		for _, s := range steps {
			s.hold.lost = true
		}
		return fmt.Errorf("ledger: %w", err)
	}
	for i, s := range steps {
		s.hold.seen = first + uint64(i)
		if s.next != nil {
			s.hold.entry = *s.next
		}
	}
	return nil
}

// End writes how sends ended; see [ledger.Ledger].
func (l *Ledger) End(ctx context.Context, ends []ledger.Ended) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var errs []error
	for len(ends) > 0 {
		n := min(len(ends), maxBatch)
		errs = append(errs, l.endPart(ctx, ends[:n]))
		ends = ends[n:]
	}
	return errors.Join(errs...)
}

// endPart writes ends in one batch; if one of them was taken over, one by one.
func (l *Ledger) endPart(ctx context.Context, ends []ledger.Ended) error {
	var errs []error
	var steps []step
	again := map[uint64]bool{}
	for _, e := range ends {
		s, err := l.endStep(ctx, e)
		if err == nil && again[e.Grant.Fence] {
			err = fmt.Errorf("key %q: %w", e.Grant.Key, ledger.ErrFenced)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		again[e.Grant.Fence] = true
		if s.hold != nil {
			steps = append(steps, s)
		}
	}
	if len(steps) == 0 {
		return errors.Join(errs...)
	}
	err := l.advance(ctx, steps)
	if errors.Is(err, ledger.ErrFenced) {
		for _, s := range steps {
			errs = append(errs, l.finish([]step{s}, l.endAlone(ctx, s)))
		}
		return errors.Join(errs...)
	}
	return errors.Join(append(errs, l.finish(steps, err))...)
}

// endAlone writes one end. What it conflicts with may be a write of this claim itself, which had no answer and which a server
// took afterwards, or one that the server has not finished: the fence in the record tells whether the claim was taken over.
func (l *Ledger) endAlone(ctx context.Context, s step) error {
	const pause = 20 * time.Millisecond
	for range maxTries {
		err := l.advance(ctx, []step{s})
		if !errors.Is(err, ledger.ErrFenced) {
			return err
		}
		if err := l.follow(ctx, &s); err != nil {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return fmt.Errorf("ledger: %w", ErrUnreachable)
}

// follow has an end follow the record of its claim as it is now. The error is [ledger.ErrFenced] when the claim was taken over.
func (l *Ledger) follow(ctx context.Context, s *step) error {
	l.mu.Lock()
	s.hold.lost = true
	l.mu.Unlock()
	if err := l.find(ctx, s.place, s.hold); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.hold.lost {
		return fmt.Errorf("key %q: %w", s.ended.Grant.Key, ledger.ErrFenced)
	}
	next, err := l.rules.End(&s.hold.entry, s.ended.Grant.Fence, s.ended.Fate, now())
	if err != nil {
		return fmt.Errorf("key %q: %w", s.ended.Grant.Key, err)
	}
	s.next, s.change = next, l.change(s.place, s.hold.seen, s.ended.Grant.Key, next)
	return nil
}

// finish forgets claims that have ended. Those whose end no server took are written later.
func (l *Ledger) finish(steps []step, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range steps {
		if err == nil || errors.Is(err, ledger.ErrFenced) {
			l.forget(s.ended.Grant.Fence)
			continue
		}
		l.unwritten = append(l.unwritten, s.ended)
	}
	l.retry()
	return err
}

// retry writes ends that no server took, until all are written. It is called with the lock held.
func (l *Ledger) retry() {
	if l.retrying || len(l.unwritten) == 0 {
		return
	}
	l.retrying = true
	go func() {
		for {
			select {
			case <-l.closing:
				return
			case <-time.After(attempt):
			}
			l.mu.Lock()
			list := l.unwritten
			l.unwritten = nil
			l.retrying = len(list) > 0
			l.mu.Unlock()
			if len(list) == 0 {
				return
			}
			_ = l.End(context.Background(), list) // what fails is unwritten again
		}
	}()
}

// endStep decides how one claim ends. A step without a hold is one that nothing is to be written of.
func (l *Ledger) endStep(ctx context.Context, e ledger.Ended) (step, error) {
	place := l.place(e.Grant.Key, e.Grant.Recipient)
	l.mu.Lock()
	h := l.held[e.Grant.Fence]
	lost := h != nil && h.lost
	l.mu.Unlock()
	if lost {
		if err := l.find(ctx, place, h); err != nil {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.unwritten = append(l.unwritten, e)
			l.retry()
			return step{}, fmt.Errorf("ledger: %w", err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if h == nil || l.held[e.Grant.Fence] != h || h.place != place || h.lost { // lost: the record is not this claim's
		l.forget(e.Grant.Fence)
		return step{}, fmt.Errorf("key %q: %w", e.Grant.Key, ledger.ErrFenced)
	}
	next, err := l.rules.End(&h.entry, e.Grant.Fence, e.Fate, now())
	if err != nil { // it has ended
		l.forget(e.Grant.Fence)
		return step{}, fmt.Errorf("key %q: %w", e.Grant.Key, err)
	}
	if next == nil && h.unwritten() {
		l.forget(e.Grant.Fence)
		return step{}, nil
	}
	return step{e, place, h, next, l.change(place, h.seen, e.Grant.Key, next)}, nil
}

// find finds the record of a claim after a write without an answer. If the claim is not written, the record that it would have replaced
// is written anew, so that it cannot be any more: a server may still have the write, and no process would end the claim.
func (l *Ledger) find(ctx context.Context, place string, h *hold) error {
	return tries(ctx, func() error {
		r, err := l.stream.readOne(ctx, place)
		if err != nil {
			return err
		}
		e, seen, err := entryOf(r)
		if err != nil {
			return err
		}
		l.mu.Lock()
		if e != nil && e.Fence == h.entry.Fence {
			h.entry, h.seen, h.lost = *e, seen, false
		}
		open := h.lost && seen == h.seen
		l.mu.Unlock()
		if !open {
			return nil
		}
		key := ""
		if e != nil {
			if key, _, err = decodeEntry(r.data); err != nil {
				return err
			}
		}
		_, err = l.stream.write(ctx, []change{l.change(place, seen, key, e)})
		return err
	})
}
