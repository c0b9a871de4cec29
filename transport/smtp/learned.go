package smtp

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// learned is what the connections to a relay have found out about it that it does not say. What was learned
// from failures is forgotten after a while, so that nothing is given up for ever, and at once when it is
// disproved.
type learned struct {
	mu       sync.Mutex
	proven   bool // a chunk that was refused was swallowed
	answered bool // a chunk in a transaction was answered
	silent   int  // connections in a row on which one was not
	noChunks doubt
	lockstep doubt       // commands must not be sent together
	trying   atomic.Bool // lockstep is an attempt: no mail has shown yet that it helps
	flightOK doubt       // lockstep did not help: a refusal that looks like a broken flight is not one
	apart    doubt       // commands must not travel with the content of the mail before
}

// doubt is something that was learned from failures, and holds for a time. It holds for longer each time,
// until it is disproved.
type doubt struct {
	until time.Time
	pause time.Duration
}

const (
	firstDoubt   = 10 * time.Minute
	longestDoubt = 24 * time.Hour
)

func (d *doubt) holds() bool { return time.Now().Before(d.until) }

func (d *doubt) begin() {
	if d.holds() {
		return
	}
	d.pause = min(max(2*d.pause, firstDoubt), longestDoubt)
	d.until = time.Now().Add(d.pause)
}

func (d *doubt) disprove() { *d = doubt{} }

// silentTwice is after how many connections in a row that did not answer a chunk a relay that has answered
// some is taken to answer them no longer.
const silentTwice = 2

// configure makes the configuration of the next connection.
func (l *learned) configure(c client.Config) client.Config {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.noChunks.holds():
		c.Chunking = client.ChunkingOff
	case l.proven && c.Chunking == client.ChunkingAuto:
		c.Chunking = client.ChunkingProven
	}
	if l.lockstep.holds() {
		c.Without = append(slices.Clone(c.Without), extension.Pipelining)
	}
	return c
}

// keepsApart reports whether the commands of a mail wait for the verdict on the mail before.
func (l *learned) keepsApart() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.apart.holds()
}

// noteAhead takes what a Stream has found out about commands that travel with the content of the mail before.
func (l *learned) noteAhead(f client.Findings) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case f.AheadRefused:
		l.apart.begin()
	case f.AheadAnswered && !l.apart.holds():
		l.apart.disprove()
	}
}

// suits reports whether a connection is of the kind that configure would make now, as far as that matters.
func (l *learned) suits(c *client.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lockstep.holds() && c.Info().Has(extension.Pipelining) {
		return false
	}
	return !l.noChunks.holds() || !c.Findings().ChunkingUsed
}

// note takes what a connection has found out.
func (l *learned) note(f client.Findings) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.ChunkAnswered && !f.ChunkSilent {
		l.answered, l.silent = true, 0
		l.noChunks.pause = 0
	}
	switch {
	case f.ChunkingUnsafe:
		l.proven = false
		l.noChunks.begin()
	case f.ChunkSilent:
		l.silent++
		if !l.answered && !f.ChunkAnswered || l.silent >= silentTwice {
			l.proven, l.answered, l.silent = false, false, 0
			l.noChunks.begin()
		}
	case f.ChunkingSafe && !l.noChunks.holds():
		l.proven = true
	}
}

// fallback reports whether a mail goes once more in another way, and lets the next connection be made for
// that.
func (l *learned) fallback(r *client.Result) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch r.Fallback() {
	case client.FallbackData:
		l.proven = false
		l.noChunks.begin()
		return true
	case client.FallbackLockstep:
		if l.lockstep.holds() || l.flightOK.holds() {
			return false
		}
		l.lockstep.begin()
		l.trying.Store(true)
		return true
	case client.FallbackNone:
	}
	return false
}

// judge looks at a mail that was sent while lockstep is tried: it goes on when MAIL was accepted now.
func (l *learned) judge(c *client.Conn, r *client.Result) {
	if !l.trying.Load() || c.Info().Has(extension.Pipelining) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case refusedAgain(r):
		l.trying.Store(false)
		l.lockstep.disprove()
		l.flightOK.begin()
	case isAnswered(r):
		l.trying.Store(false)
	}
}

// isAnswered reports whether the relay has said what becomes of a mail.
func isAnswered(r *client.Result) bool {
	f, lost := r.Failure()
	return !lost || !f.Response.IsZero()
}

// refusedAgain reports whether RSET or MAIL alone was refused like the first command of a broken flight.
func refusedAgain(r *client.Result) bool {
	f, lost := r.Failure()
	if !lost || f.Phase != client.PhaseMail && f.Phase != client.PhaseReset {
		return false
	}
	code := f.Response.Code
	return code == response.SyntaxError || code == response.NotImplemented || code == response.BadSequence
}
