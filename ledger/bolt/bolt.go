package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Errors of Open and of a closed ledger.
var (
	// ErrLocked: another process, or this one, has the file open.
	ErrLocked = errors.New("the ledger is open elsewhere: one process at a time may use it")
	// ErrClosed: the ledger was closed.
	ErrClosed = errors.New("the ledger is closed")
)

// Options say how a ledger is kept.
type Options struct {
	// Window is how long an entry counts after its end; 0 means [ledger.DefaultWindow]. Older entries are deleted
	// when the ledger is opened and while it is open, so it is the same each time: who does not know it takes [ledger.Forever], with
	// which nothing is deleted. What is Unknown stays until it is resolved.
	Window time.Duration
	// PlainAddresses keeps addresses readable beside their hashes, for tools that show them.
	PlainAddresses bool
	// Secret hides addresses: what the file has of them are hashes with it, see [ledger.Secret]. Empty means a random one, which is kept
	// in the file: two ledgers cannot be compared, but a person who has the file can try addresses. A ledger is always
	// opened with the secret that it was made with, else the error is [ledger.ErrSecret].
	Secret []byte
	// LockWait is how long Open waits for another process to close the file; 0 means not at all.
	LockWait time.Duration
}

// Ledger is a [ledger.Book] in a file. It is safe for concurrent use.
type Ledger struct {
	path   string
	db     *bbolt.DB
	rules  ledger.Rules
	plain  bool
	secret ledger.Secret

	mu     sync.Mutex
	held   map[string]*claim // by the key in the file
	fence  uint64            // the last one given
	broken error             // no call succeeds any more

	pending []*commit
	wake    chan struct{} // there is something pending
	stop    chan struct{}
	done    sync.WaitGroup
}

// claim is an entry under way. It may be newer than what is in the file.
type claim struct {
	entry   ledger.Entry
	written bool // there is, or may be, an entry in the file
}

var (
	entriesBucket = []byte("entries")
	metaBucket    = []byte("meta")
	formatKey     = []byte("format")
	epochKey      = []byte("epoch")
	secretKey     = []byte("secret")
	format        = []byte("depeche ledger 1")
)

// Open opens the ledger at path, or makes it. Claims of an earlier process are void from then on. The
// file can be read and written by its owner only; its folder must exist.
func Open(path string, o Options) (*Ledger, error) {
	_, missing := os.Stat(path)
	db, err := openFile(path, o.LockWait)
	if err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", path, err)
	}
	l := &Ledger{
		path: path, db: db, rules: ledger.Rules{Window: o.Window}, plain: o.PlainAddresses, held: map[string]*claim{},
		wake: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	if err = l.begin(o.Secret); err == nil && missing != nil {
		err = syncFolder(path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger %s: %w", path, err), db.Close())
	}
	l.done.Go(l.commitAll)
	l.done.Go(l.sweepAll)
	return l, nil
}

// openFile opens and locks the file. A Compact that ended while this waited for the lock has put another file
// in its place, so that is looked at once more.
func openFile(path string, wait time.Duration) (*bbolt.DB, error) {
	for {
		var file *os.File
		wait := max(wait, time.Millisecond) // bbolt waits for ever for 0
		err := whole(path, wait)
		var db *bbolt.DB
		if err == nil {
			db, err = bbolt.Open(path, 0o600, &bbolt.Options{
				Timeout: wait, FreelistType: bbolt.FreelistMapType, NoFreelistSync: true,
				OpenFile: func(name string, flag int, perm os.FileMode) (_ *os.File, err error) {
					file, err = os.OpenFile(name, flag, perm)
					return file, err
				},
			})
		}
		if errors.Is(err, bolterrors.ErrTimeout) {
			err = ErrLocked
		}
		if err != nil {
			return nil, err
		}
		locked, err := file.Stat()
		if err != nil {
			return nil, errors.Join(err, db.Close())
		}
		if named, err := os.Stat(path); err == nil && os.SameFile(locked, named) {
			return db, nil
		}
		if err := db.Close(); err != nil {
			return nil, err
		}
	}
}

// begin checks the format and counts the epoch, by which the fences of each opening are new.
func (l *Ledger) begin(secret []byte) error {
	return l.db.Update(func(tx *bbolt.Tx) error {
		meta, err := tx.CreateBucketIfNotExists(metaBucket)
		if err != nil {
			return err
		}
		if _, err := tx.CreateBucketIfNotExists(entriesBucket); err != nil {
			return err
		}
		if is := meta.Get(formatKey); is == nil {
			err = errors.Join(meta.Put(formatKey, format), l.makeSecret(meta, secret))
		} else if !bytes.Equal(is, format) {
			err = fmt.Errorf("the file has the format %q, want %q", is, format)
		}
		if err == nil {
			l.secret, err = ledger.ReadSecret(meta.Get(secretKey), secret)
		}
		if err != nil {
			return err
		}
		epoch := uint64(1)
		if last := meta.Get(epochKey); len(last) == 8 {
			epoch = binary.BigEndian.Uint64(last) + 1
		}
		l.fence = epoch << 32
		return meta.Put(epochKey, binary.BigEndian.AppendUint64(nil, epoch))
	})
}

// makeSecret writes what the file keeps of its secret.
func (l *Ledger) makeSecret(meta *bbolt.Bucket, callers []byte) error {
	kept, err := ledger.NewSecret(callers)
	if err != nil {
		return err
	}
	return meta.Put(secretKey, kept)
}

// hashSize is how much of the hash of an address is kept.
const hashSize = 16

// place is the key of an entry in the file: the caller's key, which has no control character, and the hash of
// the recipient.
func (l *Ledger) place(key string, to envelope.Address) string {
	return key + "\x00" + string(l.hash(to))
}

func (l *Ledger) hash(to envelope.Address) []byte { return l.secret.Recipient(to) }

// Secret hides what is kept beside the ledger, such as the jobs of a queue.
func (l *Ledger) Secret() ledger.Secret { return l.secret }

// split takes a key in the file apart.
func split(place []byte) (key string, hash []byte, ok bool) {
	i := len(place) - hashSize - 1
	if i < 1 || place[i] != 0 {
		return "", nil, false
	}
	return string(place[:i]), place[i+1:], true
}

// Close waits for the commit under way and closes the file. Sends must have ended: what they have not
// written down is in doubt afterwards.
func (l *Ledger) Close() error {
	l.mu.Lock()
	if errors.Is(l.broken, ErrClosed) {
		l.mu.Unlock()
		return nil
	}
	l.broken = ErrClosed
	l.mu.Unlock()
	close(l.stop)
	l.done.Wait()
	return l.db.Close()
}

// usable returns why nothing can be done. It is called with the lock held.
func (l *Ledger) usable(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if l.broken != nil {
		return &unusableError{l.path, l.broken}
	}
	return nil
}

// Err returns why no call succeeds any more until the file is opened again; nil while the ledger is of use.
func (l *Ledger) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.usable(context.Background())
}

// unusableError is why no call succeeds any more.
type unusableError struct {
	path string
	err  error
}

func (e *unusableError) Error() string { return "ledger " + e.path + ": " + e.err.Error() }
func (e *unusableError) Unwrap() error { return e.err }

// Temporary returns false: this process does not mend it.
func (e *unusableError) Temporary() bool { return false }

// syncFolder makes the name of a new file durable.
func syncFolder(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
