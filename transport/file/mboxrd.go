package file

import (
	"bufio"
	"bytes"
	"strings"
)

// fromLine begins the line that stands before each message of an mbox file (RFC 4155).
const fromLine = "From "

// quoter writes lines in the mboxrd form: LF line ends, and a ">" more before "From " at the beginning of
// a line and before any row of ">" that leads to it.
type quoter struct {
	w     *bufio.Writer
	line  []byte // the beginning of a line that may need a mark
	marks int    // how many marks it begins with
	start bool   // nothing of the line was written yet
	cr    bool   // a CR waits for its LF
}

func (q *quoter) Write(p []byte) (int, error) {
	for _, c := range p {
		if q.cr && c != '\n' {
			q.octet('\r')
		}
		q.cr = c == '\r'
		if !q.cr {
			q.octet(c)
		}
	}
	return len(p), nil // the buffered writer keeps its error for Flush
}

func (q *quoter) octet(c byte) {
	if q.start {
		q.line = append(q.line, c)
		if c == '>' && len(q.line) == q.marks+1 {
			q.marks++
			return
		}
		rest := q.line[q.marks:]
		if strings.HasPrefix(fromLine, string(rest)) && len(rest) < len(fromLine) {
			return // it may become one
		}
		if string(rest) == fromLine {
			_ = q.w.WriteByte('>')
		}
		q.start = false
		_, _ = q.w.Write(q.line)
		q.line, q.marks = q.line[:0], 0
	} else {
		_ = q.w.WriteByte(c)
	}
	if c == '\n' {
		q.start = true
	}
}

// end ends the last line and the message.
func (q *quoter) end() error {
	if q.cr {
		q.octet('\r')
	}
	_, _ = q.w.Write(q.line)
	if !q.start || len(q.line) > 0 {
		_ = q.w.WriteByte('\n')
	}
	return q.w.WriteByte('\n')
}

// unquote returns the message of mboxrd lines, with CRLF line ends.
func unquote(id string, lines []byte) (*StoredMessage, error) {
	s := &StoredMessage{id: id}
	var octets []byte
	for line := range bytes.Lines(lines) {
		if line[0] == '>' && bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte(fromLine)) {
			line = line[1:]
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		octets = append(append(octets, bytes.TrimSuffix(line, []byte("\r"))...), '\r', '\n')
	}
	s.octets, s.size = octets, int64(len(octets))
	if err := s.readEnvelope(); err != nil {
		return nil, fault(id, err)
	}
	return s, nil
}
