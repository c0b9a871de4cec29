// Package file is a transport that writes each message to a folder, as an .eml file beside its
// envelope in JSON, for development and for looking at mail that must not leave.
package file

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// ErrClosed is the cause of a send after Close.
var ErrClosed = errors.New("file: transport is closed")

// Transport writes messages to one folder. It is safe for concurrent use, also by several
// processes on the same folder.
type Transport struct {
	dir    string
	closed atomic.Bool
}

// New returns a transport that writes to dir, which is created, for the owner alone, when it does
// not exist.
func New(dir string) (*Transport, error) {
	if dir == "" {
		return nil, &envelope.FieldError{Field: "Dir", Err: errors.New("a folder is needed")}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &envelope.FieldError{Field: "Dir", Value: dir, Err: err}
	}
	return &Transport{dir: dir}, nil
}

// Send writes the message to <id>.eml and its envelope to <id>.json, both flushed to disk before
// the .eml gets its name, so that an .eml file is always whole. The id is the result's QueueID and
// sorts by time.
func (t *Transport) Send(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
	env := mail.Envelope()
	if env.Len() == 0 {
		return transport.Fail(mail, transport.PhaseMessage, envelope.ErrNoRecipient)
	}
	if t.closed.Load() {
		return transport.Fail(mail, transport.PhaseWait, ErrClosed)
	}
	id := time.Now().UTC().Format("20060102T150405.000000000Z") + "-" + rand.Text()
	stored, err := json.MarshalIndent(env, "", "  ")
	if err != nil {
		return transport.Fail(mail, transport.PhaseMessage, err)
	}
	sidecar := filepath.Join(t.dir, id+".json")
	err = writeWhole(ctx, sidecar, func(f *os.File) error {
		_, err := f.Write(append(stored, '\n'))
		return err
	})
	if err != nil {
		return transport.Fail(mail, transport.PhaseBody, err)
	}
	err = writeWhole(ctx, filepath.Join(t.dir, id+".eml"), func(f *os.File) error {
		_, err := mail.WriteTo(f)
		return err
	})
	if err != nil {
		return transport.Fail(mail, transport.PhaseBody, errors.Join(err, os.Remove(sidecar)))
	}
	result := transport.NewResult(env, transport.Accepted, transport.Reply{Code: 250, Lines: []string{"written"}})
	result.MessageID = transport.MessageID(mail)
	result.QueueID = id
	result.Relay = "file:" + t.dir
	return result, nil
}

// writeWhole makes path appear with everything that fill writes, or not at all.
func writeWhole(ctx context.Context, path string, fill func(*os.File) error) (err error) {
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	if err := fill(f); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Close makes later sends fail with ErrClosed.
func (t *Transport) Close() error {
	t.closed.Store(true)
	return nil
}
