package queue

import (
	"context"
	"iter"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
)

// Engine keeps jobs. It is safe for concurrent use, and several processes may use one if it says so.
type Engine interface {
	// Put adds jobs that are Waiting; it is durable when it returns. A job whose key and digest are known, also from a job
	// that has ended within the window of a ledger, is not added again, which is not an error. With another digest its error
	// is [ledger.ErrKeyReused]. The errors of the jobs are in their order; the last one is about the engine.
	Put(ctx context.Context, entries []Entry) ([]error, error)
	// Take waits until a job is due, and returns up to Most of those that are, which are Working then, with Attempts
	// one greater. Those whose lease has ended are due again. Higher priorities come first. While the queue is
	// paused none is due, nor is one whose relay has had its share of a limit. If Wait is false it returns at once.
	Take(ctx context.Context, want Request) ([]Taken, error)
	// Extend makes leases end later. One that has ended is [ErrLease], the others are extended.
	Extend(ctx context.Context, taken []Taken, lease time.Duration) error
	// Settle ends leases; it is durable when it returns. One that has ended is [ErrLease], and the others are settled.
	Settle(ctx context.Context, list []Settlement) error
	// List returns the jobs in the order of their keys, without Payload.
	List(ctx context.Context) iter.Seq2[Entry, error]
	// Cancel removes a job that is Waiting or Parked and forgets its key, PutBack makes a Parked one Waiting at that time, with no attempts
	// and Start at that time, Park makes a Waiting one Parked, for that reason. For any other job they return [ErrNotFound].
	Cancel(ctx context.Context, key string) error
	PutBack(ctx context.Context, key string, at time.Time) error
	Park(ctx context.Context, key, reason string) error
	// Pause stops handing out jobs to all workers, or goes on. It outlives the process where jobs do. Paused reports which.
	Pause(ctx context.Context, paused bool) error
	Paused(ctx context.Context) (bool, error)
	// Events returns what happens to jobs from this call on, in all processes that use the queue, as [Hub.Events] does.
	// What happens to one job comes in its order, and some of it may be left out if it happens fast.
	Events(ctx context.Context) iter.Seq2[Change, error]
	// Ledger returns the ledger that the workers share. It stays the engine's.
	Ledger() ledger.Ledger
	// Close ends waiting calls. Workers must have ended.
	Close() error
}

// Request says what a worker takes.
type Request struct {
	Most   int
	Lease  time.Duration
	Wait   bool
	Limits map[string]Limit // by the name of the relay
}

// Taken is a job in the hands of a worker.
type Taken struct {
	Entry Entry
	Lease any // of the engine
}

// Settlement is what becomes of a taken job.
type Settlement struct {
	Taken  Taken
	Do     Verdict
	At     time.Time // for Later
	Reason string    // for Later and Park
	// Outcome is the worst one of the attempt.
	Outcome transport.Outcome
}

// Verdict says what is done with a job after an attempt.
type Verdict uint8

// The verdicts.
const (
	// Later: it waits again, until At.
	Later Verdict = iota
	// Done: it is removed.
	Done
	// Park: it stays and is not taken.
	Park
)
