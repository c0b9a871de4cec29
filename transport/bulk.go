package transport

import (
	"context"
	"iter"

	"github.com/depeche-mail/depeche/internal/panics"
)

// BulkResult is the end of one mail of SendAll.
type BulkResult struct {
	Index  int // the position of the mail in the sequence, from 0
	Mail   Mail
	Result *Result // never nil
}

// BulkSender is a Transport that can send many mails better than one by one; see [SendAll].
type BulkSender interface {
	SendAll(ctx context.Context, mails iter.Seq[Mail]) iter.Seq2[BulkResult, error]
}

// bulkWorkers is how many mails SendAll sends at the same time over a transport that has no way of
// its own.
const bulkWorkers = 8

// SendAll sends mails and yields the end of each, in the order in which they end, with the error that
// Send would have returned. Every mail that was taken from the sequence is yielded once.
//
// Mails are taken when there is room for them, so a sequence may be long, or slow, or made while it
// is read; it is read in a goroutine of its own, and one that can block must watch ctx itself. When
// ctx ends no more are taken, and those under way end as Send says. A caller who leaves the loop early
// stops the taking too, and waits until those under way have ended; their results are lost. The loop's
// body must not wait for t itself, by sending over it: t waits for the body to take the results. When code
// of the caller panics, such as a mail, it stops taking mails, yields the end of those under way, and the panic
// goes on in the caller's goroutine.
func SendAll(ctx context.Context, t Transport, mails iter.Seq[Mail]) iter.Seq2[BulkResult, error] {
	if b, ok := t.(BulkSender); ok {
		return b.SendAll(ctx, mails)
	}
	return func(yield func(BulkResult, error) bool) {
		RunBulk(ctx, mails, yield, func(jobs <-chan BulkResult, ended func(BulkResult, error)) {
			var workers panics.Group
			failed := workers.Failed()
			for range bulkWorkers {
				workers.Go(func() {
					for {
						select {
						case job, ok := <-jobs:
							if !ok {
								return
							}
							var err error
							job.Result, err = t.Send(ctx, job.Mail)
							ended(job, err)
						case <-failed:
							return
						}
					}
				})
			}
			workers.Wait()
		})
	}
}

// RunBulk is the frame of a [BulkSender]: it takes mails, numbers them, gives them to work, and yields what
// work reports through ended, which may be called from any goroutine. work returns when jobs is closed
// and everything that it took from jobs was reported. When mails or work panics, no more mails are taken, what
// work has reported is yielded, and the panic goes on in the goroutine of the caller; runtime.Goexit too.
func RunBulk(ctx context.Context, mails iter.Seq[Mail], yield func(BulkResult, error) bool, work func(jobs <-chan BulkResult, ended func(BulkResult, error))) {
	type end struct {
		sent BulkResult
		err  error
	}
	const ahead = 128 // mails that are taken before there is a worker for them
	var caught panics.Catcher
	jobs, ends, stop := make(chan BulkResult, ahead), make(chan end, ahead), make(chan struct{})
	take := func() {
		index := 0
		for mail := range mails {
			job := BulkResult{Index: index, Mail: mail}
			index++
			select {
			case <-stop:
				return
			default:
			}
			select {
			case jobs <- job: // there is room mostly, and then one channel costs much less than two
			default:
				select {
				case jobs <- job: // also when ctx has ended: it was taken, so it is yielded
				case <-stop:
					return
				}
			}
			if ctx.Err() != nil {
				return
			}
		}
	}
	go func() {
		defer close(jobs)
		caught.Do(take)
	}()
	go func() {
		defer close(ends)
		caught.Do(func() { work(jobs, func(s BulkResult, err error) { ends <- end{s, err} }) })
	}()
	defer caught.Rethrow()
	defer func() { // also when the caller's loop panics: those under way must not wait for a reader for ever
		close(stop)
		for range ends {
		}
	}()
	for e := range ends {
		if !yield(e.sent, e.err) {
			return
		}
	}
}
