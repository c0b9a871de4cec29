package smtp

import (
	"sync"
	"sync/atomic"
	"time"
)

// learnedIdle is how long the relay lets a connection say nothing, as far as it has shown: by 4.4.2 once, or by closing two
// connections without a word of which none lived longer in between. Three quarters of that are used. It doubles every ten
// minutes until it is forgotten, and means nothing to a transport whose own IdleTimeout is shorter by then.
type learnedIdle struct {
	known  atomic.Bool // limit or silent is set
	mu     sync.Mutex
	limit  time.Duration // 0 for none
	silent time.Duration // after which a connection was closed without a word; 0 for none
	noted  time.Time     // of silent
	since  time.Time     // of limit
}

// shortestIdle is the least that is learned: connections of mails that follow each other are not closed.
const shortestIdle = time.Second

const (
	idleKept    = 10 * time.Minute // until it doubles
	longestIdle = time.Hour        // one that has become longer is forgotten: the same for all transports of the account
)

// closed notes that the relay closed a connection that had been idle from a time on; said means that it gave that as the
// reason. Those that a relay closes when it restarts are one sign. It reports whether a limit was learned.
func (l *learnedIdle) closed(from time.Time, after time.Duration, said bool) bool {
	if after < shortestIdle {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known.Store(true)
	switch {
	case said:
	case l.silent == 0:
		l.silent, l.noted = after, time.Now()
		return false
	case from.Before(l.noted): // in the same moment
		l.silent = min(l.silent, after)
		return false
	}
	if !said {
		after = min(after, l.silent)
	}
	limit := max(after*3/4, shortestIdle)
	if l.limit > 0 && limit > l.limit {
		return false
	}
	l.limit, l.since, l.silent = limit, time.Now(), 0
	return true
}

// survived notes that a connection was good after it had been idle.
func (l *learnedIdle) survived(idle time.Duration) {
	if !l.known.Load() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if idle >= l.silent {
		l.silent = 0
	}
	l.known.Store(l.silent > 0 || l.limit > 0)
}

// current returns how long a connection may be idle, most without a limit, and whether there is one.
func (l *learnedIdle) current(most time.Duration) (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.limit > 0 && time.Since(l.since) >= idleKept {
		l.limit, l.since = 2*l.limit, l.since.Add(idleKept)
		if l.limit > longestIdle {
			l.limit = 0
		}
	}
	if l.limit == 0 || l.limit >= most {
		return most, false
	}
	return l.limit, true
}

// keepIdle lets the pool keep idle connections as long as the relay does, and a warm minimum of them only where the relay
// lets them live.
func (t *Transport) keepIdle() {
	limit, learned := t.account.idle.current(t.limits.IdleTimeout)
	warm := t.limits.MinIdle
	if learned {
		warm = 0
	}
	t.pool.Keep(limit, warm)
}

// endedIdle learns from a connection that the relay ended, or refused to use, after it had been idle.
func (t *Transport) endedIdle(from time.Time, after time.Duration, said bool) {
	if t.account.idle.closed(from, after, said) {
		t.keepIdle()
	}
}
