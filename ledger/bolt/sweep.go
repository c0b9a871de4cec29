package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.etcd.io/bbolt"
)

// sweepEvery is how often entries past the window are looked for.
const sweepEvery = 6 * time.Hour

// sweepAll deletes entries past the window now and then. A failure shows at the next send.
func (l *Ledger) sweepAll() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ticks := time.NewTicker(sweepEvery)
	defer ticks.Stop()
	for {
		if _, err := l.Sweep(ctx); err != nil {
			return
		}
		select {
		case <-ticks.C:
		case <-l.stop:
			return
		}
	}
}

// Sweep deletes the entries past the window and returns how many there were. It happens by itself when a
// ledger is opened and every six hours.
func (l *Ledger) Sweep(ctx context.Context) (int, error) {
	return l.remove(ctx, func(_, value []byte) bool {
		e, _, err := decode(value)
		return err == nil && l.rules.Expired(e, now())
	})
}

// Compact writes the ledger at path anew, as small as it can be and without what was deleted. The ledger must
// not be open. If it fails, or the machine does, the old file is still there.
func Compact(path string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("compact ledger %s: %w", path, err)
		}
	}()
	if _, err := os.Stat(path); err != nil {
		return err
	}
	from, err := openFile(path, 0)
	if err != nil {
		return err
	}
	temporary := path + ".compact"
	_ = os.Remove(temporary) // of a Compact that did not end
	to, err := bbolt.Open(temporary, 0o600, nil)
	if err != nil {
		return errors.Join(err, from.Close())
	}
	const octets = 1 << 20 // of a transaction
	err = errors.Join(bbolt.Compact(to, from, octets), to.Sync(), to.Close())
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err == nil {
		err = syncFolder(path)
	}
	return errors.Join(err, from.Close())
}
