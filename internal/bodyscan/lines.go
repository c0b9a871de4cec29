package bodyscan

import (
	"errors"
	"fmt"
	"io"
)

// ErrNotCanonical means that a message holds a NUL, a CR without LF or an LF without CR. Programs
// disagree about where a line ends at such an octet, so that content could end the message early.
var ErrNotCanonical = errors.New("message not in canonical form")

// Lines passes on what is written to it as long as every line ends in CRLF and no octet is NUL. The
// Write that breaks the rule, and every one after it, fails with ErrNotCanonical and passes nothing on.
type Lines struct {
	w    io.Writer
	scan Scanner
}

// NewLines returns a Lines that passes on to w.
func NewLines(w io.Writer) *Lines { return &Lines{w: w} }

// Write checks p and passes it on.
func (l *Lines) Write(p []byte) (int, error) {
	_, _ = l.scan.Write(p) // a Scanner never fails
	if err := l.fault(); err != nil {
		return 0, err
	}
	return l.w.Write(p)
}

// Close says whether the message may end here: a CR at its end has no LF. It does not close w.
func (l *Lines) Close() error {
	return NotCanonical(l.scan.Info())
}

// fault is NotCanonical while more may follow: a CR at the end may still get its LF.
func (l *Lines) fault() error {
	info := l.scan.Info()
	if l.scan.last == '\r' && info.BareNewline == info.Size {
		info.BareNewline = 0
	}
	return NotCanonical(info)
}

// NotCanonical returns the error of a message that may not be sent as lines, and nil for one that may.
func NotCanonical(info Info) error {
	switch {
	case info.Binary:
		return nil
	case info.NUL:
		return fmt.Errorf("%w: NUL", ErrNotCanonical)
	case info.BareNewline > 0:
		return fmt.Errorf("%w: bare CR or LF at octet %d", ErrNotCanonical, info.BareNewline-1)
	}
	return nil
}

// Canonical returns a message whose WriteTo fails with ErrNotCanonical at the first octet that is not part of
// a line, unless message says that it is binary (BINARYMIME), and with a *LengthError where the
// message is not as long as it says.
func Canonical(message io.WriterTo) io.WriterTo {
	return canonical{message, IsBinary(message)}
}

// IsBinary reports whether a message says that it may hold any octets.
func IsBinary(message io.WriterTo) bool {
	m, ok := message.(Informed)
	if !ok {
		return false
	}
	info, known := m.BodyInfo()
	return known && info.Binary
}

type canonical struct {
	message io.WriterTo
	binary  bool
}

func (c canonical) WriteTo(w io.Writer) (int64, error) {
	count := &counter{w: w}
	if c.binary {
		err := WriteWhole(count, c.message)
		return count.n, err
	}
	lines := NewLines(count)
	err := WriteWhole(lines, c.message)
	if err == nil {
		err = lines.Close()
	}
	return count.n, err
}

// counter counts what it passes on.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
