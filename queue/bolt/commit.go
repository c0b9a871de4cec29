package bolt

import (
	"context"
	"errors"
	"fmt"

	"github.com/depeche-mail/depeche/queue"
	"go.etcd.io/bbolt"
)

// commit is the work of one call in a transaction that several calls share.
type commit struct {
	work func(tx *bbolt.Tx) error
	done chan error
}

// write puts work in the order of writes. It is called with the lock held. What it returns is received once, when the
// work is durable or can never be.
func (e *Engine) write(work func(tx *bbolt.Tx) error) <-chan error {
	c := &commit{work: work, done: make(chan error, 1)}
	e.pending = append(e.pending, c)
	select {
	case e.wake <- struct{}{}:
	default:
	}
	return c.done
}

// usable returns why nothing can be done. It is called with the lock held.
func (e *Engine) usable(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return e.broken
}

// commitAll does the work of all calls that wait in one transaction, and what is pending at the end.
func (e *Engine) commitAll() {
	for closed := false; !closed; {
		select {
		case <-e.wake:
		case <-e.stop:
			closed = true
		}
		e.mu.Lock()
		list, err := e.pending, e.broken
		e.pending = nil
		e.mu.Unlock()
		if len(list) == 0 {
			continue
		}
		if err == nil || errors.Is(err, queue.ErrClosed) {
			err = e.commit(list)
		}
		for _, c := range list {
			c.done <- err
		}
	}
}

// commit writes and syncs. After a failure nothing is written any more, because a second sync may report success for
// what the system has dropped.
func (e *Engine) commit(list []*commit) error {
	err := e.db.Update(func(tx *bbolt.Tx) error {
		for _, c := range list {
			if err := c.work(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		return nil
	}
	err = fmt.Errorf("the queue cannot be written until it is opened again: %w", err)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.broken == nil {
		e.broken = err
	}
	return err
}
