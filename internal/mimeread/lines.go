package mimeread

import (
	"bufio"
	"errors"
	"io"
)

// maxBoundary bounds the boundaries that are looked for; RFC 2046 section 5.1.1 allows 70 octets.
const maxBoundary = 200

// bodyLine is a line of a body.
type bodyLine struct {
	start, end int64  // with its line end
	content    int64  // where its line end begins
	head       []byte // its beginning without the line end; valid until the next line is read
	whole      bool   // head is all of it
}

// lineReader reads the lines of a body, however long they are, in constant memory.
type lineReader struct {
	src     io.ReaderAt
	size    int64
	r       *bufio.Reader
	offset  int64
	newline byte
	head    []byte
}

// newLineReader reads src from an offset on. Lines end with LF or CRLF, or with CR where the header section had
// nothing else.
func newLineReader(src io.ReaderAt, start, end int64, onlyCR bool) *lineReader {
	const buffer = 64 << 10
	l := &lineReader{src: src, size: end, r: bufio.NewReaderSize(nil, buffer), newline: '\n'}
	l.goTo(start)
	if onlyCR {
		l.newline = '\r'
	}
	return l
}

// goTo makes the line that begins at an offset the next one.
func (l *lineReader) goTo(offset int64) {
	l.r.Reset(io.NewSectionReader(l.src, offset, l.size-offset))
	l.offset = offset
}

// next returns the next line; io.EOF after the last.
func (l *lineReader) next() (bodyLine, error) {
	line := bodyLine{start: l.offset, whole: true}
	const keep = 4 << 10
	l.head = l.head[:0]
	var last, before byte // the last two octets of the line
	for {
		piece, err := l.r.ReadSlice(l.newline)
		l.offset += int64(len(piece))
		switch n := len(piece); {
		case n >= 2:
			before, last = piece[n-2], piece[n-1]
		case n == 1:
			before, last = last, piece[0]
		}
		if room := keep - len(l.head); room >= len(piece) {
			l.head = append(l.head, piece...)
		} else {
			l.head = append(l.head, piece[:room]...)
			line.whole = false
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return line, err
		case l.offset == line.start:
			return line, io.EOF
		}
		line.end, line.content = l.offset, l.offset
		if last == l.newline {
			line.content--
			if l.newline == '\n' && before == '\r' {
				line.content--
			}
		}
		line.head = l.head[:min(int64(len(l.head)), line.content-line.start)]
		return line, nil
	}
}
