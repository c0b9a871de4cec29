// Package bodyscan looks at a message as a row of octets: how many there are, and which of them a
// plain 7-bit transport could not carry.
package bodyscan

import (
	"bytes"
	"io"

	"github.com/depeche-mail/depeche/internal/words"
)

// Info is what must be known of a message before it is offered to a server. The zero Info is that of an empty
// message that every server takes.
type Info struct {
	Size           int64 // octets that WriteTo writes
	EightBit       bool  // an octet above 127 is anywhere in it
	EightBitHeader bool  // an octet above 127 is in the header section
	Binary         bool  // it may hold any octets, and lines of any length (RFC 3030); only servers with BINARYMIME take it
	NUL            bool  // a NUL is in it; no server takes that in a message that is not binary
	// BareNewline is the place of the first CR without LF or LF without CR, counted from 1; 0 without one.
	// No server takes one in a message that is not binary.
	BareNewline int64
}

// Informed is a message that knows its Info. When the second result is false it does not know.
type Informed interface{ BodyInfo() (Info, bool) }

// Inspect returns the Info of a message: its own word where it knows, otherwise what one pass over its octets shows.
func Inspect(message io.WriterTo) (Info, error) {
	if m, ok := message.(Informed); ok {
		if info, known := m.BodyInfo(); known {
			return info, nil
		}
	}
	var s Scanner
	if _, err := message.WriteTo(&s); err != nil {
		return Info{}, err
	}
	return s.Info(), nil
}

// Scanner is a writer that collects the Info of what is written to it. Its zero value is ready.
type Scanner struct {
	info     Info
	last     byte
	inBody   bool
	lineText bool // the current line holds something
}

// Info returns what was found so far, taking the last octet for the end of the message.
func (s *Scanner) Info() Info {
	info := s.info
	if info.BareNewline == 0 && s.last == '\r' {
		info.BareNewline = info.Size
	}
	return info
}

// Write looks at p; it never fails.
func (s *Scanner) Write(p []byte) (int, error) {
	size := len(p)
	if header := s.header(p); header > 0 {
		s.look(p[:header])
		s.info.EightBitHeader = s.info.EightBit
		p = p[header:]
	}
	s.look(p)
	return size, nil
}

// header returns how many octets of p belong to the header section, its empty line included.
func (s *Scanner) header(p []byte) int {
	n := 0
	for !s.inBody {
		end := bytes.IndexByte(p[n:], '\n')
		line := p[n:]
		if end >= 0 {
			line = line[:end]
		}
		s.lineText = s.lineText || holdsText(line)
		if end < 0 {
			return len(p)
		}
		n += end + 1
		s.inBody, s.lineText = !s.lineText, false
	}
	return n
}

// holdsText reports whether a line holds anything but CRs.
func holdsText(line []byte) bool {
	for _, c := range line {
		if c != '\r' {
			return true
		}
	}
	return false
}

// look looks at p, all of which is in the header section or none.
func (s *Scanner) look(p []byte) {
	if len(p) == 0 {
		return
	}
	marks := words.Look(p, s.last)
	if marks.Bare && s.info.BareNewline == 0 {
		s.info.BareNewline = s.info.Size + int64(words.FirstBare(p, s.last)) + 1
	}
	s.info.EightBit = s.info.EightBit || marks.EightBit
	s.info.NUL = s.info.NUL || marks.NUL
	s.info.Size += int64(len(p))
	s.last = p[len(p)-1]
}
