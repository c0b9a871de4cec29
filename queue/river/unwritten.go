package river

import (
	"context"
	"time"

	"github.com/depeche-mail/depeche/ledger"
)

// later keeps ends that the database did not take. Until they are written this process holds the claims.
func (l *Ledger) later(ends []ledger.Ended) {
	if len(ends) == 0 {
		return
	}
	l.mu.Lock()
	l.unwritten = append(l.unwritten, ends...)
	l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// writeLater writes ends that the database did not take, until life ends and once more then.
func (l *Ledger) writeLater(life context.Context) {
	const pause = 500 * time.Millisecond
	for {
		select {
		case <-l.more:
		case <-life.Done():
			ctx, cancel := context.WithTimeout(context.WithoutCancel(life), answerWithin)
			defer cancel()
			l.writeUnwritten(ctx)
			return
		}
		select {
		case <-time.After(pause):
		case <-life.Done():
		}
		l.writeUnwritten(life)
	}
}

func (l *Ledger) writeUnwritten(ctx context.Context) {
	l.mu.Lock()
	list := l.unwritten
	l.unwritten = nil
	l.mu.Unlock()
	if len(list) == 0 {
		return
	}
	_ = l.end(ctx, list) // what fails is unwritten again
}
