// Package octets looks at a message as a row of octets: how many there are, and which of them a
// plain 7-bit transport could not carry.
package octets

import "io"

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
	for i, c := range p {
		switch {
		case c == '\n':
			if s.last != '\r' {
				s.noteBare(int64(i))
			}
			s.inBody = s.inBody || !s.lineText
			s.lineText = false
		case s.last == '\r':
			s.noteBare(int64(i) - 1)
		}
		if c >= 0x80 {
			s.facts.EightBit = true
			s.facts.EightBitHeader = s.facts.EightBitHeader || !s.inBody
		}
		s.facts.NUL = s.facts.NUL || c == 0
		s.lineText = s.lineText || c != '\r' && c != '\n'
		s.last = c
	}
	s.facts.Size += int64(len(p))
	return len(p), nil
}

// noteBare keeps the first bare newline; offset counts from the start of the current Write.
func (s *Scanner) noteBare(offset int64) {
	if s.bare == 0 {
		s.bare = s.facts.Size + offset + 1
	}
}
