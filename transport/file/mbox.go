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
	"sync"
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
	box := &mbox{path: path}
	if err := box.locked(func(*os.File) error { return nil }); err != nil {
		return nil, &envelope.FieldError{Field: "Path", Value: path, Err: err}
	}
	return &Transport{name: "mbox:" + path, layout: box}, nil
}

type mbox struct {
	path string
	mu   sync.Mutex
}

// locked calls do with the mbox file, whole, while nobody else writes to it.
func (m *mbox) locked(do func(lock *os.File) error) (err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	lock, err := os.OpenFile(m.path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }() // which gives the lock back
	if err := lockFile(lock); err != nil {
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
	err := m.locked(func(lock *os.File) (err error) {
		f, err := os.OpenFile(m.path, os.O_WRONLY|os.O_CREATE, 0o600)
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
		if err = errors.Join(lock.Sync(), m.append(ctx, f, env, mail)); err == nil {
			err = f.Sync()
		}
		if err != nil {
			err = errors.Join(err, f.Truncate(length))
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		id = strconv.FormatInt(length, 10)
		return lock.Truncate(0) // from here on the message is there
	})
	return id, err
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
		rest := bytes.TrimLeft(q.line, ">")
		if strings.HasPrefix(fromLine, string(rest)) && len(rest) < len(fromLine) {
			return // it may become one
		}
		if string(rest) == fromLine {
			_ = q.w.WriteByte('>')
		}
		q.start = false
		_, _ = q.w.Write(q.line)
		q.line = q.line[:0]
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

// all reads the file once. The messages are in memory one at a time; nobody can write meanwhile.
func (m *mbox) all() iter.Seq2[*Stored, error] {
	return func(yield func(*Stored, error) bool) {
		ended := false
		err := m.scan(func(id string, lines []byte) bool {
			s, err := unquote(id, lines)
			ended = !yield(s, err)
			return !ended
		})
		if err != nil && !ended {
			yield(nil, err)
		}
	}
}

// scan calls visit with the id and the lines of each message, without its From line.
func (m *mbox) scan(visit func(id string, lines []byte) bool) error {
	return m.locked(func(*os.File) (err error) {
		f, err := os.Open(m.path)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		var offset, begin int64
		var lines []byte
		found := false
		r := bufio.NewReader(f)
		for {
			line, err := r.ReadBytes('\n')
			if offset == 0 && len(line) > 0 && !bytes.HasPrefix(line, []byte(fromLine)) {
				return errNoMbox
			}
			if (len(line) == 0 || bytes.HasPrefix(line, []byte(fromLine))) && found {
				if !visit(strconv.FormatInt(begin, 10), bytes.TrimSuffix(lines, []byte("\n"))) {
					return nil
				}
				lines = nil
			}
			if bytes.HasPrefix(line, []byte(fromLine)) {
				found, begin = true, offset
			} else if found {
				lines = append(lines, line...)
			}
			offset += int64(len(line))
			if errors.Is(err, io.EOF) {
				if found && len(line) > 0 {
					visit(strconv.FormatInt(begin, 10), bytes.TrimSuffix(lines, []byte("\n")))
				}
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
}

func (m *mbox) load(id string) (*Stored, error) {
	var s *Stored
	var bad error
	err := m.scan(func(at string, lines []byte) bool {
		if at == id {
			s, bad = unquote(id, lines)
		}
		return at != id
	})
	if err == nil && s == nil && bad == nil {
		err = os.ErrNotExist
	}
	return s, errors.Join(err, bad)
}

// unquote returns the message of mboxrd lines, with CRLF line ends.
func unquote(id string, lines []byte) (*Stored, error) {
	s := &Stored{id: id}
	var octets []byte
	for line := range bytes.Lines(lines) {
		if bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte(fromLine)) && line[0] == '>' {
			line = line[1:]
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		octets = append(append(octets, bytes.TrimSuffix(line, []byte("\r"))...), '\r', '\n')
	}
	env, length := parseTrace(octets)
	var err error
	s.envelope, s.octets, s.size = env, octets[length:], int64(len(octets)-length)
	if length > 0 {
		return s, nil
	}
	if s.envelope, err = headerEnvelope(s); err != nil {
		return nil, fault(id, err)
	}
	return s, nil
}

var errNoMbox = errors.New("file: not an mbox file, which begins with \"From \"; message.Parse reads a single .eml file")

var errAppendOnly = errors.New("file: nothing can be removed from an mbox file")

func (m *mbox) remove(string) error { return errAppendOnly }
