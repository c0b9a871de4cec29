package client

import (
	"context"
	"errors"
	"slices"
	"time"
)

// BulkJob is one mail of a Stream.
type BulkJob struct {
	Mail   Mail
	Result *Result // of the last attempt when the job is handed to done; the one that is there is used again
	Index  int     // the caller's
	Again  bool    // for the caller; Stream ignores it: a connection that was of no use has lost it
	Tried  uint8   // for the caller; Stream ignores it
	// Only, if it is not empty, are the recipients that the mail goes to, by their position in the envelope.
	// The verdicts of the others, in Result, stay.
	Only []int
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
}

const defaultWindowOctets = 1 << 20

// Stream sends mail after mail from feed until that ends, ctx ends, or the connection should be given
// up. It hands every job that it took to done, in the order of the verdicts, from the calling
// goroutine. It returns nil when feed has ended and the connection is still good.
//
// Where the server proved that it can, up to window.Messages travel at the same time, beginning with
// one and doubling with success; a later Stream goes on from there. Else the commands of the next mail
// travel with the content of the one before: then one mail at most is in doubt, and a round trip brings
// one verdict.
//
// RSET precedes every MAIL that is sent before the verdict on the mail before it: without it
// some servers deliver a mail with the sender of a refused one.
func (c *Conn) Stream(ctx context.Context, window Window, feed JobSource, done func(*BulkJob)) error {
	if err := c.ready(ctx); err != nil {
		return err
	}
	stop := c.link.watch(ctx)
	defer stop()
	defer c.link.rethrow()
	s := stream{conn: c, limit: window, feed: feed, done: done}
	s.limit.Messages = max(window.Messages, 1)
	if s.limit.Octets <= 0 {
		s.limit.Octets = defaultWindowOctets
	}
	s.open = max(1, min(c.window, s.limit.Messages))
	defer func() { c.window = s.open }()
	return s.run()
}

// stream is a Stream under way. It is used only by the goroutine that called Stream.
type stream struct {
	conn     *Conn
	limit    Window
	feed     JobSource
	done     func(*BulkJob)
	ended    bool      // the feed has
	open     int       // how many mails may be in doubt now
	flights  []*flight // transactions that were begun, oldest first
	octets   int64     // of the content of flights
	leftover []*flight // transactions that wait for their turn
	spare    []*flight // ended, to be used again
}

// flight is a transaction of a job.
type flight struct {
	job     *BulkJob
	attempt attempt
	rest    []int // recipients for further transactions
	begun   bool  // its commands were corked
}

// errGiveUp means that the server begins to refuse what is not the fault of a mail.
var errGiveUp = errors.New("the server refuses service on this connection")

func (s *stream) run() error {
	s.conn.link.mu.Lock()
	s.conn.link.refusing = false
	s.conn.link.mu.Unlock()
	s.conn.cachedNow = time.Now()
	defer func() { s.conn.cachedNow = time.Time{} }()
	finished := false
	defer func() {
		if !finished {
			s.abort()
		}
	}()
	for f := s.next(); f != nil; f = s.next() {
		if err := s.send(f); err != nil && !s.conn.takeBack(&f.attempt, err) {
			if errors.As(err, new(*contentError)) {
				s.hear()
			}
			s.conn.breakLink(err)
		}
	}
	finished = true
	s.drain()
	s.finishAll()
	if err := s.conn.Err(); err != nil {
		return err
	}
	if s.trouble() {
		return errGiveUp
	}
	return nil
}

// send takes one transaction as far as it may go without waiting.
func (s *stream) send(f *flight) error {
	switch f.attempt.plan.form {
	case formChunk:
		return s.chunk(f)
	case formData:
		return s.data(f)
	}
	s.drain() // one after the other
	s.flights = append(s.flights, f)
	s.octets += f.attempt.plan.size
	s.conn.run(&f.attempt)
	f.attempt.closed = true
	s.look()
	return nil
}

// abort ends a Stream whose mail panicked, or ended the goroutine. The other mails get what is certain of
// them, and the panic goes on.
func (s *stream) abort() {
	c := s.conn
	if last := len(s.flights) - 1; last >= 0 && s.flights[last].attempt.end == 0 {
		f := s.flights[last]
		err := c.bodyFailed(&f.attempt, &contentError{errPanicked})
		if c.takeBack(&f.attempt, err) {
			_ = c.link.flush() // when it fails, the link is broken, which tells
		}
	}
	s.hear()
	c.link.fail(errAbandoned)
	s.finishAll()
}

var errPanicked = errors.New("its WriteTo did not return")

// hear waits for the verdicts on the mails whose content has left. The connection is closed after it because
// of another mail, and that is not urgent.
func (s *stream) hear() {
	l := s.conn.link
	left := s.flights
	if i := slices.IndexFunc(left, func(f *flight) bool { return f.attempt.end == 0 || f.attempt.end > l.sent }); i >= 0 {
		left = left[:i]
	}
	_ = l.wait(func() bool { // when the link breaks, the transactions are settled one by one
		return !slices.ContainsFunc(left, func(f *flight) bool { return !f.attempt.over() })
	})
}

// next returns a transaction to be sent, or nil when there is none any more or the connection is of
// no use. What is corked is written before it waits.
func (s *stream) next() *flight {
	for s.look() {
		if f := s.ready(); f != nil {
			return f
		}
		if s.ended && len(s.flights) == 0 {
			return nil
		}
		if err := s.conn.link.flush(); err != nil {
			return nil
		}
		s.conn.cachedNow = time.Now()
		if s.ended || s.full(0) || len(s.leftover) > 0 {
			<-s.conn.link.wake
			continue
		}
		job, ended := s.feed.Wait(s.conn.link.wake)
		s.ended = ended
		if f := s.take(job); f != nil {
			return f
		}
	}
	return nil
}

// ready returns a transaction that can be had without waiting, or nil.
func (s *stream) ready() *flight {
	if len(s.leftover) > 0 {
		if s.full(s.leftover[0].attempt.plan.size) {
			return nil
		}
		f := s.leftover[0]
		s.leftover = s.leftover[1:]
		return f
	}
	for !s.ended && !s.full(0) {
		job, ended := s.feed.Poll()
		s.ended = ended
		if job == nil {
			return nil
		}
		f := s.take(job)
		switch {
		case f == nil:
		case s.full(f.attempt.plan.size):
			s.leftover = append(s.leftover, f)
			return nil
		default:
			return f
		}
	}
	return nil
}

// full reports whether a mail of the size must wait for a verdict.
func (s *stream) full(size int64) bool {
	return len(s.flights) >= s.open || len(s.flights) > 0 && (s.octets+size > s.limit.Octets || s.conn.careful())
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
	if err := s.conn.plan(&f.attempt.plan, job.Mail); err != nil {
		s.spare = append(s.spare, f)
		job.Result.fail(s.conn.unusable(err))
		s.done(job)
		return nil
	}
	to := job.Only
	if len(to) == 0 {
		to = allIndexes(f.attempt.plan.envelope.Len())
	}
	f.attempt.rcpt, f.rest = s.conn.cut(to)
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
	s.conn.prepare(&f.attempt, job.Result.Recipients)
	return f
}

// chunk corks a whole transaction. It is written when there is enough, or nothing to add.
func (s *stream) chunk(f *flight) error {
	idle := s.begin(f)
	if err := s.conn.announce(&f.attempt); err != nil {
		return err
	}
	if err := s.conn.corkChunk(&f.attempt, idle); err != nil {
		return err
	}
	if len(s.conn.link.out) >= flightSize*7/8 {
		return s.conn.link.flush()
	}
	return nil
}

// data sends the content of a transaction whose commands may have travelled already, with the
// commands of the next one after it.
func (s *stream) data(f *flight) error {
	for f != nil {
		if !f.begun {
			s.begin(f)
			if err := s.conn.announce(&f.attempt); err != nil {
				return err
			}
		}
		if err := s.conn.answered(&f.attempt); err != nil {
			return err
		}
		if ok, err := s.conn.mayContinue(&f.attempt); err != nil {
			return err
		} else if !ok {
			f.attempt.closed = true
		} else if err := s.conn.corkData(&f.attempt); err != nil {
			return err
		}
		following, err := s.following()
		if err != nil {
			return err
		}
		if err := s.conn.answered(&f.attempt); err != nil {
			return err
		}
		s.look()
		f = following
	}
	return nil
}

// following corks the commands of the next transaction, if there is one that needs no wait.
func (s *stream) following() (*flight, error) {
	if s.trouble() || s.conn.Err() != nil || s.conn.cfg.LMTP {
		return nil, nil // in LMTP a verdict too few or too many would make RSET answer for a recipient
	}
	s.open++ // the next one is not in doubt before its own content leaves
	f := s.ready()
	s.open--
	switch {
	case f == nil:
		return nil, nil
	case f.attempt.plan.form != formData:
		s.leftover = append(s.leftover, f)
		return nil, nil
	}
	s.begin(f)
	return f, s.conn.announce(&f.attempt)
}

// begin counts a transaction in, and reports whether the server had been silent before it.
func (s *stream) begin(f *flight) (idle bool) {
	if len(s.flights) == 0 {
		s.conn.link.checkIdle() // a link that it breaks shows at the next write
		idle = s.conn.idle()
	}
	f.begun, f.attempt.idle = true, idle
	f.attempt.alone = len(s.flights) == 0
	f.attempt.reset = !f.attempt.alone || s.conn.dirty
	s.conn.begin(&f.attempt)
	s.flights = append(s.flights, f)
	s.octets += f.attempt.plan.size
	return idle
}

// look hands over what has its verdict, and reports whether the connection takes more.
func (s *stream) look() (good bool) {
	l := s.conn.link
	l.mu.Lock()
	over := 0
	for over < len(s.flights) && s.flights[over].attempt.over() {
		over++
	}
	l.mu.Unlock()
	for _, f := range s.flights[:over] {
		s.end(f)
		s.spare = append(s.spare, f) // no reply can reach it any more
	}
	s.flights = slices.Delete(s.flights, 0, over)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err == nil && !l.closing && !l.refusing
}

// end hands the job of a transaction over, unless recipients are left.
func (s *stream) end(f *flight) {
	s.octets -= f.attempt.plan.size
	s.conn.end(&f.attempt)
	receipt := f.job.Result
	receipt.add(&f.attempt)
	if f.attempt.contentAccepted {
		s.open = min(2*s.open, s.limit.Messages)
	}
	rest := slices.Concat(f.attempt.overflow, f.rest)
	if len(rest) > 0 && f.attempt.accepted > 0 && s.conn.Err() == nil {
		more := s.flight(f.job)
		more.attempt.plan = f.attempt.plan
		more.attempt.rcpt, more.rest = s.conn.cut(rest)
		s.leftover = append(s.leftover, more)
		return
	}
	s.conn.conclude(receipt, rest)
	s.done(f.job)
}

// trouble reports whether the server refuses what is not the fault of a mail: MAIL for now, or RSET.
func (s *stream) trouble() bool {
	s.conn.link.mu.Lock()
	defer s.conn.link.mu.Unlock()
	return s.conn.link.closing || s.conn.link.refusing
}

// drain waits for the verdicts on everything that was begun.
func (s *stream) drain() {
	l := s.conn.link
	if err := l.flush(); err == nil {
		_ = l.answered() // when the link breaks, the attempts are settled one by one
	}
	s.look()
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
