package bolt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	ledgerbolt "github.com/depeche-mail/depeche/ledger/bolt"
	"github.com/depeche-mail/depeche/queue"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// ErrLocked is the error of Open when another process, or this one, has the folder open.
var ErrLocked = errors.New("the queue is open elsewhere: one process at a time may use it")

// Options say how a queue is kept.
type Options struct {
	// Ledger says how the ledger is kept, and by its Window for how long the keys of ended jobs count; with [ledger.Forever] nothing
	// is forgotten.
	Ledger ledgerbolt.Options
}

// Engine is a [queue.Engine] in a folder. It is safe for concurrent use.
type Engine struct {
	*queue.Memory // what is due when; it holds no mail

	db     *bbolt.DB
	book   *ledgerbolt.Ledger
	window time.Duration

	mu      sync.Mutex // held over a change of Memory and the place of its write in the order of writes
	pending []*commit
	broken  error
	wake    chan struct{}
	stop    chan struct{}
	done    sync.WaitGroup
}

var (
	jobsBucket  = []byte("jobs")  // by key: a queue.Entry without payload, as JSON
	mailBucket  = []byte("mail")  // by key: the payload
	endedBucket = []byte("ended") // by key: the digest and the time of a job that is done
	metaBucket  = []byte("meta")
	pausedKey   = []byte("paused")
)

// Open opens the queue in a folder, which is made if it is not there; only its owner may read it.
func Open(folder string, o Options) (*Engine, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	path := filepath.Join(folder, "queue.db")
	wait := max(o.Ledger.LockWait, time.Millisecond) // bbolt waits for ever for 0
	err := whole(path, wait)
	var db *bbolt.DB
	if err == nil {
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: wait, FreelistType: bbolt.FreelistMapType, NoFreelistSync: true})
	}
	if errors.Is(err, bolterrors.ErrTimeout) {
		err = ErrLocked
	}
	if err != nil {
		return nil, fmt.Errorf("open queue %s: %w", path, err)
	}
	book, err := ledgerbolt.Open(filepath.Join(folder, "ledger.db"), o.Ledger) // it syncs the folder when it is new
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	e := &Engine{
		Memory: queue.NewMemory(), db: db, book: book, window: o.Ledger.Window, wake: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	if e.window == 0 {
		e.window = ledger.DefaultWindow
	}
	e.Window = -1 // the disk remembers
	if err := e.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("open queue %s: %w", path, err), book.Close(), db.Close())
	}
	e.done.Go(e.commitAll)
	return e, nil
}

// load reads what is waiting. What was in hand is due at once. Keys past the window are forgotten.
func (e *Engine) load() error {
	return e.db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{jobsBucket, mailBucket, endedBucket, metaBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		if err := tx.Bucket(jobsBucket).ForEach(func(key, value []byte) error { return e.restore(key, value) }); err != nil {
			return err
		}
		c := tx.Bucket(endedBucket).Cursor()
		for key, value := c.First(); key != nil; {
			var was ended
			if err := json.Unmarshal(value, &was); err != nil {
				return fmt.Errorf("the end of key %q: %w", key, err)
			}
			if time.Since(was.At) <= e.window {
				key, value = c.Next()
				continue
			}
			old := append([]byte(nil), key...)
			if err := c.Delete(); err != nil {
				return err
			}
			key, value = c.Seek(old)
		}
		return e.Memory.Pause(context.Background(), tx.Bucket(metaBucket).Get(pausedKey) != nil)
	})
}

// restore puts a job of the disk into memory.
func (e *Engine) restore(key, value []byte) error {
	var entry queue.Entry
	if err := json.Unmarshal(value, &entry); err != nil {
		return fmt.Errorf("the job of key %q: %w", key, err)
	}
	return e.Restore(entry)
}

// ended is what is remembered of a job that is done.
type ended struct {
	Digest ledger.Digest `json:"digest"`
	At     time.Time     `json:"at"`
}

// Ledger returns the ledger in the folder, a [ledger.Book].
func (e *Engine) Ledger() ledger.Ledger { return e.book }

// Close ends waiting calls, writes what is pending, and closes the files.
func (e *Engine) Close() error {
	if err := e.Memory.Close(); err != nil {
		return err
	}
	e.mu.Lock()
	if errors.Is(e.broken, queue.ErrClosed) {
		e.mu.Unlock()
		return nil
	}
	e.broken = queue.ErrClosed
	e.mu.Unlock()
	close(e.stop)
	e.done.Wait()
	return errors.Join(e.db.Close(), e.book.Close())
}
