package bolt

import (
	"errors"
	"fmt"
	"math"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
	"go.etcd.io/bbolt"
)

// change is one entry that is to be written; a nil value deletes it.
type change struct {
	place string
	value []byte
}

// commit is the changes of one call.
type commit struct {
	changes []change
	done    chan error
}

// write hands changes to the goroutine that commits. It is called with the lock held, so that changes are written
// in the order in which they were decided. What it returns is received once, when they are durable or can
// never be.
func (l *Ledger) write(changes []change) <-chan error {
	c := &commit{changes: changes, done: make(chan error, 1)}
	l.pending = append(l.pending, c)
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return c.done
}

// commitAll commits the changes of all calls that wait, in their order, in one transaction. What was pending when
// the ledger is closed is written too.
func (l *Ledger) commitAll() {
	for closed := false; !closed; {
		select {
		case <-l.wake:
		case <-l.stop:
			closed = true
		}
		l.mu.Lock()
		list, err := l.pending, l.broken
		l.pending = nil
		l.mu.Unlock()
		if len(list) == 0 {
			continue
		}
		if err == nil || errors.Is(err, ErrClosed) {
			err = l.commit(list)
		}
		for _, c := range list {
			c.done <- err
		}
	}
}

// commit writes and syncs. After a failure the state of the file is not known to this process, and a second
// sync may report success for pages that the system has dropped; so nothing is written any more.
func (l *Ledger) commit(list []*commit) error {
	err := l.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(entriesBucket)
		for _, c := range list {
			for _, ch := range c.changes {
				var err error
				if ch.value == nil {
					err = b.Delete([]byte(ch.place))
				} else {
					err = b.Put([]byte(ch.place), ch.value)
				}
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil {
		return nil
	}
	err = fmt.Errorf("the ledger cannot be written, and no mail is sent until it is opened again: %w", err)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken == nil {
		l.broken = err
	}
	return &unusableError{l.path, err}
}

// encode is an entry as it is in the file: its length, the entry, and the address if it is kept. Of an entry that is too long for
// its length what was said is left out, and at last all texts: what became of the mail counts.
func (l *Ledger) encode(e ledger.Entry, recipient string) []byte {
	value, _ := e.AppendBinary(make([]byte, 2, 128)) // never fails
	if len(value)-2 > math.MaxUint16 && len(e.Fate.Reply.Lines) > 0 {
		e.Fate.Reply.Lines = nil
		return l.encode(e, recipient)
	}
	if len(value)-2 > math.MaxUint16 {
		f := e.Fate
		e.Fate = ledger.Fate{Outcome: f.Outcome, Reply: transport.Reply{Code: f.Reply.Code}, Fault: f.Fault}
		return l.encode(e, recipient)
	}
	n := len(value) - 2
	value[0], value[1] = byte(n>>8), byte(n)
	if l.plain {
		value = append(value, recipient...)
	}
	return value
}

// decode reads what encode wrote. The value is not kept.
func decode(value []byte) (e ledger.Entry, recipient string, err error) {
	if len(value) < 2 || len(value) < 2+int(value[0])<<8+int(value[1]) {
		return e, "", fmt.Errorf("an entry of %d octets is cut short", len(value))
	}
	end := 2 + int(value[0])<<8 + int(value[1])
	err = e.UnmarshalBinary(value[2:end])
	return e, string(value[end:]), err
}
