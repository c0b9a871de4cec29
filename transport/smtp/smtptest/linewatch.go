package smtptest

import (
	"bytes"
	"strings"
)

// lineWatch looks for what content must not have. One of each kind is noted per content.
type lineWatch struct {
	s      *session
	binary bool
	length int
	cr     bool
	noted  map[string]bool
}

func (w *lineWatch) note(rule Rule, text string) {
	if w.noted[text] {
		return
	}
	if w.noted == nil {
		w.noted = map[string]bool{}
	}
	w.noted[text] = true
	w.s.violate(rule, "%s", text)
}

// maxText is a line of text without its end, RFC 5321 section 4.5.3.1.6.
const maxText = 998

func (w *lineWatch) watch(octets []byte) {
	if w.binary {
		return
	}
	_, utf8 := w.s.from.Params["SMTPUTF8"]
	if !utf8 && !strings.EqualFold(w.s.from.Params["BODY"], "8BITMIME") && bytes.ContainsFunc(octets, func(r rune) bool { return r >= 0x80 }) {
		w.note(OctetRule, "8-bit content without BODY=8BITMIME or SMTPUTF8")
	}
	for _, o := range octets {
		switch {
		case o == '\n' && !w.cr:
			w.note(LineRule, "bare LF in the content")
		case o != '\n' && w.cr:
			w.note(LineRule, "bare CR in the content")
		case o == 0:
			w.note(OctetRule, "NUL in the content")
		}
		w.cr = o == '\r'
		switch o {
		case '\n':
			w.length = 0
		case '\r':
		default:
			if w.length++; w.length > maxText {
				w.note(LineRule, "line of more than 998 octets in the content")
			}
		}
	}
}
