package mimeread

import (
	"strings"

	"github.com/depeche-mail/depeche/internal/charset"
	"github.com/depeche-mail/depeche/internal/mimewire"
)

// Text returns the value of a field of free text as people read it: encoded-words decoded (RFC 2047), octets
// above 127 guessed to be UTF-8, or else of a charset that the caller knows, and controls replaced. A word that
// can't be decoded stays as it is, and so does one of a charset that is not known: UnknownCharset tells its name.
func Text(value, bodyCharset string) string {
	return mimewire.CleanText(decodeWords(value, bodyCharset))
}

// UnknownCharset returns the charset of an encoded-word of a value that Text leaves as it is; "" without one.
func UnknownCharset(value string) string {
	ends := wordEnds{text: value, next: -1}
	for at := 0; ; at += 2 {
		begin := strings.Index(value[at:], "=?")
		if begin < 0 {
			return ""
		}
		at += begin
		if w, ok := ends.word(at); !ok && w.length > 0 {
			return w.charset
		}
	}
}

// encodedWord is an encoded-word taken apart.
type encodedWord struct {
	charset string
	octets  []byte
	length  int // of the word in the text
}

// decodeWords decodes the encoded-words of text, and guesses what octets above 127 outside them are. Words of one
// charset that stand beside each other are decoded together, because some programs cut them in the middle of a
// character.
func decodeWords(text, bodyCharset string) string {
	guess := func(s string) string { return charset.Guess(bodyCharset, []byte(s)) }
	if !strings.Contains(text, "=?") {
		return guess(text)
	}
	var out strings.Builder
	var run encodedWord // words that wait to be decoded
	ends := wordEnds{text: text, next: -1}
	at := 0
	flush := func() {
		if run.charset != "" {
			decoded, _ := charset.Decode(run.charset, run.octets) // the guess is better than octets
			out.WriteString(decoded)
			run = encodedWord{}
		}
	}
	for at < len(text) {
		begin := strings.Index(text[at:], "=?")
		if begin < 0 {
			break
		}
		begin += at
		word, ok := ends.word(begin)
		gap := text[at:begin]
		if !ok {
			flush()
			out.WriteString(guess(text[at : begin+2]))
			at = begin + 2
			continue
		}
		joined := run.charset != "" && strings.Trim(gap, " \t\r\n") == "" // RFC 2047 section 6.2
		switch {
		case joined && strings.EqualFold(run.charset, word.charset):
			run.octets = append(run.octets, word.octets...)
		default:
			flush()
			if !joined {
				out.WriteString(guess(gap))
			}
			run = word
		}
		at = begin + word.length
	}
	flush()
	out.WriteString(guess(text[at:]))
	return out.String()
}

// They bound what is taken for one encoded-word; RFC 2047 section 2 allows 75 octets, and programs write
// whole subjects.
const (
	maxWord    = 8 << 10
	maxCharset = 64
)

// wordEnds finds encoded-words in a text. It remembers where the next "?=" is, so that many beginnings without an
// end take linear time.
type wordEnds struct {
	text string
	next int // offset of a "?="; there is none between where the last search began and here
}

// after returns the offset of the first "?=" from an offset on; the length of the text when there is none.
func (e *wordEnds) after(at int) int {
	if e.next < at {
		if i := strings.Index(e.text[at:], "?="); i >= 0 {
			e.next = at + i
		} else {
			e.next = len(e.text)
		}
	}
	return e.next
}

// word reads the encoded-word that begins at an offset.
func (e *wordEnds) word(at int) (w encodedWord, ok bool) {
	head := e.text[at+2 : min(at+2+maxCharset, len(e.text))]
	name, rest, ok := strings.Cut(head, "?")
	if !ok || name == "" || strings.ContainsAny(name, " \t=\"") || len(rest) < 2 || rest[1] != '?' {
		return w, false
	}
	start := at + 2 + len(name) + 3
	end := e.after(start)
	if end == len(e.text) || end-start > maxWord {
		return w, false
	}
	content := e.text[start:end]
	w.length = end + 2 - at
	w.charset, _, _ = strings.Cut(name, "*") // a language may follow: RFC 2231 section 5
	if !charset.Known(w.charset) {
		return w, false
	}
	switch rest[0] {
	case 'q', 'Q':
		if strings.Contains(content, "?") {
			return w, false
		}
		w.octets = decodeQ(content)
	case 'b', 'B':
		var d base64Decoder
		w.octets = d.finish(d.decode(nil, []byte(content)))
	default:
		return w, false
	}
	return w, w.charset != ""
}

// decodeQ decodes the Q encoding (RFC 2047 section 4.2). What is malformed stays as it is.
func decodeQ(content string) []byte {
	out := make([]byte, 0, len(content))
	for i := 0; i < len(content); i++ {
		c := content[i]
		if c == '=' && i+2 < len(content) {
			if value, ok := unhex(content[i+1], content[i+2]); ok {
				out = append(out, value)
				i += 2
				continue
			}
		}
		if c == '_' {
			c = ' '
		}
		out = append(out, c)
	}
	return out
}

// unhex returns the octet of two hexadecimal digits in either case.
func unhex(high, low byte) (byte, bool) {
	h, ok := digit(high)
	l, ok2 := digit(low)
	return h<<4 | l, ok && ok2
}

func digit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
