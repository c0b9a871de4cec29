package river_test

import (
	"context"
	"testing"

	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/queuetest"
	"github.com/depeche-mail/depeche/queue/river"
	"github.com/jackc/pgx/v5/pgxpool"
)

// pooled is an engine with a pool of its own.
type pooled struct {
	*river.Engine

	pool *pgxpool.Pool
}

func (p pooled) Close() error {
	defer p.pool.Close()
	return p.Engine.Close()
}

func openAt(ctx context.Context, dsn string) (queue.Engine, error) {
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return nil, err
	}
	e, err := river.Open(ctx, pool, river.Options{})
	if err != nil {
		pool.Close()
		return nil, err
	}
	return pooled{e, pool}, nil
}

func TestKillAtEachStep(t *testing.T) { queuetest.KillAtEachStep(t, openAt, newDatabase) }

func TestKillAtRandom(t *testing.T) { queuetest.KillAtRandom(t, openAt, newDatabase) }
