package mimewire

import (
	"errors"
	"fmt"

	"github.com/depeche-mail/depeche/internal/words"
)

// Encoding is a content transfer encoding (RFC 2045 section 6). The zero Encoding lets Build choose
// the one that suits the content.
type Encoding uint8

// The encodings.
const (
	EncodingAuto    Encoding = iota
	SevenBit                 // ASCII lines of at most 998 octets, as they are
	EightBit                 // the same with octets above 127, for servers with 8BITMIME
	QuotedPrintable          // for text that is mostly ASCII
	Base64                   // for everything else
	Binary                   // octets of any kind as they are, for servers with BINARYMIME
)

var encodingNames = [...]string{"", "7bit", "8bit", "quoted-printable", "base64", "binary"}

// String returns the name that Content-Transfer-Encoding has for the encoding; "" for EncodingAuto.
func (e Encoding) String() string {
	if int(e) < len(encodingNames) {
		return encodingNames[e]
	}
	return fmt.Sprintf("encoding %d", uint8(e))
}

// LineFacts are what decides which encodings content can have.
type LineFacts struct {
	Size            int64 // octets as they were looked at
	Longest         int   // octets of the longest line
	EightBit        bool
	Binary          bool // it is written as it is, whatever its octets are
	Header          bool // an octet above 127 before the first empty line
	Control         bool // a control character other than tab and line ends: legal, and not always left alone
	NUL             bool
	Bare            bool // a CR without LF or an LF without CR
	MangledByRelays bool // a line that relays have been seen to change: trailing white space, "From "
	MayHoldBoundary bool // "--=_", which begins our boundaries
	Open            bool // the last line does not end
}

// fits reports whether content of these facts can travel in an encoding.
func (f *LineFacts) fits(e Encoding) bool {
	if e != SevenBit && e != EightBit {
		return true
	}
	return (!f.EightBit || e == EightBit) && !f.NUL && !f.Bare && f.Longest <= LineLimit
}

// Fits returns why content of these facts can't travel in an encoding.
func (f *LineFacts) Fits(e Encoding) error {
	switch {
	case f.fits(e):
		return nil
	case f.EightBit && e == SevenBit:
		return errors.New("7bit can't carry octets above 127")
	case f.NUL:
		return fmt.Errorf("%s can't carry NUL (RFC 2045 section 2.7)", e)
	case f.Bare:
		return fmt.Errorf("%s needs lines that end in CRLF", e)
	}
	return fmt.Errorf("%s can't carry a line of %d octets (RFC 5322 section 2.1.1)", e, f.Longest)
}

// LineScanner is a writer that collects line facts. Its zero value is ready.
type LineScanner struct {
	facts  LineFacts
	line   int  // octets of the current line
	last   byte // the octet before
	dashes int  // how much of "--=_" was seen
	from   int  // how much of "From " the current line began with; -1 when it did not
	body   bool
}

// Write looks at p; it never fails.
func (s *LineScanner) Write(p []byte) (int, error) {
	size := len(p)
	for len(p) > 0 {
		n := s.plain(p)
		if n == 0 {
			s.octet(p[0])
			n = 1
		}
		p = p[n:]
	}
	s.facts.Size += int64(size)
	s.facts.Open = s.facts.Size > 0 && s.line > 0
	return size, nil
}

// plain takes the octets at the beginning of p that change nothing but the length of the line, and returns how many
// they are.
func (s *LineScanner) plain(p []byte) int {
	if s.dashes > 0 || s.from >= 0 || s.last == '\r' {
		return 0
	}
	n := words.Run(p, '-')
	if n > 0 {
		s.line += n
		s.facts.Longest = max(s.facts.Longest, s.line)
		s.last = p[n-1]
	}
	return n
}

func (s *LineScanner) octet(c byte) {
	const mark, from = "--=_", "From "
	f := &s.facts
	if c == mark[s.dashes] {
		if s.dashes++; s.dashes == len(mark) {
			f.MayHoldBoundary, s.dashes = true, 0
		}
	} else if c != '-' || s.dashes != 2 { // of three dashes the last two count
		s.dashes = 0
		if c == '-' {
			s.dashes = 1
		}
	}
	if (s.last == '\r') != (c == '\n') {
		f.Bare = true
	}
	switch {
	case c == '\n':
		s.body = s.body || s.line == 0
		s.line, s.from = 0, 0
		s.last = c
		return
	case c == '\r':
		if s.last == ' ' || s.last == '\t' {
			f.MangledByRelays = true
		}
		s.last = c
		return
	case c >= 0x80:
		f.EightBit = true
		f.Header = f.Header || !s.body
	case c < ' ' && c != '\t' || c == 0x7f:
		f.Control = true
		f.NUL = f.NUL || c == 0
	}
	if s.from >= 0 && s.from == s.line && s.from < len(from) && c == from[s.from] {
		if s.from++; s.from == len(from) {
			f.MangledByRelays = true
		}
	} else {
		s.from = -1
	}
	s.line++
	f.Longest = max(f.Longest, s.line)
	s.last = c
}

// Facts returns the facts, taking the last octet for the end.
func (s *LineScanner) Facts() LineFacts {
	f := s.facts
	f.Bare = f.Bare || s.last == '\r'
	f.MangledByRelays = f.MangledByRelays || s.last == ' ' || s.last == '\t'
	return f
}
