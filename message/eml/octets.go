package eml

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/internal/bodyscan"
	"github.com/depeche-mail/depeche/internal/mimeread"
)

// stretch is a piece of what is written: octets of the source, or else text.
type stretch struct {
	mimeread.Span
	text string
}

// stretches returns what is written, in order. What was skipped in the header section, and blind recipients, are
// left out; a blank or an empty line that was lost is put back.
func (m *Message) stretches() []stretch {
	var list []stretch
	at, kept := 0, 0 // kept is where the last octets end that are written
	keep := func(end int) {
		if end <= at {
			return
		}
		if newline := m.section.Newline(kept, at); kept < at && newline != "" {
			list = append(list, stretch{text: newline})
		}
		list = append(list, stretch{Span: mimeread.Span{Start: at, End: end}})
		kept = end
	}
	for _, change := range m.changes() {
		keep(change.Start)
		if change.text != "" {
			list = append(list, stretch{text: change.text})
		}
		at = max(at, change.End)
	}
	keep(int(m.size))
	return list
}

func (s stretch) length() int64 { return int64(s.End-s.Start) + int64(len(s.text)) }

// open returns the octets of a stretch, which is text or a piece of src.
func (s stretch) open(src io.ReaderAt) io.Reader {
	if s.text != "" {
		return strings.NewReader(s.text)
	}
	return io.NewSectionReader(src, int64(s.Start), int64(s.End-s.Start))
}

// stretchReader reads stretches as if they were one file.
type stretchReader struct {
	src   io.ReaderAt
	list  []stretch
	begin []int64 // where each stretch begins
	size  int64
}

func newStretchReader(src io.ReaderAt, list []stretch) *stretchReader {
	r := &stretchReader{src: src, list: list}
	for _, s := range list {
		r.begin = append(r.begin, r.size)
		r.size += s.length()
	}
	return r
}

// ReadAt reads from an offset on.
func (r *stretchReader) ReadAt(p []byte, offset int64) (n int, err error) {
	i, found := slices.BinarySearch(r.begin, offset)
	if !found {
		i--
	}
	for ; i >= 0 && i < len(r.list) && n < len(p); i++ {
		s, skip := r.list[i], offset+int64(n)-r.begin[i]
		if s.text != "" {
			n += copy(p[n:], s.text[min(skip, int64(len(s.text))):])
			continue
		}
		room := min(int64(len(p)-n), s.length()-skip)
		if room <= 0 {
			continue
		}
		got, err := r.src.ReadAt(p[n:n+int(room)], int64(s.Start)+skip)
		if n += got; int64(got) < room {
			return n, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// changes returns what is left out and put in, by its place.
func (m *Message) changes() []stretch {
	s := m.section
	var list []stretch
	skipped, blanks := s.Skipped, s.LostBlanks
	upTo := func(end int) {
		for len(skipped) > 0 && skipped[0].Start < end {
			list = append(list, stretch{Span: skipped[0]})
			skipped = skipped[1:]
		}
	}
	if !m.keepBcc && !slices.ContainsFunc(s.Fields, func(f mimeread.Field) bool { return !isBlind(f) }) {
		// Without a field, readers would take the body for the header section.
		list = append(list, stretch{text: "To: undisclosed-recipients:;\r\n"})
	}
	for _, f := range s.Fields {
		upTo(f.Start)
		blind := isBlind(f)
		if blind && !m.keepBcc {
			list = append(list, stretch{Span: mimeread.Span{Start: f.Start, End: f.End}})
		}
		for len(blanks) > 0 && blanks[0] < f.End {
			if !blind || m.keepBcc {
				list = append(list, stretch{Span: mimeread.Span{Start: blanks[0], End: blanks[0]}, text: " "})
			}
			blanks = blanks[1:]
		}
	}
	upTo(s.Body)
	if s.NoSeparator {
		list = append(list, stretch{Span: mimeread.Span{Start: s.Body, End: s.Body}, text: "\r\n"})
	}
	return list
}

// isBlind reports whether a field names blind recipients.
func isBlind(f mimeread.Field) bool {
	return strings.EqualFold(f.Name, "Bcc") || strings.EqualFold(f.Name, "Resent-Bcc")
}

// WriteTo writes the octets that were read, but for what [Message.Faults] tells of and for the fields of blind
// recipients. Every call writes the same octets.
func (m *Message) WriteTo(w io.Writer) (int64, error) {
	out := &counter{w: w}
	var last io.Writer = out
	normal := &normalizer{w: out}
	if m.crlf {
		last = normal
	}
	buffer := make([]byte, 32<<10)
	for _, s := range m.stretches() {
		if _, err := io.CopyBuffer(writerOnly{last}, s.open(m.src), buffer); err != nil {
			return out.n, fmt.Errorf("eml: %w", err)
		}
	}
	if m.crlf {
		if err := normal.end(); err != nil {
			return out.n, fmt.Errorf("eml: %w", err)
		}
	}
	return out.n, nil
}

// Bytes returns what WriteTo writes. The error is one of the source that [Open] was given.
func (m *Message) Bytes() ([]byte, error) {
	var b bytes.Buffer
	_, err := m.WriteTo(&b)
	return b.Bytes(), err
}

// Size returns the number of octets that WriteTo writes; negative when the source can't be read.
func (m *Message) Size() int64 {
	info, err := m.info()
	if err != nil {
		return -1
	}
	return info.Size
}

// BodyInfo says what a server must be able to take; it does not know when the source cannot be read.
func (m *Message) BodyInfo() (bodyscan.Info, bool) {
	info, err := m.info()
	return info, err == nil
}

// writerOnly hides what else a writer can, so that the buffer is used.
type writerOnly struct{ io.Writer }

// counter counts the octets that pass it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// normalizer writes lines that end in LF, CR or CRLF with CRLF.
type normalizer struct {
	w    io.Writer
	out  []byte
	cr   bool // the octet before was CR
	open bool // the line has not ended
}

func (n *normalizer) Write(p []byte) (int, error) {
	n.out = n.out[:0]
	for _, c := range p {
		switch {
		case c == '\n' && n.cr: // written with the CR
		case c == '\n', c == '\r':
			n.out = append(n.out, '\r', '\n')
			n.open = false
		default:
			n.out = append(n.out, c)
			n.open = true
		}
		n.cr = c == '\r'
	}
	if _, err := n.w.Write(n.out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// end ends the last line.
func (n *normalizer) end() error {
	if !n.open {
		return nil
	}
	_, err := io.WriteString(n.w, "\r\n")
	return err
}
