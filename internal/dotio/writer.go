// Package dotio writes text in the form that ends with a lone dot: lines that begin with a dot get
// a second one (RFC 5321 section 4.5.2).
package dotio

import (
	"bytes"
	"fmt"
	"io"

	"github.com/depeche-mail/depeche/internal/words"
)

// NewlineError says that the text holds a CR without LF or an LF without CR. Some servers take such
// an octet for a line end, and what follows for the end of the text and further commands.
type NewlineError struct{ Offset int64 }

// Error names the offset.
func (e *NewlineError) Error() string {
	return fmt.Sprintf("bare CR or LF at octet %d of the message", e.Offset)
}

// Writer stuffs dots. It writes the end only in Close; a Writer that is dropped leaves the text
// unfinished, which no reader can take for the whole. It does not keep what it is given: after Write
// everything is with the writer below, in one piece where there was no dot to stuff.
type Writer struct {
	w      io.Writer
	n      int64
	last   byte   // the octet before the next Write
	inLine bool   // the octet before the next Write did not end a line
	short  []byte // pieces between stuffed dots that are too short for a write of their own
	err    error
}

// Sizes that keep a text full of dots from becoming a row of tiny writes.
const (
	shortPiece  = 512
	shortBuffer = 4096
)

// NewWriter returns a Writer on w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes p. After an error every call returns it again. Nothing of a p with a bare newline is
// written: some server would see the end of the text in it.
func (d *Writer) Write(p []byte) (int, error) {
	if len(p) == 0 || d.err != nil {
		return 0, d.err
	}
	if words.Look(p, d.last).Bare {
		d.err = &NewlineError{Offset: d.n + int64(words.FirstBare(p, d.last))}
		return 0, d.err
	}
	if d.err = d.write(p, d.firstDot(p)); d.err != nil {
		return 0, d.err
	}
	d.n += int64(len(p))
	d.last = p[len(p)-1]
	d.inLine = d.last != '\n'
	return len(p), nil
}

// write writes p with its dots stuffed, of which the first is at dot: each is the last octet of one
// piece and the first of the next.
func (d *Writer) write(p []byte, dot int) error {
	start := 0 // of what was not handed on yet
	for i := dot; i < len(p); {
		if p[i] == '.' {
			if err := d.put(p[start : i+1]); err != nil {
				return err
			}
			start = i
		}
		end := bytes.IndexByte(p[i:], '\n')
		if end < 0 {
			break
		}
		i += end + 1
	}
	if len(d.short) > 0 {
		if err := d.put(p[start:]); err != nil {
			return err
		}
		return d.flush()
	}
	_, err := d.w.Write(p[start:])
	return err
}

// put hands a piece on, together with others when it is short.
func (d *Writer) put(piece []byte) error {
	if len(d.short)+len(piece) > shortBuffer || len(piece) >= shortPiece {
		if err := d.flush(); err != nil {
			return err
		}
	}
	if len(piece) >= shortPiece {
		_, err := d.w.Write(piece)
		return err
	}
	if d.short == nil {
		d.short = make([]byte, 0, shortBuffer)
	}
	d.short = append(d.short, piece...)
	return nil
}

func (d *Writer) flush() error {
	if len(d.short) == 0 {
		return nil
	}
	_, err := d.w.Write(d.short)
	d.short = d.short[:0]
	return err
}

// firstDot returns the place of the first dot of p that begins a line, or len(p). Most texts have few dots, and what
// is encoded has none.
func (d *Writer) firstDot(p []byte) int {
	if p[0] == '.' && !d.inLine {
		return 0
	}
	for i := 1; i < len(p); i++ {
		next := bytes.IndexByte(p[i:], '.')
		if next < 0 {
			break
		}
		if i += next; p[i-1] == '\n' {
			return i
		}
	}
	return len(p)
}

// Close ends an unfinished line and writes the lone dot. It does not close the writer below. After
// an error of Write it writes nothing.
func (d *Writer) Close() error {
	if d.err != nil {
		return d.err
	}
	if d.last == '\r' {
		d.err = &NewlineError{Offset: d.n - 1}
		return d.err
	}
	end := ".\r\n"
	if d.inLine {
		end = "\r\n.\r\n"
	}
	_, d.err = io.WriteString(d.w, end)
	return d.err
}
