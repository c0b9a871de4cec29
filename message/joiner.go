package message

import (
	"fmt"
	"io"
	"sync"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// joiner writes segments. It puts short pieces together, so that a message of some of them is one write below.
type joiner struct {
	w    io.Writer
	n    int64 // octets written
	held int   // in room
	room [4096]byte
}

// joiners are kept, because bulk mail would make new ones all the time.
var joiners = sync.Pool{New: func() any { return new(joiner) }}

func (j *joiner) writeAll(s segments) error {
	for i := range s {
		if err := j.segment(&s[i]); err != nil {
			return err
		}
	}
	return j.flush()
}

func (j *joiner) segment(s *segment) error {
	if err := j.put(s.ready); err != nil {
		return err
	}
	write := j.text
	if s.grows == 0 { // its line ends are CRLF already
		write = j.asIs
	}
	if err := write(s.text); err != nil || s.stream == nil {
		return err
	}
	if err := j.flush(); err != nil {
		return err
	}
	if err := s.stream.writeTo(below{j}); err != nil {
		return fmt.Errorf("part %q: %w", s.stream.name, err)
	}
	return nil
}

// put writes octets: a copy of them, a little later, unless they are many.
func (j *joiner) put(octets []byte) error {
	if len(octets) > len(j.room)-j.held {
		if err := j.flush(); err != nil {
			return err
		}
	}
	if len(octets) > len(j.room) {
		return j.write(octets)
	}
	j.held += copy(j.room[j.held:], octets)
	return nil
}

// asIs writes a text whose line ends are canonical.
func (j *joiner) asIs(text string) error {
	for text != "" {
		n := copy(j.room[j.held:], text)
		text = text[n:]
		if j.held += n; j.held == len(j.room) {
			if err := j.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// text writes a text with canonical line ends.
func (j *joiner) text(text string) error {
	const end = "\r\n"
	for text != "" {
		var line string
		line, text = mimewire.CutLine(text)
		if len(line)+len(end) < len(j.room)-j.held {
			j.held += copy(j.room[j.held:], line)
			j.held += copy(j.room[j.held:], end)
			continue
		}
		if err := j.asIs(line); err != nil {
			return err
		}
		if err := j.asIs(end); err != nil {
			return err
		}
	}
	return nil
}

func (j *joiner) flush() error {
	if j.held == 0 {
		return nil
	}
	held := j.room[:j.held]
	j.held = 0
	return j.write(held)
}

func (j *joiner) write(octets []byte) error {
	n, err := j.w.Write(octets)
	j.n += int64(n)
	return err
}

// below is the writer below a joiner, whose octets count too.
type below struct{ *joiner }

func (b below) Write(p []byte) (int, error) {
	n, err := b.w.Write(p)
	b.n += int64(n)
	return n, err
}
