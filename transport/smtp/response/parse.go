package response

import (
	"bytes"

	"github.com/depeche-mail/depeche/internal/printable"
)

// Limits of what a server may send; beyond them is a ProtocolError.
const (
	MaxLine  = 4 << 10  // octets of one line with its line end
	MaxReply = 64 << 10 // octets of all lines of one reply
)

// Parser takes the octets that a server sends, in pieces of any size, and gives complete replies. It
// holds at most one reply of MaxReply octets, and its work grows with the octets and not with the
// pieces. The zero value is ready; after an error it must not be used again. A Parser belongs to one
// goroutine.
type Parser struct {
	reply Response // what was read of the current reply
	total int      // octets of the current reply
	line  []byte   // the start of a line whose end did not come yet
	seen  cache
	later bool // a reply was given: the first, a greeting, does not come again and is not remembered
}

// Parse reads p up to the end of a reply. It returns the reply and how many octets of p belonged to
// it; a zero reply means that all of p was taken and more is needed. The error is a *ProtocolError,
// given as soon as what came cannot become a reply, with or without its line end. The
// reply shares no memory with data.
func (p *Parser) Parse(data []byte) (reply Response, used int, err error) {
	for used < len(data) {
		line := data[used:]
		if known, size := p.known(line); size > 0 {
			return known, used + size, nil
		}
		end := bytes.IndexByte(line, '\n')
		if end >= 0 {
			line = line[:end+1]
		}
		used += len(line)
		complete, last, err := p.take(line)
		if err != nil {
			return Response{}, used, err
		}
		if !last {
			continue
		}
		reply = p.reply
		p.reply, p.total = Response{}, 0
		if p.later {
			p.seen.add(complete, reply)
		}
		p.later = true
		return reply, used, nil
	}
	return Response{}, used, nil
}

// IsPartial reports whether a part of a reply was taken and its end is still to come.
func (p *Parser) IsPartial() bool { return p.total > 0 }

// known finds a reply of one line that came before at the start of data.
func (p *Parser) known(data []byte) (reply Response, size int) {
	if p.IsPartial() {
		return Response{}, 0
	}
	return p.seen.find(data)
}

// take adds a line, or as much of it as there is, to the reply. It returns the complete line and
// whether it was the last one of the reply.
func (p *Parser) take(piece []byte) (line []byte, last bool, err error) {
	p.total += len(piece)
	line = piece
	if len(p.line) > 0 {
		p.line = append(p.line, piece[:min(len(piece), MaxLine+1)]...)
		line = p.line
	}
	switch {
	case len(line) > MaxLine:
		return nil, false, protocolError("line longer than 4096 octets", line)
	case p.total > MaxReply:
		return nil, false, protocolError("reply longer than 65536 octets", line)
	case line[len(line)-1] == '\n':
		p.line = p.line[:0]
		last, err = p.reply.add(line)
		return line, last, err
	case len(p.line) == 0:
		p.line = append(p.line, piece...)
	}
	// Refusing a foreign protocol must not wait for a line end that it may never send.
	return nil, false, checkStart(line)
}

// add appends a line to the reply and reports whether it was the last one.
func (r *Response) add(raw []byte) (last bool, err error) {
	if err := checkStart(raw); err != nil {
		return false, err
	}
	line := bytes.TrimRight(raw, "\r\n") // a bare LF is tolerated (RFC 5321 section 4.2 asks servers for CRLF)
	switch {
	case len(line) < 3:
		return false, protocolError("no reply code", raw)
	case len(line) > 3 && line[3] == '\r': // which checkStart took for the line end
		return false, protocolError("neither space nor hyphen after the code", raw)
	}
	code := Code(line[0]-'0')*100 + Code(line[1]-'0')*10 + Code(line[2]-'0')
	if r.Code != 0 && code != r.Code {
		return false, protocolError("different codes in one reply", line)
	}
	last = len(line) == 3 || line[3] == ' ' // RFC 5321 section 4.2: the text may be missing
	text := line[min(len(line), 4):]
	enhanced, rest := cutEnhanced(code, text)
	switch {
	case r.Code == 0:
		r.Code, r.Enhanced = code, enhanced
	case enhanced != r.Enhanced:
		rest = text
	}
	r.Lines = append(r.Lines, printable.Text(string(rest)))
	return last, nil
}

// checkStart judges as much of the first four octets of a line as there is: three digits of which
// the first is 2 to 5, then a space, a hyphen or the line end (RFC 5321 section 4.2).
func checkStart(line []byte) error {
	for i, c := range line[:min(len(line), 4)] {
		switch {
		case i == 3 && c != ' ' && c != '-' && c != '\r' && c != '\n':
			return protocolError("neither space nor hyphen after the code", line)
		case i < 3 && (c < '0' || c > '9'):
			return protocolError("no reply code", line)
		case i == 0 && (c < '2' || c > '5'):
			return protocolError("reply code out of range", line)
		}
	}
	return nil
}
