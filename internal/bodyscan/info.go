// Package bodyscan looks at a message as a row of octets: how many there are, and which of them a
// plain 7-bit transport could not carry.
package bodyscan

import (
	"bytes"
	"encoding/binary"
	"io"
)

// Info is what must be known of a message before it is offered to a server. The zero Info is that of an empty
// message that every server takes.
type Info struct {
	Size           int64 // octets that WriteTo writes
	EightBit       bool  // an octet above 127 is anywhere in it
	EightBitHeader bool  // an octet above 127 is in the header section
	Binary         bool  // it may hold any octets, and lines of any length (RFC 3030); only servers with BINARYMIME take it
	NUL            bool  // a NUL is in it; no server takes that in a message that is not binary
	// BareNewline is the place of the first CR without LF or LF without CR, counted from 1; 0 when there is none.
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
	for !s.inBody && len(p) > 0 {
		s.octet(p[0])
		p = p[1:]
	}
	if len(p) == 0 {
		return size, nil
	}
	if s.info.BareNewline == 0 && !s.paired(p) { // rare, so where it is may take its time
		for _, c := range p {
			s.octet(c)
		}
		return size, nil
	}
	s.info.EightBit = s.info.EightBit || !isASCII(p)
	s.info.NUL = s.info.NUL || bytes.IndexByte(p, 0) >= 0
	s.info.Size += int64(len(p))
	s.last = p[len(p)-1]
	return size, nil
}

// octet looks at one octet.
func (s *Scanner) octet(c byte) {
	switch {
	case c == '\n':
		if s.last != '\r' {
			s.noteBare(s.info.Size)
		}
		s.inBody = s.inBody || !s.lineText
		s.lineText = false
	case s.last == '\r':
		s.noteBare(s.info.Size - 1)
	}
	if c >= 0x80 {
		s.info.EightBit = true
		s.info.EightBitHeader = s.info.EightBitHeader || !s.inBody
	}
	s.info.NUL = s.info.NUL || c == 0
	s.lineText = s.lineText || c != '\r' && c != '\n'
	s.last = c
	s.info.Size++
}

// noteBare keeps the place of the first bare newline.
func (s *Scanner) noteBare(offset int64) {
	if s.info.BareNewline == 0 {
		s.info.BareNewline = offset + 1
	}
}

// paired reports whether each LF of p stands after a CR, and each CR but the last octet before a LF. If
// each LF has its CR, there is a CR without LF when there are more of them.
func (s *Scanner) paired(p []byte) bool {
	pairs := 0
	if s.last == '\r' {
		if p[0] != '\n' {
			return false
		}
		pairs-- // its CR was in the write before
	}
	for rest, last := p, s.last; ; pairs++ {
		i := bytes.IndexByte(rest, '\n')
		if i > 0 {
			last = rest[i-1]
		}
		if i < 0 {
			break
		}
		if last != '\r' {
			return false
		}
		rest, last = rest[i+1:], '\n'
	}
	if p[len(p)-1] == '\r' {
		pairs++
	}
	return bytes.Count(p, []byte{'\r'}) == pairs
}

// isASCII reports whether p is without octets above 127.
func isASCII(p []byte) bool {
	const width, high = 8, 0x8080808080808080
	var seen uint64
	for ; len(p) >= width; p = p[width:] {
		seen |= binary.LittleEndian.Uint64(p)
	}
	for _, c := range p {
		seen |= uint64(c)
	}
	return seen&high == 0
}
