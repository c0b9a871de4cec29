package smtp

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/depeche-mail/depeche/internal/panics"
	"github.com/depeche-mail/depeche/internal/pool"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// SendAll sends mails over as many connections as the pool has, and yields the end of each; see
// [transport.SendAll]. On each connection the commands of a mail travel with the content of the one
// before, so that a round trip brings a verdict. [Builder.BulkWindow] lets more travel at once.
//
// Mails that a broken connection left NotSent go over another one when [Builder.ResendUnsent] was set;
// what is Unknown never does.
func (t *Transport) SendAll(ctx context.Context, mails iter.Seq[transport.Mail]) iter.Seq2[transport.BulkResult, error] {
	return func(yield func(transport.BulkResult, error) bool) {
		transport.RunBulk(ctx, mails, yield, func(jobs <-chan transport.BulkResult, ended func(transport.BulkResult, error)) {
			var workers panics.Group
			failed := workers.Failed()
			for range t.limits.MaxOpen {
				w := &worker{t: t, in: jobs, failed: failed, ended: ended}
				workers.Go(func() { w.run(ctx) })
			}
			workers.Wait()
		})
	}
}

// worker sends over one connection after another until there are no more mails.
type worker struct {
	t      *Transport
	in     <-chan transport.BulkResult
	failed <-chan struct{} // closed when a worker panicked: no more mails are taken
	ended  func(transport.BulkResult, error)
	again  []*client.BulkJob // to be sent first, on the next connection
	fails  int               // attempts in a row to get a connection, or to get a mail over one
	turn   turn
	spare  []*client.BulkJob // ended, to be used again
}

// turn is what a worker knows of the connection that it uses.
type turn struct {
	conn      *client.Conn
	inFlight  int  // jobs that the connection has been given and has not given back
	delivered int  // mails of which the relay has said what becomes of them, those before the turn included
	over      bool // the relay has ended the connection: what follows says nothing about how many it takes
	suspect   bool // the connection was used before, or idle, and has not shown a sign of life since
	alive     bool // the connection has brought the end of a job
	full      bool // the connection has no room for the next job
}

// A worker that fails some times in a row takes the relay to be down, and for a while lets mails
// fail at once instead of making each of them wait.
const (
	failsAreDown = 3
	downFor      = time.Second
)

func (w *worker) run(ctx context.Context) {
	var quiet time.Time
	var down error
	returned := false
	defer func() {
		if !returned { // a mail panicked: those that waited for another connection are not sent
			for job := w.left(); job != nil; job = w.left() {
				w.unreached(job, errPanicked)
			}
		}
	}()
	for {
		job, _ := w.Wait(nil)
		if job == nil {
			returned = true
			return
		}
		if w.fails >= failsAreDown && time.Now().Before(quiet) {
			w.unreached(job, down)
			continue
		}
		w.pause(ctx)
		w.again = append([]*client.BulkJob{job}, w.again...)
		lease, err := w.t.pool.Get(ctx)
		if err != nil {
			w.fails++
			quiet, down = time.Now().Add(downFor), err
			w.unreached(w.left(), err)
			continue
		}
		w.stream(ctx, lease)
	}
}

// pause waits a little, and longer each time, before a relay that took nothing is tried again.
func (w *worker) pause(ctx context.Context) {
	const first, longest = 50 * time.Millisecond, 5 * time.Second
	if w.fails < 2 {
		return
	}
	timer := time.NewTimer(min(first<<min(w.fails-2, 10), longest))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// stream sends over one connection as long as that is of use.
func (w *worker) stream(ctx context.Context, lease *pool.Lease[*client.Conn]) {
	conn := lease.Value()
	window := client.Window{Messages: w.t.bulk.depth}
	w.fails++
	w.turn = turn{conn: conn, delivered: conn.Transactions(), suspect: lease.Reused()}
	returned := false
	defer func() {
		if !returned {
			lease.Discard()
		}
	}()
	err := conn.Stream(ctx, window, &limited{worker: w, conn: conn}, func(job *client.BulkJob) { w.done(ctx, job) })
	returned = true
	w.t.learned.note(conn.Findings())
	if errors.Is(err, client.ErrEnding) { // of the mails, not of the relay: no reason to wait
		w.fails--
	}
	if err == nil && w.turn.full { // the next one has room, at the latest when it is new
		w.fails = max(w.fails-1, 0)
	}
	if err != nil || w.turn.full {
		lease.Discard()
	} else {
		lease.Release()
	}
}

// done takes a job back from a connection. One that was lost goes over the next connection when it may.
func (w *worker) done(ctx context.Context, job *client.BulkJob) {
	w.turn.inFlight--
	w.count(job.Result)
	w.t.learned.judge(w.turn.conn, job.Result)
	if w.resend(job) {
		w.t.resends(ctx, job.Mail, job.Result)
		w.again = append(w.again, job)
		return
	}
	w.turn.suspect, w.turn.alive = false, true
	if job.Result.Err == nil {
		w.fails = 0
	}
	result, err := w.t.report(job.Mail, job.Result)
	w.end(job, result, err)
}

// count notes how many mails the relay takes over one connection.
func (w *worker) count(r *client.Result) {
	t := &w.turn
	switch {
	case t.over:
	case isHangUp(r):
		t.over = true
		w.t.limit.ended(t.delivered, false)
	case isAnswered(r):
		t.delivered++
		w.t.limit.reached(t.delivered)
	case !t.suspect && t.conn.Findings().EndedSilently:
		t.over = true
		w.t.limit.ended(t.delivered, true)
	}
}

// resend reports whether a job goes over another connection, and prepares it for that.
func (w *worker) resend(job *client.BulkJob) bool {
	r := job.Result
	if way := r.Fallback(); way != client.FallbackNone && job.Tried&(1<<way) == 0 && w.t.learned.fallback(r) {
		job.Tried |= 1 << way
		return true
	}
	l := loss{stale: r.ConnectionWasDead(), again: job.Again, asked: w.t.bulk.resume}
	var rest []int
	if !l.stale && l.asked {
		rest = r.Unsent()
		l.others = len(rest) > 0
	}
	if !mayResend(w.turn, l) {
		return false
	}
	job.Again = !w.turn.alive
	if l.others {
		job.Only = rest
	}
	return true
}

// loss is what decides whether a mail that a connection has lost goes over another one.
type loss struct {
	stale  bool // the relay has nothing of it, and has said nothing about it
	others bool // the relay has answered for some recipients, and the others do not have it
	asked  bool // the caller wants mails that were not sent to be sent again
	again  bool // a connection that brought no job to its end has lost it before
}

// mayResend is the rule. It ends, because
//   - a job that a connection of no use has lost goes over one more connection only, and each other
//     connection has brought the end of at least one job;
//   - every attempt at the others among the recipients is for fewer of them.
func mayResend(t turn, l loss) bool {
	wanted := l.asked && (l.stale || l.others) || t.suspect && l.stale
	return wanted && (t.alive || !l.again)
}

// unreached ends a job for which there was no connection. What was said of some of its recipients before stays.
func (w *worker) unreached(job *client.BulkJob, cause error) {
	if len(job.Only) > 0 {
		result, err := w.t.report(job.Mail, job.Result)
		if failed, ok := errors.AsType[*transport.SendError](err); ok {
			failed.Err = errors.Join(failed.Err, cause)
		}
		w.end(job, result, err)
		return
	}
	result, err := w.t.unreached(job.Mail, cause)
	w.end(job, result, err)
}

// end reports the end of a job, whose memory is used again.
func (w *worker) end(job *client.BulkJob, result *transport.Result, err error) {
	sent := transport.BulkResult{Index: job.Index, Mail: job.Mail, Result: result}
	*job = client.BulkJob{Result: job.Result}
	w.spare = append(w.spare, job)
	w.ended(sent, err)
}

// Poll returns the next job if there is one at this moment.
func (w *worker) Poll() (job *client.BulkJob, ended bool) {
	if job := w.left(); job != nil {
		return job, false
	}
	select {
	case <-w.failed:
		return nil, true
	default:
	}
	select {
	case sent, ok := <-w.in:
		return w.newJob(sent, ok)
	default:
		return nil, false
	}
}

// Wait returns the next job, or nil when there is none any more or wake can be received from.
func (w *worker) Wait(wake <-chan struct{}) (job *client.BulkJob, ended bool) {
	if job := w.left(); job != nil {
		return job, false
	}
	select {
	case sent, ok := <-w.in:
		return w.newJob(sent, ok)
	case <-w.failed:
		return nil, true
	case <-wake:
		return nil, false
	}
}

// errPanicked is why a mail was not sent when another one panicked.
var errPanicked = errors.New("another mail panicked")

func (w *worker) left() *client.BulkJob {
	if len(w.again) == 0 {
		return nil
	}
	job := w.again[0]
	w.again = w.again[1:]
	return job
}

func (w *worker) newJob(sent transport.BulkResult, ok bool) (job *client.BulkJob, ended bool) {
	if !ok {
		return nil, true
	}
	if last := len(w.spare) - 1; last >= 0 {
		job, w.spare = w.spare[last], w.spare[:last]
	} else {
		job = new(client.BulkJob)
	}
	job.Mail, job.Index = sent.Mail, sent.Index
	return job, false
}

// limited is a feed that ends when the connection has had as many messages as it may.
type limited struct {
	*worker
	conn *client.Conn
}

// Poll is that of the worker until the limit.
func (l *limited) Poll() (*client.BulkJob, bool) {
	if l.t.full(l.conn) {
		return nil, true
	}
	return l.took(l.worker.Poll())
}

// Wait is that of the worker while mails are in flight. With none of them the connection is given back
// instead, for others to use and for Shutdown to close: the next mail may be long in coming, or may be
// waiting for a sender that waits for this connection.
func (l *limited) Wait(wake <-chan struct{}) (*client.BulkJob, bool) {
	if l.t.full(l.conn) {
		return nil, true
	}
	if l.turn.inFlight == 0 {
		job, _ := l.worker.Poll()
		return l.took(job, job == nil)
	}
	return l.took(l.worker.Wait(wake))
}

// took counts a job, unless the connection has no room for it. The server may have closed a connection that
// had nothing to do before it.
func (l *limited) took(job *client.BulkJob, ended bool) (*client.BulkJob, bool) {
	if job != nil && !l.conn.CanTakeDomains(job.Mail.Envelope()) {
		l.again, l.turn.full = append([]*client.BulkJob{job}, l.again...), true
		return nil, true
	}
	if job != nil {
		l.turn.suspect = l.turn.suspect || l.turn.inFlight == 0 && l.conn.Transactions() > 0
		l.turn.inFlight++
	}
	return job, ended
}
