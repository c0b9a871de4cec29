// Package mimewire holds the rules and the encoders of what mail looks like on the wire.
package mimewire

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/internal/words"
)

// ErrNotUTF8 says that text is not valid UTF-8.
var ErrNotUTF8 = errors.New("not valid UTF-8")

// CheckText returns why a header field or a name can't hold text: invalid UTF-8, a control character of
// C0 or C1 other than tab, a line or paragraph separator, or bidirectional embeddings that do not close,
// which would turn the text after them around. Joiners and marks pass: emoji, Persian, Hindi and Hebrew
// need them. The error names the code point.
func CheckText(text string) error {
	if isPlain(text) {
		return nil
	}
	if !utf8.ValidString(text) {
		return ErrNotUTF8
	}
	turns := false
	for _, r := range text {
		if isControl(r) {
			return fmt.Errorf("control character %U", r)
		}
		turns = turns || mayTurn(r)
	}
	if !turns {
		return nil
	}
	if r, ok := unbalanced(text); ok {
		return fmt.Errorf("bidirectional control %U without its counterpart", r)
	}
	return nil
}

// CleanText returns text that [CheckText] passes: controls become spaces, invalid UTF-8 becomes U+FFFD, and
// bidirectional controls that do not pair go.
func CleanText(text string) string {
	if CheckText(text) == nil {
		return text
	}
	text = strings.Map(func(r rune) rune {
		if isControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	if _, odd := unbalanced(text); odd {
		text = strings.Map(func(r rune) rune {
			if opens(r) != 0 || closes(r) {
				return -1
			}
			return r
		}, text)
	}
	return text
}

// isPlain reports whether text is printable ASCII and tabs, as most texts are.
func isPlain(text string) bool {
	for {
		n := words.Run(text, '\t')
		if n == len(text) {
			return true
		}
		if text[n] != '\t' {
			return false
		}
		text = text[n+1:]
	}
}

// isControl reports whether r could end a line or a field for some reader. Tab could not.
func isControl(r rune) bool {
	return r < ' ' && r != '\t' || 0x7f <= r && r < 0xa0 || r == '\u2028' || r == '\u2029'
}

// mayTurn reports whether r may be one of the bidirectional controls, which stand close together.
func mayTurn(r rune) bool { return r >= '\u202a' && r <= popIsolate }

// Bidirectional controls of UAX #9 section 2.
const (
	popEmbedding = '\u202c' // ends an embedding or an override
	popIsolate   = '\u2069' // ends an isolate
)

// opens returns the control that ends what r begins; 0 for other characters.
func opens(r rune) rune {
	switch r {
	case '\u202a', '\u202b', '\u202d', '\u202e':
		return popEmbedding
	case '\u2066', '\u2067', '\u2068':
		return popIsolate
	}
	return 0
}

func closes(r rune) bool { return r == popEmbedding || r == popIsolate }

// unbalanced returns the first bidirectional control that has no counterpart in its place.
func unbalanced(text string) (rune, bool) {
	type embedding struct{ begin, end rune }
	var open []embedding
	for _, r := range text {
		switch end := opens(r); {
		case end != 0:
			open = append(open, embedding{r, end})
		case !closes(r):
		case len(open) == 0 || open[len(open)-1].end != r:
			return r, true
		default:
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return open[0].begin, true
	}
	return 0, false
}
