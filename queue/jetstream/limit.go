package jetstream

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/queue"
)

// shares reserves places at the relays with a limit for the jobs that are due, and says after what time there may be more.
// The places of a relay are one record that all processes change.
func (e *Engine) shares(ctx context.Context, want queue.Request) (shares map[string]int, wait time.Duration, err error) {
	wait = time.Hour
	if len(want.Limits) == 0 {
		return nil, wait, nil
	}
	shares = map[string]int{}
	for relay, limit := range want.Limits {
		n := e.due(relay, want.Most)
		if n == 0 {
			shares[relay] = 0
			continue
		}
		granted, again, err := e.reserve(ctx, relay, limit, n)
		if err != nil {
			return nil, 0, err
		}
		if shares[relay] = granted; granted == 0 {
			wait = min(wait, again)
		}
	}
	return shares, wait, nil
}

// due returns how many jobs for a relay this process could take now.
func (e *Engine) due(relay string, most int) (n int) {
	mine := e.owners.mine()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.paused {
		return 0
	}
	e.index.times.Due(time.Now())
	n = e.index.times.Ready(func(lane string) bool {
		part, to := splitLane(lane)
		return to == relay && mine[part]
	})
	return min(n, most)
}

func (e *Engine) reserve(ctx context.Context, relay string, limit queue.Limit, n int) (granted int, wait time.Duration, err error) {
	subject := e.jobs.name + ".limit." + hashKey(relay)
	err = tries(ctx, func() error {
		r, err := e.jobs.readLeader(ctx, subject)
		if err != nil {
			return fmt.Errorf("queue: %w", err)
		}
		var cell time.Time
		var seen uint64
		if r != nil {
			seen = r.seq
		}
		if !r.deleted() && len(r.data) == 8 {
			cell = time.Unix(0, int64(binary.BigEndian.Uint64(r.data)))
		}
		var next time.Time
		if granted, next, wait = limit.Reserve(cell, time.Now(), n); granted == 0 || next.Equal(cell) {
			return nil
		}
		data := binary.BigEndian.AppendUint64(nil, uint64(next.UnixNano()))
		_, err = e.jobs.write(ctx, []change{{subject: subject, seen: seen, data: data}})
		return err
	})
	return granted, wait, err
}
