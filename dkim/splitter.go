package dkim

import (
	"bytes"
	"fmt"

	"github.com/depeche-mail/depeche/internal/bodyscan"
)

// maxHeader is how long a header section may be, because it is held in memory.
const maxHeader = 4 << 20

// splitter is a writer that takes a message apart. It holds the header section and hands the body on.
type splitter struct {
	scan   bodyscan.Scanner
	header []byte // with the line end of the last field
	begin  func() error
	body   func([]byte)
	inBody bool
}

// Write takes the next octets of a message.
func (s *splitter) Write(p []byte) (int, error) {
	_, _ = s.scan.Write(p) // a Scanner never fails
	size := len(p)
	for !s.inBody && len(p) > 0 {
		piece := p[:min(len(p), 4<<10)]
		from := max(0, len(s.header)-3)
		s.header = append(s.header, piece...)
		end, width := s.end(from)
		if end < 0 {
			if p = p[len(piece):]; len(s.header) > maxHeader {
				return size - len(p), fmt.Errorf("the header section is longer than %d octets", maxHeader)
			}
			continue
		}
		p = p[len(piece)-(len(s.header)-end-width):]
		s.header = s.header[:end]
		s.inBody = true
		if err := s.begin(); err != nil {
			return size - len(p), err
		}
	}
	if len(p) > 0 {
		s.body(p)
	}
	return size, nil
}

// end looks for the empty line after the fields, from an offset on. It returns where the fields end, and
// how long the empty line is.
func (s *splitter) end(from int) (offset, width int) {
	if bytes.HasPrefix(s.header, crlf) {
		return 0, len(crlf)
	}
	if i := bytes.Index(s.header[from:], []byte("\r\n\r\n")); i >= 0 {
		return from + i + len(crlf), len(crlf)
	}
	return -1, 0
}

// close ends a message, which may consist of a header section alone.
func (s *splitter) close() error {
	if s.inBody {
		return nil
	}
	s.inBody = true
	return s.begin()
}
