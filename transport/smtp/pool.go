package smtp

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/depeche-mail/depeche/internal/pool"
)

// Pool says how many connections a transport keeps, and for how long. Zero fields have their
// defaults.
type Pool struct {
	MaxOpen     int           // connections at once, busy, idle, and those that say goodbye: 10
	MaxIdle     int           // idle connections that are kept: MaxOpen
	MinIdle     int           // idle connections that are opened ahead of need: 0
	MaxWaiting  int           // sends that may wait for a connection: any number, because each waits no longer than its ctx
	MaxWait     time.Duration // how long Send waits for connections, free or new ones, all its waits together: as long as its ctx. The error is ErrBusy
	IdleTimeout time.Duration // how long a connection may be idle: 60 s, below what relays allow
	MaxAge      time.Duration // how old a connection may get: 30 min
	MaxMessages int           // messages over one connection: what the server allows (MAILMAX, or 421 at the same one twice)
}

const (
	defaultMaxOpen = 10
	openLimit      = 10_000 // SendAll has a goroutine for each
	defaultIdle    = time.Minute
)

func (p Pool) withDefaults() Pool {
	if p.MaxOpen == 0 {
		p.MaxOpen = defaultMaxOpen
	}
	if p.MaxIdle == 0 {
		p.MaxIdle = p.MaxOpen
	}
	if p.IdleTimeout == 0 {
		p.IdleTimeout = defaultIdle
	}
	if p.MaxAge == 0 {
		p.MaxAge = 30 * time.Minute
	}
	return p
}

func (p Pool) check(s *state) {
	for _, field := range []struct {
		name  string
		value int
	}{
		{"MaxOpen", p.MaxOpen},
		{"MaxIdle", p.MaxIdle},
		{"MinIdle", p.MinIdle},
		{"MaxWaiting", p.MaxWaiting},
		{"MaxMessages", p.MaxMessages},
		{"MaxWait", int(p.MaxWait)},
		{"IdleTimeout", int(p.IdleTimeout)},
		{"MaxAge", int(p.MaxAge)},
	} {
		if field.value < 0 {
			s.fault("Pool."+field.name, strconv.Itoa(field.value), errors.New("must not be negative"))
		}
	}
	if p.MaxOpen > openLimit {
		s.fault("Pool.MaxOpen", strconv.Itoa(p.MaxOpen), fmt.Errorf("want at most %d", openLimit))
	}
	if full := p.withDefaults(); p.MinIdle > 0 && (p.MinIdle > full.MaxIdle || p.MinIdle > full.MaxOpen) {
		s.fault("Pool.MinIdle", strconv.Itoa(p.MinIdle), errors.New("more than MaxIdle or MaxOpen"))
	}
}

// Stats are figures of the connections of a transport.
type Stats = pool.Stats
