package xtext

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

var errEscape = errors.New("malformed escape or character that has to be escaped")

const upperHex = "0123456789ABCDEF"

// Append appends s as xtext (RFC 3461 section 4): every octet but printable ASCII, and + and =,
// becomes a plus sign with two hexadecimal digits.
func Append(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; isXchar(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '+', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}

// Decode returns the octets that xtext stands for. It takes hexadecimal digits in upper case
// only, as RFC 3461 section 4 does.
func Decode(s string) (string, error) {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isXchar(c):
			b = append(b, c)
		case c == '+' && i+2 < len(s):
			high, low := strings.IndexByte(upperHex, s[i+1]), strings.IndexByte(upperHex, s[i+2])
			if high < 0 || low < 0 {
				return "", errEscape
			}
			b = append(b, byte(high<<4|low))
			i += 2
		default:
			return "", errEscape
		}
	}
	return string(b), nil
}

// isXchar reports whether c stands for itself in xtext.
func isXchar(c byte) bool { return c > ' ' && c <= '~' && c != '+' && c != '=' }

// AppendUTF8 appends s, which must be valid UTF-8 without line ends, in the utf-8-addr-xtext form of RFC 6533
// section 3: printable ASCII, with \x{HEX} for the rest. Servers without SMTPUTF8 take it as well.
func AppendUTF8(dst []byte, s string) []byte { return appendUTF8(dst, s, utf8.RuneSelf) }

// AppendUnitext appends s, which must be valid UTF-8, in the utf-8-addr-unitext form of RFC 6533
// section 3, which leaves characters beyond ASCII as they are and is for transactions with SMTPUTF8.
func AppendUnitext(dst []byte, s string) []byte { return appendUTF8(dst, s, utf8.MaxRune+1) }

// appendUTF8 escapes what is special in ASCII and everything from limit on.
func appendUTF8(dst []byte, s string, limit rune) []byte {
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf && isXchar(byte(r)) && r != '\\', r >= utf8.RuneSelf && r < limit:
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, `\x{`...)
			if r < 16 {
				dst = append(dst, '0')
			}
			for _, c := range strconv.AppendInt(nil, int64(r), 16) {
				dst = append(dst, strings.ToUpper(string(c))...)
			}
			dst = append(dst, '}')
		}
	}
	return dst
}

// DecodeUTF8 returns the text that utf-8-addr-xtext or utf-8-addr-unitext stands for.
func DecodeUTF8(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", errEscape
	}
	var b strings.Builder
	for s != "" {
		if rest, escaped := strings.CutPrefix(s, `\x{`); escaped {
			hex, after, closed := strings.Cut(rest, "}")
			r, ok := hexPoint(hex)
			if !closed || !ok {
				return "", errEscape
			}
			b.WriteRune(r)
			s = after
			continue
		}
		if c := s[0]; c < utf8.RuneSelf && (!isXchar(c) || c == '\\') {
			return "", errEscape
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return b.String(), nil
}

// hexPoint reads two to six digits in upper case that name a character which has to be escaped, or one
// beyond ASCII; leading zeros are allowed only for what needs two digits. The grammar of RFC 6533
// section 3 knows control characters by decimal digits only, which keeps NUL, CR and LF out.
func hexPoint(hex string) (rune, bool) {
	if len(hex) < 2 || len(hex) > 6 || len(hex) > 2 && hex[0] == '0' || strings.Trim(hex, upperHex) != "" {
		return 0, false
	}
	n, _ := strconv.ParseInt(hex, 16, 32) // cannot fail: at most six digits
	r := rune(n)
	switch {
	case r < ' ':
		return r, r == 0x10 || r&15 >= 1 && r&15 <= 9
	case r < utf8.RuneSelf:
		return r, !isXchar(byte(r)) || r == '\\'
	}
	return r, utf8.ValidRune(r)
}

// Len returns the length of s as xtext.
func Len(s string) int {
	n := len(s)
	for i := range len(s) {
		if !isXchar(s[i]) {
			n += 2
		}
	}
	return n
}
