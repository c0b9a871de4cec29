package bolt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"go.etcd.io/bbolt"
)

// Claim answers claims; see [ledger.Ledger]. It writes nothing.
func (l *Ledger) Claim(ctx context.Context, claims []ledger.Claim) ([]ledger.Grant, error) {
	grants := make([]ledger.Grant, len(claims))
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return nil, err
	}
	err := l.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(entriesBucket)
		for i, c := range claims {
			place := l.place(c.Key, c.Recipient)
			found, alive, err := l.find(b, place)
			if err != nil {
				return err
			}
			next, grant := l.rules.Claim(found, l.secret.Claim(c), ledger.Holder{Alive: alive, Fence: l.fence + 1, Now: now()})
			if next != nil {
				l.fence++
				l.held[place] = &claim{entry: *next, written: found != nil}
			}
			grants[i] = grant
		}
		return nil
	})
	if err != nil {
		for i, g := range grants { // nothing was granted
			if g.Answer == ledger.Send {
				delete(l.held, l.place(claims[i].Key, claims[i].Recipient))
			}
		}
		return nil, fmt.Errorf("ledger %s: %w", l.path, err)
	}
	return grants, nil
}

// find returns the entry at a place, nil for none. It is called with the lock held.
func (l *Ledger) find(b *bbolt.Bucket, place string) (found *ledger.Entry, alive bool, err error) {
	if c, ok := l.held[place]; ok {
		e := c.entry
		return &e, true, nil
	}
	value := b.Get([]byte(place))
	if value == nil {
		return nil, false, nil
	}
	e, _, err := decode(value)
	if err != nil {
		key, _, _ := split([]byte(place))
		return nil, false, fmt.Errorf("the entry of key %q: %w", key, err)
	}
	return &e, false, nil
}

// Ending writes that content is about to leave; see [ledger.Ledger].
func (l *Ledger) Ending(ctx context.Context, grants []ledger.Grant) error {
	written, err := l.startEnding(ctx, grants)
	if err != nil {
		return err
	}
	select {
	case err := <-written:
		return err
	case <-ctx.Done(): // it may be written yet; the end of the grant comes after it
		return context.Cause(ctx)
	}
}

func (l *Ledger) startEnding(ctx context.Context, grants []ledger.Grant) (<-chan error, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return nil, err
	}
	changes, claims := make([]change, len(grants)), make([]*claim, len(grants))
	for i, g := range grants {
		place := l.place(g.Key, g.Recipient)
		c := l.held[place]
		if c == nil {
			return nil, fmt.Errorf("key %q: %w", g.Key, ledger.ErrFenced)
		}
		next, err := l.rules.Ending(&c.entry, g.Fence, now())
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", g.Key, err)
		}
		changes[i], claims[i] = change{place, l.encode(*next, g.Recipient.String())}, c
	}
	for _, c := range claims {
		c.entry.State, c.written = ledger.Ending, true
	}
	return l.write(changes), nil
}

// End writes how sends ended; see [ledger.Ledger].
func (l *Ledger) End(ctx context.Context, ends []ledger.Ended) error {
	l.mu.Lock()
	if err := l.usable(ctx); err != nil {
		l.mu.Unlock()
		return err
	}
	var changes []change
	var over []string
	var errs []error
	for _, e := range ends {
		place := l.place(e.Grant.Key, e.Grant.Recipient)
		c := l.held[place]
		if c == nil || c.entry.Fence != e.Grant.Fence {
			errs = append(errs, fmt.Errorf("key %q: %w", e.Grant.Key, ledger.ErrFenced))
			continue
		}
		next, err := l.rules.End(&c.entry, e.Grant.Fence, e.Fate, now())
		switch {
		case err != nil: // it is being written
			errs = append(errs, fmt.Errorf("key %q: %w", e.Grant.Key, err))
			continue
		case next != nil:
			changes = append(changes, change{place, l.encode(*next, e.Grant.Recipient.String())})
		case c.written:
			changes = append(changes, change{place: place})
		}
		c.entry.State = ledger.Over // until it is written the entry is held: it is Busy, not what the file says
		over = append(over, place)
	}
	written := (<-chan error)(nil)
	if len(changes) > 0 {
		written = l.write(changes)
	}
	l.mu.Unlock()
	if written != nil {
		if err := <-written; err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, place := range over {
		delete(l.held, place)
	}
	return errors.Join(errs...)
}

// now is the time as entries keep it.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
