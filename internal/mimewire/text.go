package mimewire

import (
	"io"
	"strings"

	"github.com/depeche-mail/depeche/internal/words"
)

// TextFacts are line facts of a text whose lines end in LF or CRLF, and what it costs to encode it.
type TextFacts struct {
	LineFacts
	canonical int  // octets with CRLF line ends
	escapes   int  // octets that quoted-printable writes in hexadecimal
	Returns   bool // a CR stands inside a line
}

// ScanText looks at a text whose lines end in LF or CRLF. A last line that does not end gets a line end.
func ScanText(text string) TextFacts {
	var f TextFacts
	start := 0 // of the line
	for i := 0; i < len(text); i++ {
		if qpLiteral[text[i]] {
			i += words.Run(text[i:], '=')
		}
		switch rest := text[i:]; {
		case rest == "":
		case rest[0] == '\n':
			f.line(strings.TrimSuffix(text[start:i], "\r"))
			start = i + 1
		case !strings.HasPrefix(rest, "\r\n"):
			f.octet(rest[0])
		}
	}
	if start < len(text) {
		f.line(text[start:])
	}
	f.Size = int64(f.canonical)
	return f
}

// SimpleEnds returns a text, whose lines end in LF, CRLF or CR, with LF alone.
func SimpleEnds(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
}

// CutLine returns the first line of a text without its LF or CRLF, and what is after it.
func CutLine(text string) (line, rest string) {
	end := strings.IndexByte(text, '\n')
	if end < 0 {
		return text, ""
	}
	line, rest = text[:end], text[end+1:]
	if end > 0 && line[end-1] == '\r' {
		line = line[:end-1]
	}
	return line, rest
}

// octet notes an octet that may be more than plain text.
func (f *TextFacts) octet(c byte) {
	if !qpLiteral[c] {
		f.escapes++
		f.EightBit = f.EightBit || c >= 0x80
		f.Control = f.Control || c < ' ' || c == 0x7f
		f.NUL = f.NUL || c == 0
		f.Returns = f.Returns || c == '\r'
	}
}

// line notes the length of a line, and how it begins and ends.
func (f *TextFacts) line(line string) {
	f.canonical += len(line) + 2
	f.Longest = max(f.Longest, len(line))
	if line == "" {
		return
	}
	switch line[0] {
	case 'F':
		f.MangledByRelays = f.MangledByRelays || strings.HasPrefix(line, "From ")
	case '-':
		f.MayHoldBoundary = f.MayHoldBoundary || strings.HasPrefix(line, "--=_")
	}
	f.MangledByRelays = f.MangledByRelays || isBlank(line[len(line)-1])
}

// Encoding is what a text travels in when the caller did not choose.
func (f *TextFacts) Encoding(eightBit bool) Encoding {
	// A line more is a fair price for text that people and filters can read.
	quoted := f.canonical + 2*f.escapes - lineChars
	switch {
	case !f.MangledByRelays && !f.Control && f.fits(SevenBit):
		return SevenBit
	case eightBit && !f.Control && f.fits(EightBit):
		return EightBit
	case quoted+quoted/qpMost*3 <= int(Base64Size(int64(f.canonical))):
		return QuotedPrintable
	}
	return Base64
}

// EncodedSize returns how many octets the text takes in an encoding, or a few more.
func (f *TextFacts) EncodedSize(e Encoding) int {
	switch e {
	case QuotedPrintable:
		octets := f.canonical + 2*f.escapes
		return octets + octets/(qpMost-2)*3 + 3
	case Base64:
		return int(Base64Size(int64(f.canonical)))
	}
	return f.canonical
}

// CanonicalReader reads a text whose lines end in LF or CRLF with CRLF everywhere, also after the last one.
type CanonicalReader struct {
	text string // what is left
	ends bool   // a line end is to be written first
	half bool   // its CR was written
}

// NewCanonicalReader returns a reader of text.
func NewCanonicalReader(text string) *CanonicalReader { return &CanonicalReader{text: text} }

// Read reads the next octets.
func (r *CanonicalReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		switch {
		case r.half:
			p[n] = '\n'
			n++
			r.ends, r.half = false, false
		case r.ends:
			p[n] = '\r'
			n++
			r.half = true
		case r.text == "":
			if n == 0 {
				return 0, io.EOF
			}
			return n, nil
		default:
			room := len(p) - n
			window := r.text[:min(len(r.text), room+2)] // so that no line is searched again and again
			end := strings.IndexByte(window, '\n')
			if end < 0 && len(window) < len(r.text) {
				n += copy(p[n:], window)
				r.text = r.text[room:]
				continue
			}
			line := r.text
			if end >= 0 {
				line = strings.TrimSuffix(r.text[:end], "\r")
			}
			took := copy(p[n:], line)
			n += took
			if took < len(line) {
				r.text = r.text[took:]
				continue
			}
			r.ends = true
			if end < 0 {
				r.text = ""
			} else {
				r.text = r.text[end+1:]
			}
		}
	}
	return n, nil
}

// AppendCanonical appends a text whose lines end in LF or CRLF with CRLF everywhere (RFC 2046 section
// 4.1.1), also after the last one.
func AppendCanonical(dst []byte, text string) []byte {
	for text != "" {
		var line string
		line, text = CutLine(text)
		dst = append(append(dst, line...), '\r', '\n')
	}
	return dst
}
