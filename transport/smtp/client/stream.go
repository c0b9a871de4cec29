package client

import (
	"context"
	"errors"
	"slices"
)

// BulkJob is one mail of a Stream.
type BulkJob struct {
	Mail   Mail
	Result *Result // of the last attempt when the job is handed to done; the one that is there is used again
	Index  int     // the caller's
	Again  bool    // for the caller; Stream ignores it: a connection that was of no use has lost it
	Tried  uint8   // for the caller; Stream ignores it
	Load   Load    // for the caller; Stream ignores it
	// Only, if it is not empty, are the recipients that the mail goes to, by their position in the envelope.
	// The verdicts of the others, in Result, stay.
	Only []int
}

// Load is what the caller of a Stream keeps of the refusals of a job that were about the load of the server.
type Load struct {
	Refusals int    // while others got through
	Served   uint32 // how often the relay had come back at the last of them
}

// JobSource gives a Stream its mails. It is called from the goroutine of Stream.
type JobSource interface {
	// Poll returns the next job if there is one at this moment; ended says that none will come.
	Poll() (job *BulkJob, ended bool)
	// Wait is Poll that blocks until there is a job, none will come, or wake can be received from.
	Wait(wake <-chan struct{}) (job *BulkJob, ended bool)
}

// Window bounds how many mails of a Stream may be in doubt at the same time.
type Window struct {
	Messages int   // whose content has left without a verdict; at least 1
	Octets   int64 // of content together; 0 for 1 MiB. A larger mail travels alone.
	// Apart lets no command travel with the content of the mail before, for servers that refuse it: see [Findings].
	Apart bool
}

const defaultWindowOctets = 1 << 20

// Stream sends mail after mail from feed until that ends, ctx ends, or the connection should be given
// up. It hands every job that it took to done, in the order of the verdicts, from the calling
// goroutine. It returns nil when feed has ended and the connection is still good.
//
// Where the server proved that it can, up to limit.Messages travel at the same time, beginning with
// one and doubling with success; a later Stream goes on from there. Else the commands of the next mail
// travel with the content of the one before: then one mail at most is in doubt, and a round trip brings
// one verdict. A server that refuses such commands as out of place gets them again after the verdict, and in this Stream no
// more of them before one.
//
// RSET precedes every MAIL that is sent before the verdict on the mail before it: without it
// some servers deliver a mail with the sender of a refused one.
func (c *Conn) Stream(ctx context.Context, limit Window, feed JobSource, done func(*BulkJob)) error {
	if err := c.ready(ctx); err != nil {
		return err
	}
	stop := c.wire.watch(ctx)
	defer stop()
	defer c.wire.rethrow()
	s := stream{conn: c, limit: limit, feed: feed, done: done}
	s.limit.Messages = max(limit.Messages, 1)
	if s.limit.Octets <= 0 {
		s.limit.Octets = defaultWindowOctets
	}
	s.window = window{open: max(1, min(c.window, s.limit.Messages)), max: s.limit.Messages}
	defer func() {
		c.window = s.window.open
		c.wire.relaxReplies()
	}()
	return s.run()
}

// stream is a Stream under way. It is used only by the goroutine that called Stream.
type stream struct {
	conn     *Conn
	limit    Window
	feed     JobSource
	done     func(*BulkJob)
	ended    bool // the feed has
	window   window
	flights  []*flight // transactions that were begun, oldest first
	octets   int64     // of the content of flights
	leftover []*flight // transactions that wait for their turn
	spare    []*flight // ended, to be used again
}

// flight is a transaction of a job.
type flight struct {
	job   *BulkJob
	txn   txn
	rest  []int // recipients for further transactions
	begun bool  // its commands were queued
}

// errGiveUp means that the server begins to refuse what is not the fault of a mail.
var errGiveUp = errors.New("the server refuses service on this connection")

func (s *stream) run() error {
	in := s.conn.wire.lock()
	in.refusing = false
	in.aheadRefused, in.aheadAnswered = false, false // by another Stream: it is tried again
	s.conn.wire.unlock()
	s.conn.cachedNow = s.conn.wire.now()
	defer func() { s.conn.cachedNow = 0 }()
	finished := false
	defer func() {
		if !finished {
			s.abort()
		}
	}()
	for f := s.next(); f != nil; f = s.next() {
		if err := s.send(f); err != nil && !s.conn.takeBack(&f.txn, err) {
			s.breakWire(err)
		}
	}
	if err := s.conn.wire.refused; err != nil {
		s.breakWire(err)
	}
	finished = true
	s.drain()
	s.finishAll()
	if err := s.conn.Err(); err != nil {
		return err
	}
	if s.refusesService() {
		return errGiveUp
	}
	return nil
}

// breakWire closes the connection, if because of a mail, after the verdicts on those before it.
func (s *stream) breakWire(err error) {
	if errors.As(err, new(*contentError)) || errors.Is(err, ErrEnding) {
		s.awaitVerdicts()
	}
	s.conn.breakWire(err)
}

// send takes one transaction as far as it may go without waiting.
func (s *stream) send(f *flight) error {
	switch f.txn.plan.form {
	case formChunk:
		return s.chunk(f)
	case formData:
		return s.data(f)
	}
	s.drain() // one after the other
	s.flights = append(s.flights, f)
	s.octets += f.txn.plan.size
	s.conn.run(&f.txn)
	f.txn.closed = true
	s.handOver()
	return nil
}

// abort ends a Stream whose mail panicked, or ended the goroutine. The other mails get what is certain of
// them, and the panic goes on.
func (s *stream) abort() {
	c := s.conn
	if last := len(s.flights) - 1; last >= 0 && s.flights[last].txn.end == 0 {
		f := s.flights[last]
		err := c.bodyFailed(&f.txn, &contentError{errPanicked})
		if c.takeBack(&f.txn, err) {
			_ = c.wire.flush() // when it fails, the connection is broken, which tells
		}
	}
	s.awaitVerdicts()
	c.wire.fail(errAbandoned)
	s.finishAll()
}

var errPanicked = errors.New("its WriteTo did not return")

// awaitVerdicts waits for the verdicts on the mails whose content has left. The connection is closed after it because
// of another mail, and that is not urgent.
func (s *stream) awaitVerdicts() {
	w := s.conn.wire
	left := s.flights
	if i := slices.IndexFunc(left, func(f *flight) bool { return f.txn.end == 0 || f.txn.end > w.sent }); i >= 0 {
		left = left[:i]
	}
	_ = w.wait(func(in *receiver) bool { // when the connection breaks, the transactions end one by one
		return !slices.ContainsFunc(left, func(f *flight) bool { return !f.txn.over(in) })
	})
}

// next returns a transaction to be sent, or nil when there is none any more or the connection is of
// no use. What is queued is written before it waits.
func (s *stream) next() *flight {
	for s.handOver() {
		if f := s.ready(0); f != nil {
			return f
		}
		if s.ended && len(s.flights) == 0 {
			return nil
		}
		if err := s.conn.wire.flush(); err != nil {
			return nil
		}
		s.conn.cachedNow = s.conn.wire.now()
		if s.ended || s.full(0, 0) || len(s.leftover) > 0 {
			<-s.conn.wire.wake
			continue
		}
		job, ended := s.feed.Wait(s.conn.wire.wake)
		s.ended = ended
		if f := s.take(job); f != nil {
			return f
		}
	}
	return nil
}

// ready returns a transaction that can be had without waiting, or nil. ahead is how many may be begun beyond the window.
func (s *stream) ready(ahead int) *flight {
	if len(s.leftover) > 0 {
		if s.full(s.leftover[0].txn.plan.size, ahead) {
			return nil
		}
		f := s.leftover[0]
		s.leftover = s.leftover[1:]
		return f
	}
	for !s.ended && !s.full(0, ahead) {
		job, ended := s.feed.Poll()
		s.ended = ended
		if job == nil {
			return nil
		}
		f := s.take(job)
		switch {
		case f == nil:
		case s.full(f.txn.plan.size, ahead):
			s.leftover = append(s.leftover, f)
			return nil
		default:
			return f
		}
	}
	return nil
}

// full reports whether a mail of the size must wait for a verdict.
func (s *stream) full(size int64, ahead int) bool {
	return len(s.flights) >= s.window.open+ahead || len(s.flights) > 0 && (s.octets+size > s.limit.Octets || s.conn.careful() || s.conn.budget.errors > 0)
}

// take plans the transaction of a job; one that cannot be sent is done.
func (s *stream) take(job *BulkJob) *flight {
	if job == nil {
		return nil
	}
	if job.Result == nil {
		job.Result = new(Result)
	}
	if len(job.Only) == 0 {
		job.Result.reset(job.Mail.Envelope().Len())
	} else {
		job.Result.again()
	}
	f := s.flight(job)
	if err := s.conn.plan(&f.txn.plan, job.Mail); err != nil {
		s.spare = append(s.spare, f)
		job.Result.fail(s.conn.unusable(err))
		s.done(job)
		return nil
	}
	to := job.Only
	if len(to) == 0 {
		to = allIndexes(f.txn.plan.envelope.Len())
	}
	f.txn.rcpt, f.rest = s.conn.cut(to)
	return f
}

// flight returns a transaction of job that has neither a plan nor recipients yet.
func (s *stream) flight(job *BulkJob) *flight {
	var f *flight
	if last := len(s.spare) - 1; last >= 0 {
		f, s.spare = s.spare[last], s.spare[:last]
	} else {
		f = new(flight)
	}
	f.job, f.rest, f.begun = job, nil, false
	s.conn.prepare(&f.txn, job.Result)
	return f
}

// chunk queues a whole transaction. It is written when there is enough, or nothing to add.
func (s *stream) chunk(f *flight) error {
	idle := s.begin(f)
	if err := s.conn.announce(&f.txn); err != nil {
		return err
	}
	if err := s.foresee(f); err != nil {
		return err
	}
	if err := s.conn.enqueueChunk(&f.txn, idle); err != nil {
		return err
	}
	if len(s.conn.wire.out) >= flightSize*7/8 {
		return s.conn.wire.flush()
	}
	return nil
}

// data sends the content of a transaction whose commands may have travelled already, with the
// commands of the next one after it.
func (s *stream) data(f *flight) error {
	for f != nil {
		if !f.begun {
			s.begin(f)
			if err := s.conn.announce(&f.txn); err != nil {
				return err
			}
		}
		if err := s.conn.answered(&f.txn); err != nil {
			return err
		}
		if ok, err := s.conn.mayContinue(&f.txn); err != nil {
			return err
		} else if !ok {
			f.txn.closed = true
		} else if err := s.conn.enqueueData(&f.txn); err != nil {
			return err
		}
		following, err := s.following()
		if err != nil {
			return err
		}
		if err := s.conn.answered(&f.txn); err != nil {
			return err
		}
		s.handOver()
		f = following
	}
	return nil
}

// following queues the commands of the next transaction, if there is one that needs no wait.
func (s *stream) following() (*flight, error) {
	if s.keepsApart() || s.refusesService() || s.conn.Err() != nil || s.conn.cfg.LMTP {
		return nil, nil // in LMTP a verdict too few or too many would make RSET answer for a recipient
	}
	f := s.ready(1) // it is not in doubt before its own content leaves
	switch {
	case f == nil:
		return nil, nil
	case f.txn.plan.form != formData:
		s.leftover = append(s.leftover, f)
		return nil, nil
	}
	s.begin(f)
	return f, s.conn.announce(&f.txn)
}

// begin counts a transaction in, and reports whether the server had been silent before it.
func (s *stream) begin(f *flight) (idle bool) {
	if len(s.flights) == 0 {
		s.conn.wire.checkIdle() // a connection that it breaks shows at the next write
		idle = s.conn.idle()
	}
	f.begun, f.txn.idle = true, idle
	f.txn.alone = len(s.flights) == 0
	f.txn.reset = !f.txn.alone || s.conn.dirty
	s.conn.begin(&f.txn)
	s.flights = append(s.flights, f)
	s.octets += f.txn.plan.size
	return idle
}

// handOver hands over what has its verdict, and reports whether the connection takes more.
func (s *stream) handOver() (good bool) {
	w := s.conn.wire
	in := w.lock()
	over := 0
	for over < len(s.flights) && s.flights[over].txn.over(in) {
		over++
	}
	w.unlock()
	for _, f := range s.flights[:over] {
		s.end(f)
		s.spare = append(s.spare, f) // no reply can reach it any more
	}
	s.flights = slices.Delete(s.flights, 0, over)
	in = w.lock()
	defer w.unlock()
	return in.err == nil && !in.closing && !in.refusing
}

// end hands the job of a transaction over, unless recipients are left.
func (s *stream) end(f *flight) {
	s.octets -= f.txn.plan.size
	s.conn.end(&f.txn)
	if f.txn.early && s.conn.Err() == nil {
		again := s.flight(f.job)
		again.txn.plan, again.txn.rcpt, again.rest = f.txn.plan, f.txn.rcpt, f.rest
		s.leftover = append(s.leftover, again)
		return
	}
	receipt := f.job.Result
	receipt.add(&f.txn)
	switch {
	case f.txn.delivered:
		s.window.grow()
	case f.txn.accepted == 0: // a window of dead addresses would use up what the server bears
		s.window.shrink()
	}
	rest := slices.Concat(f.txn.overflow, f.rest)
	if len(rest) > 0 && f.txn.accepted > 0 && s.conn.Err() == nil {
		more := s.flight(f.job)
		more.txn.plan = f.txn.plan
		more.txn.rcpt, more.rest = s.conn.cut(rest)
		s.leftover = append(s.leftover, more)
		return
	}
	s.conn.conclude(receipt, rest)
	s.done(f.job)
}

// refusesService reports whether the server refuses what is not the fault of a mail: MAIL for now, or RSET.
func (s *stream) refusesService() bool {
	in := s.conn.wire.lock()
	defer s.conn.wire.unlock()
	return in.closing || in.refusing
}

// keepsApart reports whether no command may travel with the content of the mail before.
func (s *stream) keepsApart() bool {
	in := s.conn.wire.lock()
	defer s.conn.wire.unlock()
	return s.limit.Apart || in.aheadRefused
}

// drain waits for the verdicts on everything that was begun.
func (s *stream) drain() {
	w := s.conn.wire
	if err := w.flush(); err == nil {
		_ = w.answered() // when the connection breaks, the transactions end one by one
	}
	s.handOver()
}

// finishAll ends what has no verdict because the connection broke, and what was not begun.
func (s *stream) finishAll() {
	for _, f := range s.flights {
		s.end(f)
	}
	s.flights = nil
	cause := s.conn.Err()
	if cause == nil {
		cause = errGiveUp
	}
	for _, f := range s.leftover {
		f.job.Result.unsent(cause)
		s.conn.conclude(f.job.Result, nil)
		s.done(f.job)
	}
	s.leftover = nil
}
