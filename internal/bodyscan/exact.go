package bodyscan

import (
	"fmt"
	"io"
)

// LengthError says that a message is not as long as it was found, or said, to be before.
type LengthError struct {
	Planned int64
	Written int64 // so far, when there are more
}

// Error tells the difference.
func (e *LengthError) Error() string {
	if e.Written > e.Planned {
		return fmt.Sprintf("message is longer than the %d octets that its BodyInfo or first reading said", e.Planned)
	}
	return fmt.Sprintf("message is %d octets shorter than the %d that its BodyInfo or first reading said", e.Planned-e.Written, e.Planned)
}

// Exact hands on what is written to it, as long as it is what was planned. The octet that would be one too
// many, and all that comes with it, is not handed on.
type Exact struct {
	W       io.Writer
	Planned int64
	written int64
	err     error // too much was written, even if the writer did not look
}

// Write hands p on. Its error is a *LengthError or that of W.
func (e *Exact) Write(p []byte) (int, error) {
	if e.err != nil || int64(len(p)) > e.Planned-e.written {
		e.err = &LengthError{Planned: e.Planned, Written: e.written + int64(len(p))}
		return 0, e.err
	}
	n, err := e.W.Write(p)
	e.written += int64(n)
	return n, err
}

// End returns a *LengthError when less or more than planned was written.
func (e *Exact) End() error {
	if e.err != nil {
		return e.err
	}
	if e.written != e.Planned {
		return &LengthError{Planned: e.Planned, Written: e.written}
	}
	return nil
}

// WriteWhole writes a message to w, and makes sure that it is as long as it says of itself, if it knows its Info.
// What is too much is not written. The error of a message that is too short comes after all of it was written, so
// the caller must not have ended it by then.
func WriteWhole(w io.Writer, message io.WriterTo) error {
	m, ok := message.(Informed)
	if !ok {
		_, err := message.WriteTo(w)
		return err
	}
	info, known := m.BodyInfo()
	if !known {
		_, err := message.WriteTo(w)
		return err
	}
	exact := &Exact{W: w, Planned: info.Size}
	if _, err := message.WriteTo(exact); err != nil {
		return err
	}
	return exact.End()
}
