package queue

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
)

// Config is how a [Queue] keeps mail.
type Config struct {
	// Secrets seal what is kept, by AES-256-GCM; each has 32 octets. The first seals, all of them open, so that a new one
	// can be put first. None keeps mail as it is: a queue holds password resets.
	Secrets [][]byte
	// MaxBytes is how large a mail may be; 0 means 32 MiB.
	MaxBytes int64
}

// Queue takes mail and shows what it holds. It is safe for concurrent use.
type Queue struct {
	engine Engine
	sealer sealer
	max    int64
}

const standardMaxBytes = 32 << 20

// New returns a queue over an engine, which the queue owns. The error is an [*envelope.FieldError].
func New(engine Engine, c Config) (*Queue, error) {
	if engine == nil {
		return nil, &envelope.FieldError{Field: "engine", Err: errors.New("an engine is missing")}
	}
	if c.MaxBytes < 0 {
		return nil, &envelope.FieldError{Field: "MaxBytes", Value: fmt.Sprint(c.MaxBytes), Err: errors.New("must not be negative")}
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = standardMaxBytes
	}
	s, err := newSealer(c.Secrets)
	if err != nil {
		return nil, err
	}
	return &Queue{engine: engine, sealer: s, max: c.MaxBytes}, nil
}

// Enqueue keeps a mail until a worker has sent it. It is durable when it returns the key. The content is read now, and
// every attempt sends the same octets. To enqueue the same mail with the same key again does nothing; another mail is
// [ledger.ErrKeyReused].
func (q *Queue) Enqueue(ctx context.Context, mail transport.Mail, job Job) (key string, err error) {
	entry, err := q.Entry(mail, job)
	if err != nil {
		return "", err
	}
	errs, err := q.engine.Put(ctx, []Entry{entry})
	if err == nil && len(errs) > 0 {
		err = errs[0]
	}
	if err != nil {
		err = fmt.Errorf("enqueue: %w", err)
	}
	return entry.Key, err
}

// Entry returns what Enqueue keeps of a mail, for an [Engine] that can keep it in a transaction of the caller's. The error is that of Enqueue.
func (q *Queue) Entry(mail transport.Mail, job Job) (entry Entry, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("enqueue: %w", err)
		}
	}()
	if err := envelope.Check(mail); err != nil {
		return Entry{}, err
	}
	if job.Key, err = keyOf(mail, job.Key); err != nil {
		return Entry{}, err
	}
	if !job.Expires.IsZero() && job.Expires.Before(job.At) {
		return Entry{}, &envelope.FieldError{Field: "Expires", Value: job.Expires.String(), Err: errors.New("is before At")}
	}
	for field, at := range map[string]time.Time{"At": job.At, "Expires": job.Expires} {
		if _, err := at.MarshalText(); err != nil { // engines keep times as RFC 3339 has them
			return Entry{}, &envelope.FieldError{Field: field, Value: at.String(), Err: errors.New("want a year up to 9999")}
		}
	}
	plain, err := encode(mail, q.max)
	if err != nil {
		return Entry{}, err
	}
	entry = Entry{Job: job, Digest: digest(mail), Enqueued: time.Now().UTC()}
	entry.Start = entry.Enqueued
	if job.At.After(entry.Start) {
		entry.Start = job.At
	}
	if entry.Payload, err = q.sealer.seal(plain, job.Key); err != nil {
		return Entry{}, err
	}
	return entry, nil
}

// keyOf finds the key of a job.
func keyOf(mail transport.Mail, key string) (string, error) {
	if key == "" {
		key = transport.KeyOf(mail)
	}
	if key == "" && transport.MessageIDGiven(mail) {
		key = transport.MessageID(mail)
	}
	if key == "" {
		key = rand.Text()
	}
	return key, ledger.CheckKey(key)
}

// digest tells two mails with one key apart, as the ledger does for each recipient.
func digest(mail transport.Mail) ledger.Digest {
	env, h := mail.Envelope(), sha256.New()
	for i := range env.Len() {
		d := ledger.NewDigest(env.From(), env.At(i).Address, transport.FingerprintOf(mail))
		h.Write(d[:])
	}
	return ledger.Digest(h.Sum(nil))
}

// List returns the jobs in the order of their keys, without the mail.
func (q *Queue) List(ctx context.Context) iter.Seq2[Entry, error] { return q.engine.List(ctx) }

// Cancel removes a job that no worker has; else it is [ErrNotFound]. Parked jobs are dropped so. The key may be used
// again.
func (q *Queue) Cancel(ctx context.Context, key string) error { return q.engine.Cancel(ctx, key) }

// PutBack lets a parked job be tried again, now. One whose verdict was lost must be resolved in the ledger first,
// or it is parked again.
func (q *Queue) PutBack(ctx context.Context, key string) error {
	return q.engine.PutBack(ctx, key, time.Now())
}

// Park keeps all workers from a job that waits, until PutBack; for a job in another state it is [ErrNotFound]. The reason becomes one
// line, as that of [Entry].
func (q *Queue) Park(ctx context.Context, key, reason string) error {
	return q.engine.Park(ctx, key, clean(reason))
}

// Pause stops all workers from taking jobs; Enqueue goes on. Resume ends it.
func (q *Queue) Pause(ctx context.Context) error { return q.engine.Pause(ctx, true) }

// Resume ends a Pause.
func (q *Queue) Resume(ctx context.Context) error { return q.engine.Pause(ctx, false) }

// Paused reports whether the queue is paused.
func (q *Queue) Paused(ctx context.Context) (bool, error) { return q.engine.Paused(ctx) }

// Events returns what happens to jobs from this call on, in all processes that use the queue: queued, sending, delayed,
// parked, sent, cancelled. The sequence ends with ctx; its last error is [ErrClosed], or [ErrLost] if it was read too slowly or the
// engine was cut off.
func (q *Queue) Events(ctx context.Context) iter.Seq2[Change, error] { return q.engine.Events(ctx) }

// Ledger returns the ledger of the engine, to look an Unknown up and to resolve it if it is a [ledger.Book].
func (q *Queue) Ledger() ledger.Ledger { return q.engine.Ledger() }

// Close closes the engine. Workers must have ended.
func (q *Queue) Close() error { return q.engine.Close() }
