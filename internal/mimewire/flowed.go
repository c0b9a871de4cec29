package mimewire

import (
	"strings"
	"unicode/utf8"
)

// flowWidth is the width of a flowed line in characters (RFC 3676 section 4.2 asks for 78 at most).
const flowWidth = 72

// Flow breaks the long lines of a text the way format=flowed wants (RFC 3676 section 4): a space at
// the end of a line says that the paragraph goes on. Lines that begin with ">" are quotes and keep
// their marks.
func Flow(text string) string {
	var b strings.Builder
	b.Grow(len(text) + len(text)/flowWidth*2 + 2)
	for text != "" {
		var line string
		line, text = CutLine(text)
		rest := strings.TrimLeft(line, ">")
		flowLine(&b, line[:len(line)-len(rest)], rest)
	}
	return b.String()
}

// signatureLine separates a text from the signature below it (RFC 3676 section 4.3).
const signatureLine = "-- "

func flowLine(b *strings.Builder, quote, line string) {
	if quote != "" {
		line = strings.TrimPrefix(line, " ")
	}
	if line != signatureLine { // the one fixed line with a space at its end
		line = strings.TrimRight(line, " ")
	}
	for {
		piece, rest := flowCut(line, flowWidth-len(quote))
		b.WriteString(quote)
		if quote != "" || strings.HasPrefix(piece, " ") || strings.HasPrefix(piece, "From ") || strings.HasPrefix(piece, ">") {
			b.WriteByte(' ') // space-stuffing, RFC 3676 section 4.4
		}
		b.WriteString(piece)
		b.WriteByte('\n')
		if rest == "" {
			return
		}
		line = rest
	}
}

// flowCut returns as many words as fit the width, with the space after them, and the rest.
func flowCut(line string, width int) (piece, rest string) {
	if len(line) <= width || len(line) <= utf8.UTFMax*width && utf8.RuneCountInString(line) <= width {
		return line, ""
	}
	space, column := -1, 0
	isSignature := strings.HasPrefix(line, signatureLine) // then its blank is not a place to break: it would separate a signature
	for i, r := range line {
		if r == ' ' && i > 0 && i+1 < len(line) && (!isSignature || i >= len(signatureLine)) {
			if column >= width && space >= 0 {
				break
			}
			space = i
		}
		column++
	}
	if space < 0 {
		return line, ""
	}
	return line[:space+1], line[space+1:]
}
