package client

import (
	"errors"

	"github.com/depeche-mail/depeche/internal/ending"
)

// ErrEnding is why a connection was closed when what is told of the end of a mail failed before that was written;
// see transport.WithEnding. It tells nothing of the server.
var ErrEnding = errors.New("connection closed before the end of the content")

// endingError is ErrEnding with its cause.
type endingError struct{ err error }

func (e *endingError) Error() string   { return ErrEnding.Error() + ": " + e.err.Error() }
func (e *endingError) Unwrap() []error { return []error{ErrEnding, e.err} }

// lateEndings are what is told of the mail before its end is written; none where WriteTo tells it.
func (tx *txn) lateEndings() []ending.Ending {
	if late, ok := tx.plan.mail.(ending.Late); ok {
		return late.LateEndings()
	}
	return nil
}

// tellEndings tells of the mails whose ends are about to be written. After an error none of them may be.
func (w *wire) tellEndings() error {
	if len(w.endings) > 0 && w.refused == nil && w.broken() == nil {
		if err := ending.All(w.endings); err != nil {
			w.refused = &endingError{err}
		}
		clear(w.endings)
		w.endings = w.endings[:0]
	}
	return w.refused
}

// foresee tells of f together with the mails that follow it in the window without a wait, if a write is near and f was not told of.
// A flight holds few large mails, and what is told is often on a disk before the call returns: one call for a window instead of one for
// a flight makes a ledger that much faster. No more mails are in doubt than the window allows.
func (s *stream) foresee(f *flight) error {
	w := s.conn.wire
	if f.txn.told || len(f.txn.lateEndings()) == 0 || int64(len(w.out))+f.txn.plan.size < flightSize*7/8 {
		return nil
	}
	size := int64(0)
	for _, next := range s.leftover {
		size += next.txn.plan.size
	}
	for !s.ended && !s.full(size, -len(s.leftover)) {
		job, ended := s.feed.Poll()
		s.ended = ended
		if job == nil {
			break
		}
		if next := s.take(job); next != nil {
			s.leftover = append(s.leftover, next)
			size += next.txn.plan.size
		}
	}
	for _, next := range append([]*flight{f}, s.leftover...) {
		if next.txn.plan.form == formChunk {
			w.endings = append(w.endings, next.txn.lateEndings()...)
			next.txn.told = true
		}
	}
	return w.tellEndings()
}
