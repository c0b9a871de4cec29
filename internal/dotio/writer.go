// Package dotio writes text in the form that ends with a lone dot: lines that begin with a dot get
// a second one (RFC 5321 section 4.5.2).
package dotio

import (
	"bytes"
	"fmt"
	"io"
)

// NewlineError says that the text holds a CR without LF or an LF without CR. Some servers take such
// an octet for a line end, and what follows for the end of the text and further commands.
type NewlineError struct{ Offset int64 }

// Error names the offset.
func (e *NewlineError) Error() string {
	return fmt.Sprintf("bare CR or LF at octet %d of the message", e.Offset)
}

// Writer stuffs dots. It writes the end only in Close; a Writer that is dropped leaves the text
// unfinished, which no reader can take for the whole.
type Writer struct {
	w      io.Writer
	n      int64
	last   byte // the octet before the next Write
	inLine bool // the octet before the next Write did not end a line
	err    error
}

// NewWriter returns a Writer on w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes p. After an error every call returns it again.
func (d *Writer) Write(p []byte) (int, error) {
	if d.err == nil {
		d.err = d.write(p)
	}
	if d.err != nil {
		return 0, d.err
	}
	return len(p), nil
}

var dot = []byte{'.'}

func (d *Writer) write(p []byte) error {
	start := 0 // of what was not handed on yet
	for i := 0; i < len(p); {
		if !d.inLine && p[i] == '.' {
			if _, err := d.w.Write(p[start:i]); err != nil {
				return err
			}
			if _, err := d.w.Write(dot); err != nil {
				return err
			}
			start = i
		}
		line := p[i:]
		end := bytes.IndexByte(line, '\n')
		if end >= 0 {
			line = line[:end+1]
		}
		if bad, found := bareNewline(d.last, line); found {
			return &NewlineError{Offset: d.n + int64(i+bad)}
		}
		d.inLine = end < 0
		d.last = line[len(line)-1]
		i += len(line)
	}
	d.n += int64(len(p))
	_, err := d.w.Write(p[start:])
	return err
}

// bareNewline finds a CR or LF that stands alone in line, which is not empty and holds an LF at most
// at its end; last is the octet before it. A CR at the end of line without LF is judged later.
func bareNewline(last byte, line []byte) (index int, found bool) {
	if last == '\r' && line[0] != '\n' {
		return -1, true
	}
	end := len(line) - 1
	cr := bytes.IndexByte(line, '\r')
	if line[end] != '\n' {
		return cr, cr >= 0 && cr < end
	}
	before := last
	if end > 0 {
		before = line[end-1]
	}
	switch {
	case cr >= 0 && cr < end-1:
		return cr, true
	case before != '\r':
		return end, true
	}
	return 0, false
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
