package mimeread

import (
	"strconv"
	"strings"
)

func quote(s string) string { return strconv.Quote(s) }

// withoutComments returns a structured value without its comments (RFC 5322 section 3.2.2), each replaced by a
// space. A comment that does not end is text.
func withoutComments(value string) string {
	if strings.IndexByte(value, '(') < 0 {
		return value
	}
	var out strings.Builder
	quoted := false
	unclosed := false // one comment did not end, so none of the later ones that open there does
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == '\\' && i+1 < len(value):
			out.WriteString(value[i : i+2])
			i++
			continue
		case c == '"':
			quoted = !quoted
		case c == '(' && !quoted && !unclosed:
			if end := commentEnd(value, i); end > 0 {
				out.WriteByte(' ')
				i = end - 1
				continue
			}
			unclosed = true
		}
		out.WriteByte(c)
	}
	return out.String()
}

// commentEnd returns the offset after the comment that begins at an offset; 0 when it does not end.
func commentEnd(value string, at int) int {
	depth := 0
	for i := at; i < len(value); i++ {
		switch value[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// quotedEnd returns the content of the quoted string that begins at an offset and the offset after it; 0 when it
// does not end.
func quotedEnd(value string, at int) (content string, end int) {
	i := at + 1
	for i < len(value) && value[i] != '"' && value[i] != '\\' {
		i++
	}
	if i < len(value) && value[i] == '"' { // as nearly always
		return value[at+1 : i], i + 1
	}
	var out strings.Builder
	for i := at + 1; i < len(value); i++ {
		switch value[i] {
		case '"':
			return out.String(), i + 1
		case '\\':
			if i++; i == len(value) {
				return "", 0
			}
		}
		out.WriteByte(value[i])
	}
	return "", 0
}
