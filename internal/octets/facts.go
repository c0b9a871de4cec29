// Package octets looks at a message as a row of octets: how many there are, and which of them a
// plain 7-bit transport could not carry.
package octets

import (
	"bytes"
	"encoding/binary"
	"io"
)

// Facts are what must be known of a message before it is offered to a server.
type Facts struct {
	Size           int64 // octets; negative when unknown
	EightBit       bool  // an octet above 127 anywhere
	EightBitHeader bool  // an octet above 127 in the header section
	NUL            bool
	BareNewline    int64 // offset of the first CR without LF or LF without CR; negative when there is none
}

// Optional knowledge of a message about itself; what it does not know is found by reading it.
type (
	scanned   interface{ Facts() Facts }
	sizer     interface{ Size() int64 }
	eightBit  interface{ Needs8BitMIME() bool }
	utf8Aware interface{ NeedsSMTPUTF8() bool }
)

// Of returns the facts of a message: its own word where it knows Facts, or Size, Needs8BitMIME and
// NeedsSMTPUTF8; otherwise what one pass over its octets shows.
func Of(message io.WriterTo) (Facts, error) {
	if m, ok := message.(scanned); ok {
		return m.Facts(), nil
	}
	size, knowsSize := message.(sizer)
	body, knowsBody := message.(eightBit)
	header, knowsHeader := message.(utf8Aware)
	if knowsSize && knowsBody && knowsHeader {
		return Facts{
			Size:           size.Size(),
			EightBit:       body.Needs8BitMIME(),
			EightBitHeader: header.NeedsSMTPUTF8(),
			BareNewline:    -1,
		}, nil
	}
	var s Scanner
	if _, err := message.WriteTo(&s); err != nil {
		return Facts{}, err
	}
	return s.Facts(), nil
}

// Scanner is a writer that collects the facts of what is written to it. Its zero value is ready.
type Scanner struct {
	facts    Facts
	bare     int64 // 1 + offset of the first bare newline; 0 while there is none
	last     byte
	inBody   bool
	lineText bool // the current line holds something
}

// Facts returns what was found so far, taking the last octet for the end of the message.
func (s *Scanner) Facts() Facts {
	f := s.facts
	f.BareNewline = s.bare - 1
	if s.bare == 0 && s.last == '\r' {
		f.BareNewline = f.Size - 1
	}
	return f
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
	if s.bare == 0 && !s.paired(p) { // rare, so where it is may take its time
		for _, c := range p {
			s.octet(c)
		}
		return size, nil
	}
	s.facts.EightBit = s.facts.EightBit || !isASCII(p)
	s.facts.NUL = s.facts.NUL || bytes.IndexByte(p, 0) >= 0
	s.facts.Size += int64(len(p))
	s.last = p[len(p)-1]
	return size, nil
}

// octet looks at one octet.
func (s *Scanner) octet(c byte) {
	switch {
	case c == '\n':
		if s.last != '\r' {
			s.noteBare(s.facts.Size)
		}
		s.inBody = s.inBody || !s.lineText
		s.lineText = false
	case s.last == '\r':
		s.noteBare(s.facts.Size - 1)
	}
	if c >= 0x80 {
		s.facts.EightBit = true
		s.facts.EightBitHeader = s.facts.EightBitHeader || !s.inBody
	}
	s.facts.NUL = s.facts.NUL || c == 0
	s.lineText = s.lineText || c != '\r' && c != '\n'
	s.last = c
	s.facts.Size++
}

// noteBare keeps the offset of the first bare newline.
func (s *Scanner) noteBare(offset int64) {
	if s.bare == 0 {
		s.bare = offset + 1
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
