package smtp

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/depeche-mail/depeche/internal/panics"
	"github.com/depeche-mail/depeche/internal/pause"
	"github.com/depeche-mail/depeche/internal/pool"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// SendAll sends mails over as many connections as the pool has, and yields the end of each; see
// [transport.SendAll]. On each connection the commands of a mail travel with the content of the one
// before, so that a round trip brings a verdict. [Builder.BulkWindow] lets more travel at once.
//
// Mails that a broken connection left NotSent go over another one when [Builder.ResendUnsent] was set;
// what is Unknown never does. Mails that the relay refused because of its load before it judged them always do. While the
// relay is down, mails wait as long as [Builder.WaitForRelay] says.
//
// A SendAll is one user of the connections among others: it gives one back when a Send waits, after the mails that are
// on their way, and shares them with another SendAll.
func (t *Transport) SendAll(ctx context.Context, mails iter.Seq[transport.Mail]) iter.Seq2[transport.BulkResult, error] {
	return func(yield func(transport.BulkResult, error) bool) {
		t.eyes.see(ctx)
		transport.RunBulk(ctx, mails, yield, func(jobs <-chan transport.BulkResult, ended func(transport.BulkResult, error)) {
			var workers panics.Group
			failed := workers.Failed()
			user, down := t.pool.Bulk(), newOutage(ctx, t)
			for range t.limits.MaxOpen {
				w := &worker{t: t, user: user, outage: down, in: jobs, failed: failed, ended: ended}
				workers.Go(func() { w.run(ctx) })
			}
			workers.Wait()
		})
	}
}

// worker sends over one connection after another until there are no more mails.
type worker struct {
	t        *Transport
	user     *pool.Bulk[*client.Conn]
	outage   *outage
	in       <-chan transport.BulkResult
	failed   <-chan struct{} // closed when a worker panicked: no more mails are taken
	ended    func(transport.BulkResult, error)
	requeued []*client.BulkJob // to be sent first, on the next connection
	failures int               // attempts in a row to get a connection, or to get a mail over one
	turn     turn
	free     []*client.BulkJob // ended, to be used again
}

// turn is what a worker knows of the connection that it uses.
type turn struct {
	conn      *client.Conn
	inFlight  int            // jobs that the connection has been given and has not given back
	ended     int            // jobs that it has given back
	delivered int            // mails of which the relay has said what becomes of them, those before the turn included
	over      bool           // the relay has ended the connection: what follows says nothing about how many it takes
	suspect   bool           // the connection was used before, or idle, and has not shown a sign of life since
	alive     bool           // the connection has brought the end of a job
	full      bool           // the connection has no room for the next job
	load      *client.Result // the relay refused a mail because of its load
	surplus   *client.Result // the same, when it had judged the mail: there are too many connections
}

func (w *worker) run(ctx context.Context) {
	returned := false
	defer func() {
		if !returned { // a mail panicked: those that waited for another connection are not sent
			for job := w.nextRequeued(); job != nil; job = w.nextRequeued() {
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
		if down := w.outage.isDown(); down != nil {
			w.unreached(job, down)
			continue
		}
		w.pause(ctx)
		w.requeued = append([]*client.BulkJob{job}, w.requeued...)
		lease, err := w.user.Get(ctx)
		switch {
		case err == nil:
			w.stream(ctx, lease)
		case w.t.failure(err) != pool.FailureLasting && w.outage.holds(ctx, true, err): // the pool makes a pause before it tries again
		default:
			w.failures++
			w.outage.failed(err)
			w.unreached(w.nextRequeued(), err)
		}
	}
}

// pause waits a little, and longer each time, before a relay that took nothing is tried again.
func (w *worker) pause(ctx context.Context) {
	const first, longest = 50 * time.Millisecond, 5 * time.Second
	if w.failures < 2 {
		return
	}
	_ = pause.For(ctx, pause.Doubled(first, longest, w.failures-2)) // the end of ctx is seen where a connection is asked for
}

// stream sends over one connection as long as that is of use.
func (w *worker) stream(ctx context.Context, lease *pool.Lease[*client.Conn]) {
	conn := lease.Value()
	window := client.Window{Messages: w.t.bulk.depth, Apart: w.t.account.learned.keepsApart()}
	w.failures++
	w.turn = turn{conn: conn, delivered: conn.Transactions(), suspect: lease.Reused()}
	returned := false
	defer func() {
		if !returned {
			lease.Discard()
		}
	}()
	err := conn.Stream(ctx, window, &limitedSource{worker: w, conn: conn, lease: lease}, func(job *client.BulkJob) { w.done(ctx, job) })
	returned = true
	w.t.account.learned.note(conn.Findings())
	w.t.account.learned.noteAhead(conn.Findings())
	if errors.Is(err, client.ErrEnding) { // of the mails, not of the relay: no reason to wait
		w.failures--
	}
	if err == nil && w.turn.full { // the next one has room, at the latest when it is new
		w.failures = max(w.failures-1, 0)
	}
	switch {
	case w.turn.load != nil:
		lease.Refused(!w.turn.alive && aboutNumber(conn, w.turn.load), w.turn.load.Err)
	case w.turn.surplus != nil:
		lease.Surplus(w.turn.surplus.Err)
	case err != nil || w.turn.full || w.turn.over:
		lease.Discard()
	default:
		lease.Release()
	}
}

// done takes a job back from a connection. One that was lost goes over the next connection when it may.
func (w *worker) done(ctx context.Context, job *client.BulkJob) {
	w.turn.inFlight--
	w.turn.ended++
	w.count(job.Result)
	w.t.account.learned.judge(w.turn.conn, job.Result)
	if w.resend(ctx, job) {
		w.t.resends(ctx, w.turn.conn, job.Mail, job.Result)
		w.requeued = append(w.requeued, job)
		return
	}
	w.turn.suspect, w.turn.alive = false, true
	if isAnswered(job.Result) && !job.Result.ConnectionWasDead() { // the relay works, whatever it says of the mail
		w.failures = 0
		w.outage.ends(ctx)
	}
	result, err := w.t.report(job.Mail, job.Result)
	w.end(job, result, err)
}

// count notes how many mails the relay takes over one connection.
func (w *worker) count(r *client.Result) {
	t := &w.turn
	switch {
	case t.over:
	case isHangUp(r), endsShare(r):
		t.over = true
		w.t.account.limit.ended(t.delivered, false)
	case isSurplus(r):
		t.surplus = r
		t.delivered++
	case isAnswered(r):
		t.delivered++
		w.t.account.limit.reached(t.delivered)
	case !t.suspect && t.conn.Findings().EndedSilently:
		t.over = true
		w.t.account.limit.ended(t.delivered, true)
	}
}

// resend reports whether a job goes over another connection, and prepares it for that.
func (w *worker) resend(ctx context.Context, job *client.BulkJob) bool {
	r := job.Result
	if way := r.Fallback(); way != client.FallbackNone && job.Tried&(1<<way) == 0 && w.t.account.learned.fallback(r) {
		job.Tried |= 1 << way
		return true
	}
	if w.refusedAboutLoad(ctx, job) {
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

// refusedAboutLoad reports whether a job goes over another connection because the relay had too much to do when it came,
// or when the job before it did. A job that is refused while others get through goes some times, any other one as long as
// the caller has patience.
func (w *worker) refusedAboutLoad(ctx context.Context, job *client.BulkJob) bool {
	r := job.Result
	switch {
	case isAboutLoad(r):
		w.turn.load = r
	case w.turn.load == nil || !r.ConnectionWasDead():
		return false
	}
	if served := w.outage.served.Load(); job.Load.Refusals == 0 || job.Load.Served != served {
		job.Load.Refusals++
		job.Load.Served = served
	}
	waits := w.outage.holds(ctx, false, r.Err)
	if w.outage.patience == 0 {
		waits = w.t.pool.Open() > 1
	}
	return waits && job.Load.Refusals <= maxRefusals
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
	w.free = append(w.free, job)
	w.ended(sent, err)
}

// Poll returns the next job if there is one at this moment.
func (w *worker) Poll() (job *client.BulkJob, ended bool) {
	if job := w.nextRequeued(); job != nil {
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

// Wait returns the next job, or nil without one any more or wake can be received from.
func (w *worker) Wait(wake <-chan struct{}) (job *client.BulkJob, ended bool) {
	if job := w.nextRequeued(); job != nil {
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

func (w *worker) nextRequeued() *client.BulkJob {
	if len(w.requeued) == 0 {
		return nil
	}
	job := w.requeued[0]
	w.requeued = w.requeued[1:]
	return job
}

func (w *worker) newJob(sent transport.BulkResult, ok bool) (job *client.BulkJob, ended bool) {
	if !ok {
		return nil, true
	}
	if last := len(w.free) - 1; last >= 0 {
		job, w.free = w.free[last], w.free[:last]
	} else {
		job = new(client.BulkJob)
	}
	job.Mail, job.Index = sent.Mail, sent.Index
	return job, false
}

// limitedSource is a source of jobs that ends when the connection has had as many messages as it may.
type limitedSource struct {
	*worker
	conn  *client.Conn
	lease *pool.Lease[*client.Conn]
}

// ends reports whether the connection is given back: it has no room, or another user waits for it. Between two mails is
// the time, so that the other one waits for those on their way alone.
func (l *limitedSource) ends() bool {
	return l.t.full(l.conn) || l.turn.over || l.turn.surplus != nil || l.turn.inFlight+l.turn.ended > 0 && l.lease.Wanted()
}

// Poll is that of the worker until the limit.
func (l *limitedSource) Poll() (*client.BulkJob, bool) {
	if l.ends() {
		return nil, true
	}
	return l.took(l.worker.Poll())
}

// Wait is that of the worker while mails are in flight. With none of them the connection is given back
// instead, for others to use and for Shutdown to close: the next mail may be long in coming, or may be
// waiting for a sender that waits for this connection.
func (l *limitedSource) Wait(wake <-chan struct{}) (*client.BulkJob, bool) {
	if l.ends() {
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
func (l *limitedSource) took(job *client.BulkJob, ended bool) (*client.BulkJob, bool) {
	if job != nil && !l.conn.CanTakeDomains(job.Mail.Envelope()) {
		l.requeued, l.turn.full = append([]*client.BulkJob{job}, l.requeued...), true
		return nil, true
	}
	if job != nil {
		l.turn.suspect = l.turn.suspect || l.turn.inFlight == 0 && l.conn.Transactions() > 0
		l.turn.inFlight++
	}
	return job, ended
}
