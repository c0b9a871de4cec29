package bolt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"go.etcd.io/bbolt"
)

// Put adds jobs; see [queue.Engine]. The transaction decides which keys are known, so that calls at the same time agree.
func (e *Engine) Put(ctx context.Context, entries []queue.Entry) ([]error, error) {
	errs, fresh := make([]error, len(entries)), []queue.Entry(nil)
	e.mu.Lock()
	if err := e.usable(ctx); err != nil {
		e.mu.Unlock()
		return nil, err
	}
	written := e.write(func(tx *bbolt.Tx) error {
		fresh = nil
		for i, entry := range entries {
			entry.Digest = e.book.Secret().Digest(entry.Digest)
			known, err := e.known(tx, entry.Key)
			switch {
			case err != nil:
				return err
			case known != nil && *known != entry.Digest:
				errs[i] = fmt.Errorf("key %q: %w", entry.Key, ledger.ErrKeyReused)
			case known == nil:
				payload := entry.Payload
				entry.Payload, entry.State = nil, queue.Waiting
				value, err := json.Marshal(entry)
				if err != nil { // such as of a time; the other jobs do not suffer from it
					errs[i] = err
					continue
				}
				err = errors.Join(tx.Bucket(mailBucket).Put([]byte(entry.Key), payload), tx.Bucket(jobsBucket).Put([]byte(entry.Key), value))
				if err != nil {
					return err
				}
				fresh = append(fresh, entry)
			}
		}
		return nil
	})
	e.mu.Unlock()
	if err := <-written; err != nil {
		return nil, err
	}
	if _, err := e.Memory.Put(context.WithoutCancel(ctx), fresh); err != nil && !errors.Is(err, queue.ErrClosed) {
		return nil, err // closed in between: it is on the disk
	}
	return errs, nil
}

// known returns the digest of a job with the key, nil for none.
func (e *Engine) known(tx *bbolt.Tx, key string) (*ledger.Digest, error) {
	if value := tx.Bucket(jobsBucket).Get([]byte(key)); value != nil {
		var entry queue.Entry
		err := json.Unmarshal(value, &entry)
		return &entry.Digest, err
	}
	value := tx.Bucket(endedBucket).Get([]byte(key))
	if value == nil {
		return nil, nil
	}
	var was ended
	err := json.Unmarshal(value, &was)
	if err == nil && time.Since(was.At) > e.window {
		return nil, nil
	}
	return &was.Digest, err
}

func putJob(tx *bbolt.Tx, entry queue.Entry) error {
	entry.Payload = nil
	value, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	return tx.Bucket(jobsBucket).Put([]byte(entry.Key), value)
}

func deleteJob(tx *bbolt.Tx, key string) error {
	return errors.Join(tx.Bucket(jobsBucket).Delete([]byte(key)), tx.Bucket(mailBucket).Delete([]byte(key)))
}

// sound returns why no job may be begun: neither its end nor what becomes of its mail could be written down.
func (e *Engine) sound(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.usable(ctx); err != nil {
		return err
	}
	return e.book.Err()
}

// Take hands out jobs that are due; see [queue.Engine].
func (e *Engine) Take(ctx context.Context, want queue.Request) ([]queue.Taken, error) {
	if err := e.sound(ctx); err != nil {
		return nil, err
	}
	taken, err := e.Memory.Take(ctx, want)
	if err != nil {
		return nil, err
	}
	if err := e.sound(context.WithoutCancel(ctx)); err != nil { // it broke while this waited
		return nil, err
	}
	err = e.db.View(func(tx *bbolt.Tx) error {
		for i := range taken {
			taken[i].Entry.Payload = append([]byte(nil), tx.Bucket(mailBucket).Get([]byte(taken[i].Entry.Key))...)
		}
		return nil
	})
	return taken, err
}

// Settle ends leases; see [queue.Engine].
func (e *Engine) Settle(ctx context.Context, list []queue.Settlement) error {
	var errs []error
	var good []queue.Settlement
	e.mu.Lock()
	if err := e.usable(ctx); err != nil {
		e.mu.Unlock()
		return err
	}
	for _, s := range list {
		if err := e.Memory.Settle(ctx, []queue.Settlement{s}); err != nil {
			errs = append(errs, err)
			continue
		}
		good = append(good, s)
	}
	written := e.write(func(tx *bbolt.Tx) error {
		for _, s := range good {
			if err := settle(tx, s); err != nil {
				return err
			}
		}
		return nil
	})
	e.mu.Unlock()
	return errors.Join(append(errs, <-written)...)
}

func settle(tx *bbolt.Tx, s queue.Settlement) error {
	entry := s.Taken.Entry
	entry.Reason, entry.Outcome = s.Reason, s.Outcome
	switch s.Do {
	case queue.Done:
		value, err := json.Marshal(ended{entry.Digest, time.Now().UTC()})
		if err != nil {
			return err
		}
		return errors.Join(deleteJob(tx, entry.Key), tx.Bucket(endedBucket).Put([]byte(entry.Key), value))
	case queue.Park:
		entry.State = queue.Parked
	default:
		entry.State, entry.At = queue.Waiting, s.At
	}
	return putJob(tx, entry)
}

// Cancel removes a job; see [queue.Engine].
func (e *Engine) Cancel(ctx context.Context, key string) error {
	return e.change(ctx, func() error { return e.Memory.Cancel(ctx, key) }, func(tx *bbolt.Tx) error { return deleteJob(tx, key) })
}

// PutBack lets a parked job wait again; see [queue.Engine].
func (e *Engine) PutBack(ctx context.Context, key string, at time.Time) error {
	return e.change(ctx, func() error { return e.Memory.PutBack(ctx, key, at) }, func(tx *bbolt.Tx) error {
		var entry queue.Entry
		if err := json.Unmarshal(tx.Bucket(jobsBucket).Get([]byte(key)), &entry); err != nil {
			return err
		}
		entry.State, entry.At, entry.Start, entry.Attempts = queue.Waiting, at, at, 0
		return putJob(tx, entry)
	})
}

// Park keeps workers from a job that waits; see [queue.Engine].
func (e *Engine) Park(ctx context.Context, key, reason string) error {
	return e.change(ctx, func() error { return e.Memory.Park(ctx, key, reason) }, func(tx *bbolt.Tx) error {
		var entry queue.Entry
		if err := json.Unmarshal(tx.Bucket(jobsBucket).Get([]byte(key)), &entry); err != nil {
			return err
		}
		entry.State, entry.Reason = queue.Parked, reason
		return putJob(tx, entry)
	})
}

// Pause stops handing out jobs, or goes on, also after a restart; see [queue.Engine].
func (e *Engine) Pause(ctx context.Context, paused bool) error {
	return e.change(ctx, func() error { return e.Memory.Pause(ctx, paused) }, func(tx *bbolt.Tx) error {
		if paused {
			return tx.Bucket(metaBucket).Put(pausedKey, []byte{1})
		}
		return tx.Bucket(metaBucket).Delete(pausedKey)
	})
}

// change changes what is in memory and writes it.
func (e *Engine) change(ctx context.Context, memory func() error, disk func(tx *bbolt.Tx) error) error {
	e.mu.Lock()
	if err := e.usable(ctx); err != nil {
		e.mu.Unlock()
		return err
	}
	if err := memory(); err != nil {
		e.mu.Unlock()
		return err
	}
	written := e.write(disk)
	e.mu.Unlock()
	return <-written
}

var _ queue.Engine = (*Engine)(nil)
