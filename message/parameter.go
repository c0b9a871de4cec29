package message

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parameter is an attribute of a Content-Type or Content-Disposition field.
type parameter struct{ name, value string }

// param appends a parameter behind the word before it. Values that a quoted string can't carry, or
// that do not fit a line, are written as RFC 2231 sections 3 and 4 say and in no other form: a plain
// one beside it is what some readers would show.
func (f *folder) param(name, value string) {
	const longestQuoted = 60
	short := len(value) <= longestQuoted
	f.scratch = append(append(f.scratch[:0], name...), '=')
	switch {
	case short && isToken(value) && !strings.ContainsAny(value, "'*%"): // RFC 2231 section 7
		f.scratch = append(f.scratch, value...)
	case short && isQuotable(value):
		f.scratch = appendQuoted(f.scratch, value)
	default:
		f.extended(name, value)
		return
	}
	f.glue(';')
	f.scratched()
}

// extended appends a parameter with its charset, in numbered pieces if it is long. Pieces end
// between characters.
func (f *folder) extended(name, value string) {
	const charset = "utf-8''"
	room := encodedAt - len(" ;") - len(name) - len("*=") - len(charset)
	if total(value, &percentCost) <= room {
		f.glue(';')
		f.word(name + "*=" + charset + percent(value))
		return
	}
	for i := 0; i == 0 || value != ""; i++ {
		label := name + "*" + strconv.Itoa(i) + "*="
		if i == 0 {
			label += charset
		}
		room := max(encodedAt-len(" ;")-len(label), 12)
		n := cut(value, &percentCost, room, 1)
		f.glue(';')
		f.word(label + percent(value[:n]))
		value = value[n:]
	}
}

// percentCost is the length of an octet in an extended value: characters that may stand for themselves
// (RFC 2231 section 7) count once.
var percentCost = func() (cost [256]uint8) {
	for c := range cost {
		cost[c] = 3
		if isAlphanumeric(byte(c)) || strings.IndexByte("!#$&+-.^_`{|}~", byte(c)) >= 0 {
			cost[c] = 1
		}
	}
	return cost
}()

func percent(s string) string {
	b := make([]byte, 0, total(s, &percentCost))
	for i := range len(s) {
		if c := s[i]; percentCost[c] == 1 {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}

// isToken reports whether s is a token of RFC 2045 section 5.1.
func isToken(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return true
}

// isQuotable reports whether every reader gives s back from a quoted string: printable ASCII without
// what looks like an encoded-word, an escape or a percent encoding.
func isQuotable(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '%' {
			return false
		}
	}
	return !strings.Contains(s, "=?") && strings.Trim(s, " ") == s && s != ""
}

// appendQuoted appends s as a quoted string (RFC 5322 section 3.2.4).
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

// sorted returns parameters in a fixed order: charset first, then by name.
func sorted(params map[string]string) []parameter {
	list := make([]parameter, 0, len(params))
	for name, value := range params {
		list = append(list, parameter{name, value})
	}
	slices.SortFunc(list, func(a, b parameter) int {
		switch {
		case a.name == "charset":
			return -1
		case b.name == "charset":
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	return list
}

func checkText(s string) error {
	switch {
	case !utf8.ValidString(s):
		return errNotUTF8
	case hasControl(s):
		return errControl
	}
	return nil
}
