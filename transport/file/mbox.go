package file

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// Mbox returns a transport that appends each message to an mbox file in the mboxrd form: LF line ends,
// and ">" in front of lines that begin with "From " after any number of ">". The envelope is written
// in front of the message, as Return-Path and Delivered-To fields; options of delivery are not kept.
//
// Beside the file lies path + ".lock", which holds the length of the file while a message is being
// written: whoever opens the file next cuts off what a killed process has left.
func Mbox(path string) (*Transport, error) {
	if path == "" {
		return nil, &envelope.FieldError{Field: "Path", Err: errors.New("a file is needed")}
	}
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	box := newMbox(path)
	if err := box.locked(context.Background(), func(*os.File) error { return nil }); err != nil {
		return nil, &envelope.FieldError{Field: "Path", Value: path, Err: err}
	}
	return &Transport{name: "mbox:" + path, layout: box}, nil
}

type mbox struct {
	path string
	turn chan struct{} // holds one while nobody uses the file
}

func newMbox(path string) *mbox {
	m := &mbox{path: path, turn: make(chan struct{}, 1)}
	m.turn <- struct{}{}
	return m
}

// locked calls do with the mbox file, whole, while nobody else writes to it. It waits for its turn until
// ctx ends.
func (m *mbox) locked(ctx context.Context, do func(lock *os.File) error) (err error) {
	select {
	case <-m.turn:
		defer func() { m.turn <- struct{}{} }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	lock, err := os.OpenFile(m.path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }() // which gives the lock back
	if err := lockFile(ctx, lock); err != nil {
		return err
	}
	before, err := io.ReadAll(lock)
	if err != nil {
		return err
	}
	if length, err := strconv.ParseInt(string(before), 10, 64); err == nil { // else it was not written whole, and nothing else was
		if err := os.Truncate(m.path, length); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := lock.Truncate(0); err != nil {
		return err
	}
	return do(lock)
}

func (m *mbox) write(ctx context.Context, env envelope.Envelope, mail transport.Mail) (string, error) {
	id := ""
	err := m.locked(ctx, func(lock *os.File) (err error) {
		f, err := os.OpenFile(m.path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		length, err := f.Seek(0, io.SeekEnd)
		if err != nil {
			return errors.Join(err, f.Close())
		}
		if _, err := lock.WriteAt([]byte(strconv.FormatInt(length, 10)), 0); err != nil {
			return errors.Join(err, f.Close())
		}
		begin, err := endLastLine(f, length)
		if err = errors.Join(err, lock.Sync()); err == nil {
			err = m.append(ctx, f, env, mail)
		}
		if err == nil {
			err = f.Sync()
		}
		if err == nil && length == 0 {
			err = syncFolder(filepath.Dir(m.path))
		}
		if err != nil {
			err = errors.Join(err, f.Truncate(length))
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		id = strconv.FormatInt(begin, 10)
		// From here on the message is there, also when the power fails.
		return errors.Join(lock.Truncate(0), lock.Sync())
	})
	return id, err
}

// endLastLine gives the file the line end that another program has left out, and returns its length.
func endLastLine(f *os.File, length int64) (int64, error) {
	last := []byte{'\n'}
	if length > 0 {
		if _, err := f.ReadAt(last, length-1); err != nil {
			return length, err
		}
	}
	if last[0] == '\n' {
		return length, nil
	}
	n, err := f.WriteString("\n\n")
	return length + int64(n), err
}

func (m *mbox) append(ctx context.Context, f *os.File, env envelope.Envelope, mail transport.Mail) error {
	out := bufio.NewWriter(f)
	sender := env.From().String()
	if sender == "" || strings.ContainsAny(sender, " ") {
		sender = "MAILER-DAEMON"
	}
	q := quoter{w: out, start: true}
	_, err := out.WriteString("From " + sender + " " + time.Now().UTC().Format(time.ANSIC) + "\n")
	if err == nil {
		_, err = q.Write(trace(env))
	}
	if err == nil {
		_, err = mail.WriteTo(&q)
	}
	if err == nil {
		err = q.end()
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return errors.Join(err, out.Flush())
}

// quoter writes lines in the mboxrd form.
type quoter struct {
	w     *bufio.Writer
	line  []byte // the beginning of a line that may need a mark
	marks int    // how many marks it begins with
	start bool   // nothing of the line was written yet
	cr    bool   // a CR waits for its LF
}

const fromLine = "From "

func (q *quoter) Write(p []byte) (int, error) {
	for _, c := range p {
		if q.cr && c != '\n' {
			q.octet('\r')
		}
		q.cr = c == '\r'
		if !q.cr {
			q.octet(c)
		}
	}
	return len(p), nil // the buffered writer keeps its error for Flush
}

func (q *quoter) octet(c byte) {
	if q.start {
		q.line = append(q.line, c)
		if c == '>' && len(q.line) == q.marks+1 {
			q.marks++
			return
		}
		rest := q.line[q.marks:]
		if strings.HasPrefix(fromLine, string(rest)) && len(rest) < len(fromLine) {
			return // it may become one
		}
		if string(rest) == fromLine {
			_ = q.w.WriteByte('>')
		}
		q.start = false
		_, _ = q.w.Write(q.line)
		q.line, q.marks = q.line[:0], 0
	} else {
		_ = q.w.WriteByte(c)
	}
	if c == '\n' {
		q.start = true
	}
}

// end ends the last line and the message.
func (q *quoter) end() error {
	if q.cr {
		q.octet('\r')
	}
	_, _ = q.w.Write(q.line)
	if !q.start || len(q.line) > 0 {
		_ = q.w.WriteByte('\n')
	}
	return q.w.WriteByte('\n')
}

// extent is where a message lies in the file, with its From line.
type extent struct{ begin, end int64 }

// all looks through the file once, and reads the messages one at a time when nobody is kept waiting
// any more: what was written does not change.
func (m *mbox) all() iter.Seq2[*StoredMessage, error] {
	return func(yield func(*StoredMessage, error) bool) {
		extents, err := m.extents()
		if err != nil {
			yield(nil, err)
			return
		}
		for _, e := range extents {
			if !yield(m.read(e)) {
				return
			}
		}
	}
}

// extents finds the messages, while nobody writes.
func (m *mbox) extents() (list []extent, err error) {
	err = m.locked(context.Background(), func(*os.File) (err error) {
		f, err := os.Open(m.path)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		list, err = findExtents(bufio.NewReader(f))
		return err
	})
	return list, err
}

func findExtents(r *bufio.Reader) (list []extent, err error) {
	var offset int64
	start, empty := true, true // of a line, and the line before it
	for {
		piece, err := r.ReadSlice('\n')
		length := int64(len(piece))
		from := start && bytes.HasPrefix(piece, []byte(fromLine))
		isEmpty := start && len(bytes.TrimRight(piece, "\r\n")) == 0
		if from && err == nil {
			line := bytes.Clone(piece) // which Peek may move
			next, _ := r.Peek(256)     // less at the end of the file
			var unsure error
			if from, unsure = isSeparator(offset, line, empty, next); unsure != nil {
				return nil, unsure
			}
		}
		empty = isEmpty
		switch {
		case length > 0 && offset == 0 && !from:
			return nil, errNoMbox
		case from:
			list = append(list, extent{begin: offset})
		}
		offset += length
		if len(list) > 0 {
			list[len(list)-1].end = offset
		}
		start = err == nil
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}

// read reads one message.
func (m *mbox) read(e extent) (s *StoredMessage, err error) {
	id := strconv.FormatInt(e.begin, 10)
	f, err := os.Open(m.path)
	if err != nil {
		return nil, fault(id, err)
	}
	defer func() {
		if failed := f.Close(); err == nil && failed != nil {
			s, err = nil, fault(id, failed)
		}
	}()
	lines, err := io.ReadAll(io.NewSectionReader(f, e.begin, e.end-e.begin))
	if err != nil {
		return nil, fault(id, err)
	}
	_, lines, _ = bytes.Cut(lines, []byte("\n"))
	return unquote(id, bytes.TrimSuffix(lines, []byte("\n")))
}

func (m *mbox) load(id string) (*StoredMessage, error) {
	extents, err := m.extents()
	if err != nil {
		return nil, err
	}
	for _, e := range extents {
		if strconv.FormatInt(e.begin, 10) == id {
			return m.read(e)
		}
	}
	return nil, os.ErrNotExist
}

// unquote returns the message of mboxrd lines, with CRLF line ends.
func unquote(id string, lines []byte) (*StoredMessage, error) {
	s := &StoredMessage{id: id}
	var octets []byte
	for line := range bytes.Lines(lines) {
		if bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte(fromLine)) && line[0] == '>' {
			line = line[1:]
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		octets = append(append(octets, bytes.TrimSuffix(line, []byte("\r"))...), '\r', '\n')
	}
	s.octets, s.size = octets, int64(len(octets))
	if err := s.readEnvelope(); err != nil {
		return nil, fault(id, err)
	}
	return s, nil
}

var errNoMbox = errors.New("file: not an mbox file, which begins with \"From \"; message.Parse reads a single .eml file")

var errAppendOnly = errors.New("file: nothing can be removed from an mbox file")

func (m *mbox) remove(string) error { return errAppendOnly }
