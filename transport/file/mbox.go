package file

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/bodyscan"
	"github.com/depeche-mail/depeche/transport"
)

// Mbox returns a transport that appends each message to an mbox file in the mboxrd form: LF line ends,
// and ">" before lines that begin with "From " after any number of ">". The envelope is written before
// the message, as Return-Path and Delivered-To fields; options of delivery are not kept. Binary mail is
// refused: an mbox file is made of lines.
//
// Other programs may use the file at the same time as long as they lock it by flock, by fcntl or by the
// file path + ".lock". All three locks are taken, for the moment of the append only, and waited for, at
// most a minute ([ErrLocked]) and until ctx ends. A lock file that says "pid:host" of a process of this
// host that has ended is removed; any other stays until its program or a person removes it. What a killed
// process has begun to append is cut off by the next that writes, and never anything else; until then
// [Open] does not show it. A symbolic link in the place of the file is refused.
//
// Mbox is an error on systems other than Linux, macOS and the BSDs, which have no such locks. It creates
// the file, and the folder of it, for this user alone.
func Mbox(path string) (*Transport, error) {
	if path == "" {
		return nil, &envelope.FieldError{Field: "Path", Err: errors.New("a file is needed")}
	}
	if !mayLock {
		return nil, &envelope.FieldError{Field: "Path", Value: path, Err: errCannotLock}
	}
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err := prepareMbox(path); err != nil {
		return nil, &envelope.FieldError{Field: "Path", Value: path, Err: err}
	}
	return &Transport{name: "mbox:" + path, layout: newMbox(path)}, nil
}

// prepareMbox creates the file and removes what killed processes have left beside it.
func prepareMbox(path string) error {
	f, err := openRegular(path, os.O_RDWR|os.O_APPEND|os.O_CREATE)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), sweep(path+".lock"))
}

var errCannotLock = fmt.Errorf("mbox files can't be locked on this system: use Maildir or New: %w", errors.ErrUnsupported)

type mbox struct {
	path string
	turn chan struct{} // holds one while no goroutine of this process writes
}

func newMbox(path string) *mbox {
	m := &mbox{path: path, turn: make(chan struct{}, 1)}
	m.turn <- struct{}{}
	return m
}

// errLines refuses a binary message.
var errLines = errors.New("binary mail can't be kept in an mbox file, which is made of lines: use Maildir or New")

func (m *mbox) write(ctx context.Context, env envelope.Envelope, mail transport.Mail) (id string, err error) {
	if bodyscan.IsBinary(mail) {
		return "", errLines
	}
	r := newRecord()
	defer func() { err = errors.Join(err, r.close()) }()
	if err := fillRecord(r, env, mail); err != nil {
		return "", err
	}
	select {
	case <-m.turn:
		defer func() { m.turn <- struct{}{} }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	h, err := hold(ctx, m.path, true)
	if err != nil {
		return "", err
	}
	if ctx.Err() == nil {
		id, err = m.append(h.f, r)
	} else {
		err = context.Cause(ctx)
	}
	if failed := h.release(); err != nil {
		return "", errors.Join(err, failed)
	}
	return id, nil // whatever became of the locks, the message is on disk
}

// fillRecord writes the message as it will stand in the mailbox.
func fillRecord(r *record, env envelope.Envelope, mail transport.Mail) error {
	out := bufio.NewWriter(r)
	sender := env.From().String()
	if sender == "" || strings.ContainsAny(sender, " ") {
		sender = "MAILER-DAEMON"
	}
	q := quoter{w: out, start: true}
	_, err := out.WriteString(fromLine + sender + " " + time.Now().UTC().Format(time.ANSIC) + "\n")
	if err == nil {
		_, err = q.Write(trace(env))
	}
	if err == nil {
		_, err = mail.WriteTo(&q)
	}
	if err == nil {
		err = q.end()
	}
	return errors.Join(err, out.Flush())
}

// append puts a record at the end of the mailbox, which is locked, and returns the id of the message.
func (m *mbox) append(f *os.File, r *record) (string, error) {
	if err := recoverMailbox(m.path, f); err != nil {
		return "", err
	}
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	lead, err := missingLines(f, info.Size())
	if err != nil {
		return "", err
	}
	j := &journal{
		inode: inodeOf(info), length: info.Size(), lead: lead, size: r.size, digest: r.digest.Sum(nil), record: r.content,
	}
	if err := j.write(m.path); err != nil {
		return "", err
	}
	if err := j.append(f); err != nil {
		return "", errors.Join(err, j.undo(m.path, f))
	}
	// The message is there. A journal that stays says so too: the next that writes finds all of it.
	_ = os.Remove(m.path + journalName)
	return strconv.FormatInt(j.length+j.lead, 10), nil
}

// append writes what the journal announces, unless the mailbox has changed meanwhile.
func (j *journal) append(f *os.File) error {
	switch found, err := j.compare(f); {
	case err != nil:
		return err
	case found != tailPartial:
		return errUnlocked
	}
	if _, err := io.Copy(f, j.appended()); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	switch found, err := j.compare(f); {
	case err != nil:
		return err
	case found != tailWhole:
		return errUnlocked
	}
	return nil
}

// errUnlocked means that another program has written although this process had all locks.
var errUnlocked = errors.New("another program wrote to the mailbox without a lock")

// undo takes back an append that has failed, as far as it is the end of the mailbox.
func (j *journal) undo(path string, f *os.File) error {
	found, err := j.compare(f)
	if err == nil && found != tailOther {
		err = errors.Join(f.Truncate(j.length), f.Sync())
	}
	switch {
	case err != nil:
		return uncertainError{err}
	case found == tailOther:
		return uncertainError{errUnlocked}
	}
	return os.Remove(path + journalName)
}

// missingLines returns how many line feeds the last message lacks: another program may have left out the
// end of its last line, or the empty line that ends a message.
func missingLines(f *os.File, length int64) (int64, error) {
	last := []byte("\n\n")
	n := min(length, int64(len(last)))
	if _, err := f.ReadAt(last[int64(len(last))-n:], length-n); err != nil {
		return 0, err
	}
	switch {
	case last[1] != '\n':
		return maxLead, nil
	case last[0] != '\n':
		return 1, nil
	}
	return 0, nil
}
