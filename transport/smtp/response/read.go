package response

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// Limits of what a server may send; beyond them is a ProtocolError.
const (
	MaxLine  = 4 << 10  // octets of one line with its line end
	MaxReply = 64 << 10 // octets of all lines of one reply
)

// NewReader returns a reader that is large enough for Read.
func NewReader(r io.Reader) *bufio.Reader { return bufio.NewReaderSize(r, MaxLine) }

// Read reads one reply from r, which must come from NewReader. The error is a *ProtocolError for
// what is not a reply, io.ErrUnexpectedEOF for a reply that is cut off, io.EOF for none, or what r
// returned.
func Read(r *bufio.Reader) (Response, error) {
	var reply Response
	for total := 0; ; {
		line, err := r.ReadSlice('\n')
		total += len(line)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return Response{}, protocolError("line longer than 4096 octets", line)
		case errors.Is(err, io.EOF) && total > 0:
			return Response{}, io.ErrUnexpectedEOF
		case err != nil:
			return Response{}, err
		case total > MaxReply:
			return Response{}, protocolError("reply longer than 65536 octets", line)
		}
		last, err := reply.add(line)
		if err != nil || last {
			return reply, err
		}
	}
}

// add appends a line to the reply and reports whether it was the last one.
func (r *Response) add(raw []byte) (last bool, err error) {
	line := bytes.TrimRight(raw, "\r\n") // a bare LF is tolerated (RFC 5321 asks servers for CRLF)
	code, err := readCode(line)
	if err != nil {
		return false, err
	}
	text := line[3:]
	switch {
	case r.Code != 0 && code != r.Code:
		return false, protocolError("different codes in one reply", line)
	case len(text) == 0: // RFC 5321 section 4.2: the text may be missing
		last = true
	case text[0] == ' ':
		last, text = true, text[1:]
	case text[0] == '-':
		text = text[1:]
	default:
		return false, protocolError("neither space nor hyphen behind the code", line)
	}
	enhanced, rest := cutEnhanced(code, printable(text))
	if r.Code == 0 {
		r.Code, r.Enhanced = code, enhanced
	} else if enhanced != r.Enhanced {
		rest = printable(text)
	}
	r.Lines = append(r.Lines, rest)
	return last, nil
}

// readCode reads three digits of which the first is 2 to 5 (RFC 5321 section 4.2).
func readCode(line []byte) (Code, error) {
	if len(line) < 3 {
		return 0, protocolError("no reply code", line)
	}
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return 0, protocolError("no reply code", line)
		}
	}
	if line[0] < '2' || line[0] > '5' {
		return 0, protocolError("reply code out of range", line)
	}
	return Code(line[0]-'0')*100 + Code(line[1]-'0')*10 + Code(line[2]-'0'), nil
}

func protocolError(reason string, line []byte) error {
	const most = 80
	return &ProtocolError{Reason: reason, Line: printable(line[:min(len(line), most)])}
}

// printable returns p with everything replaced that could harm a log or a terminal.
func printable(p []byte) string {
	clean := func(r rune) bool { return r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 || r == utf8.RuneError }
	s := string(p)
	if strings.IndexFunc(s, clean) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if clean(r) {
			return '?'
		}
		return r
	}, s)
}
