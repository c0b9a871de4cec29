package message

import "strings"

// textFacts are line facts of a text whose lines may end in any way, and what it costs to encode it.
type textFacts struct {
	lineFacts
	canonical int // octets with CRLF line ends
	escapes   int // octets that quoted-printable writes in hexadecimal
}

// scanText looks at a text. A last line that does not end gets a line end.
func scanText(text string) textFacts {
	var f textFacts
	for start := 0; start < len(text); {
		end := start
		for end < len(text) && qpLiteral[text[end]] {
			end++
		}
		for end < len(text) && text[end] != '\n' && text[end] != '\r' {
			if c := text[end]; !qpLiteral[c] {
				f.escapes++
				f.eightBit = f.eightBit || c >= 0x80
				f.control = f.control || c < ' ' || c == 0x7f
			}
			end++
		}
		f.line(text[start:end])
		if end+1 < len(text) && text[end] == '\r' && text[end+1] == '\n' {
			end++
		}
		start = end + 1
	}
	f.size = int64(f.canonical)
	return f
}

// line notes the length of a line, and how it begins and ends.
func (f *textFacts) line(line string) {
	f.canonical += len(line) + 2
	f.longest = max(f.longest, len(line))
	if line == "" {
		return
	}
	switch line[0] {
	case 'F':
		f.fragile = f.fragile || strings.HasPrefix(line, "From ")
	case '-':
		f.suspect = f.suspect || strings.HasPrefix(line, "--=_")
	}
	f.fragile = f.fragile || isBlank(line[len(line)-1])
}

// encoding is what a text travels in when nobody said so.
func (f *textFacts) encoding(eightBit bool) Encoding {
	// A line more is a fair price for text that people and filters can read.
	quoted := f.canonical + 2*f.escapes - lineChars
	switch {
	case !f.fragile && f.fits(SevenBit) == nil:
		return SevenBit
	case eightBit && f.fits(EightBit) == nil:
		return EightBit
	case quoted+quoted/qpMost*3 <= int(base64Size(int64(f.canonical))):
		return QuotedPrintable
	}
	return Base64
}

// appendCanonical appends text with CRLF line ends (RFC 2046 section 4.1.1), the last one too.
func appendCanonical(dst []byte, text string) []byte {
	for text != "" {
		end := strings.IndexAny(text, "\r\n")
		if end < 0 {
			return append(append(dst, text...), '\r', '\n')
		}
		dst = append(append(dst, text[:end]...), '\r', '\n')
		if text[end] == '\r' && end+1 < len(text) && text[end+1] == '\n' {
			end++
		}
		text = text[end+1:]
	}
	return dst
}
