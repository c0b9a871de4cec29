package river

import (
	"context"
	"time"
)

// SetRestart sets for how long after the start of the server all processes count as alive.
func SetRestart(d time.Duration) { restart = d }

// Sweep deletes what is past its window.
func (e *Engine) Sweep(ctx context.Context) error { return e.sweep(ctx) }

// SessionOf says which session marks the process of the engine.
const SessionOf = `select pid from pg_locks where locktype = 'advisory' and classid = 1684369510 and objid = $1 and granted
	and database = (select oid from pg_database where datname = current_database())`

// Self is the number of the process.
func (e *Engine) Self() int64 { return e.self }
