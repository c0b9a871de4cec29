package mimewire

import (
	"slices"
	"strconv"
	"strings"
)

// Parameter is an attribute of a Content-Type or Content-Disposition field.
type Parameter struct{ Name, Value string }

// Param appends a parameter after the word before it. Values that a quoted string can't carry, or
// that do not fit a line, are written as RFC 2231 sections 3 and 4 say and in no other form: a plain
// one beside it is what some readers would show.
func (f *Folder) Param(name, value string) {
	const longestQuoted = 60
	short := len(value) <= longestQuoted
	f.Scratch = append(append(f.Scratch[:0], name...), '=')
	switch {
	case short && consistsOf(value, inAttribute):
		f.Scratch = append(f.Scratch, value...)
	case short && isQuotable(value):
		f.Scratch = AppendQuoted(f.Scratch, value)
	default:
		f.extended(name, value)
		return
	}
	f.Glue(';')
	f.FlushScratch()
}

// extended appends a parameter with its charset, in numbered pieces if it is long. Pieces end
// between characters.
func (f *Folder) extended(name, value string) {
	const charset = "utf-8''"
	room := EncodedAt - len(" ;") - len(name) - len("*=") - len(charset)
	if total(value, &percentCost) <= room {
		f.Glue(';')
		f.Word(name + "*=" + charset + percent(value))
		return
	}
	for i := 0; i == 0 || value != ""; i++ {
		label := name + "*" + strconv.Itoa(i) + "*="
		if i == 0 {
			label += charset
		}
		room := max(EncodedAt-len(" ;")-len(label), 12)
		n := cut(value, &percentCost, room, 1)
		f.Glue(';')
		f.Word(label + percent(value[:n]))
		value = value[n:]
	}
}

// LegacyName writes the name parameter as mail programs did before RFC 2231.
func (f *Folder) LegacyName(name string) {
	if IsToken(name) || isQuotable(name) {
		f.Param("name", name)
		return
	}
	f.Glue(';')
	mark, asQ := `name="`, total(name, &qCost) <= 2*len(name)
	for name != "" {
		n, q := cutWord(name, asQ, wordMost-wordFrame-len(mark)-1)
		word := Folder{}
		word.encodedWord(name[:n], q)
		text := mark + string(word.Dst[1:])
		if name = name[n:]; name == "" {
			text += `"`
		}
		f.Word(text)
		mark = ""
	}
}

// What characters may be in.
const (
	inToken     = 1 << iota // RFC 2045 section 5.1
	inAttribute             // a token that every reader takes as it stands (RFC 2231 section 7)
	inExtended              // an extended value, where they stand for themselves
)

var parameterChars = func() (kinds [256]uint8) {
	for c := byte(' ' + 1); c < 0x7f; c++ {
		if strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			continue
		}
		kinds[c] = inToken
		if c != '\'' && c != '*' && c != '%' {
			kinds[c] |= inAttribute
		}
		if IsAlphanumeric(c) || strings.IndexByte("!#$&+-.^_`{|}~", c) >= 0 {
			kinds[c] |= inExtended
		}
	}
	return kinds
}()

// consistsOf reports whether s has octets, and all are of a kind.
func consistsOf(s string, kind uint8) bool {
	for i := range len(s) {
		if parameterChars[s[i]]&kind == 0 {
			return false
		}
	}
	return s != ""
}

// percentCost is the length of an octet in an extended value.
var percentCost = func() (cost [256]uint8) {
	for c := range cost {
		cost[c] = 3
		if parameterChars[c]&inExtended != 0 {
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

// IsToken reports whether s is a token of RFC 2045 section 5.1.
func IsToken(s string) bool { return consistsOf(s, inToken) }

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

// AppendQuoted appends s as a quoted string (RFC 5322 section 3.2.4).
func AppendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

// SortParameters returns parameters in a fixed order: charset first, then by name.
func SortParameters(params map[string]string) []Parameter {
	list := make([]Parameter, 0, len(params))
	for name, value := range params {
		list = append(list, Parameter{name, value})
	}
	slices.SortFunc(list, func(a, b Parameter) int {
		switch {
		case a.Name == "charset":
			return -1
		case b.Name == "charset":
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list
}
