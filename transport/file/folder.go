package file

import (
	"context"
	"iter"
	"os"
	"path/filepath"

	"github.com/depeche-mail/depeche/transport"
)

// Store is a place that messages are read back from. It is safe for concurrent use, also while a
// transport writes to the same place.
type Store struct {
	path   string
	layout reader
}

// reader is a way to read messages that lie on disk.
type reader interface {
	all() iter.Seq2[*StoredMessage, error] // oldest first
	load(id string) (*StoredMessage, error)
	remove(id string) error
}

// Open returns the messages at a path: a Maildir, an mbox file, or a folder of .eml files, those of
// lettre included.
func Open(path string) (*Store, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return &Store{path, newMbox(path)}, nil
	}
	if info, err := os.Stat(filepath.Join(path, "new")); err == nil && info.IsDir() {
		return &Store{path, maildir(path)}, nil
	}
	return &Store{path, emlFolder(path)}, nil
}

// All returns the messages that are there now, oldest first, one at a time. What can't be read comes
// with an error that names it, and the others follow.
func (f *Store) All() iter.Seq2[*StoredMessage, error] {
	return f.layout.all()
}

// each loads messages by their ids, one at a time.
func each(ids []string, err error, load func(id string) (*StoredMessage, error)) iter.Seq2[*StoredMessage, error] {
	return func(yield func(*StoredMessage, error) bool) {
		if err != nil {
			yield(nil, err)
			return
		}
		for _, id := range ids {
			err := checkID(id)
			var s *StoredMessage
			if err == nil {
				s, err = load(id)
			}
			if err != nil {
				s, err = nil, fault(id, err)
			}
			if !yield(s, err) {
				return
			}
		}
	}
}

func fault(id string, err error) error {
	return &os.PathError{Op: "read message", Path: id, Err: err}
}

// Get returns a message by its id, the QueueID of the result of its send. One that is not there is
// an error that is fs.ErrNotExist.
func (f *Store) Get(id string) (*StoredMessage, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	s, err := f.layout.load(id)
	if err != nil {
		return nil, fault(filepath.Join(f.path, id), err)
	}
	return s, nil
}

// Remove deletes a message. Nothing can be removed from an mbox file.
func (f *Store) Remove(id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	return f.layout.remove(id)
}

// Replay sends all messages that are there now over another transport, and yields the result of each
// as transport.SendAll does; BulkResult.Mail is the [*StoredMessage]. A message that can't be read comes with an
// Index of -1 and the error. Nothing is removed: call Remove with what was accepted.
func (f *Store) Replay(ctx context.Context, to transport.Transport) iter.Seq2[transport.BulkResult, error] {
	return func(yield func(transport.BulkResult, error) bool) {
		var errs []error
		mails := func(next func(transport.Mail) bool) {
			for s, err := range f.All() {
				if err != nil {
					errs = append(errs, err)
				} else if !next(s) {
					return
				}
			}
		}
		for sent, err := range transport.SendAll(ctx, to, mails) {
			if !yield(sent, err) {
				return
			}
		}
		for _, err := range errs {
			if !yield(transport.BulkResult{Index: -1}, err) {
				return
			}
		}
	}
}
