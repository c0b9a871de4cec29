package river

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/puddle/v2"
)

// maxTries is how often a transaction is tried that the database ends in favour of another one.
const maxTries = 20

// inTx does work in a transaction, and again if the database asks for it: work begins anew each time. Rows that several transactions
// may want are locked in the order of their keys, so that this is rare.
func inTx(ctx context.Context, pool *pgxpool.Pool, work func(pgx.Tx) error) error {
	for n := 1; ; n++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err := pgx.BeginFunc(ctx, pool, work)
		switch {
		case err != nil && ctx.Err() != nil:
			return errors.Join(context.Cause(ctx), err)
		case n == maxTries || !passing(err):
			return err
		}
		rest(ctx, n)
	}
}

// rest waits for a moment before the next try, at random, so that those that met do not meet again.
func rest(ctx context.Context, n int) {
	const step = 2 * time.Millisecond
	select {
	case <-ctx.Done():
	case <-time.After(rand.N(time.Duration(n) * step)): //nolint:gosec // not a secret
	}
}

var errRaced = errors.New("another process changed the same at the same time")

// passing reports whether the same transaction may succeed now.
func passing(err error) bool {
	var said *pgconn.PgError
	const deadlock, serialization = "40P01", "40001"
	return errors.Is(err, errRaced) || errors.As(err, &said) && (said.Code == deadlock || said.Code == serialization)
}

// away reports whether the database cannot be reached or does not serve now, as while it is started anew.
func away(err error) bool {
	var said *pgconn.PgError
	switch {
	case errors.Is(err, errNoSession):
		return true
	case errors.Is(err, puddle.ErrClosedPool), errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &said): // PostgreSQL, appendix A: connection, resources, an operator stopped it
		return strings.HasPrefix(said.Code, "08") || strings.HasPrefix(said.Code, "53") || strings.HasPrefix(said.Code, "57P")
	}
	return err != nil
}
