package commands

// finishWord ends a line whose one argument is a string of RFC 5321 section 4.1.2 that stands alone or
// before a parameter. It is written as it is, and refused when a server could read more than one
// argument from it: an attacker who controls the string must not add parameters to the command.
//
// With UTF-8 the line asks for it in the reply as well (RFC 6531 section 3.7.4.2).
func (l line) finishWord(word string, chars charset) ([]byte, error) {
	if !isWord(word) {
		return l.refuse("want one word, with blanks inside quotes only")
	}
	l.dst = append(append(l.dst, ' '), word...)
	if chars == utf8s {
		l.dst = append(l.dst, " SMTPUTF8"...)
	}
	return l.finish(chars, maxLine)
}

// isWord reports whether s has no blank outside quotes and closes the quotes it opens. Quotes open
// only at the start, before which < may stand: not every server knows them elsewhere. The empty
// string is not a word.
func isWord(s string) bool {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' && !quoted && i > 0 && s[:i] != "<":
			return false
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
			if i == len(s) {
				return false
			}
		case c == ' ' && !quoted:
			return false
		}
	}
	return s != "" && !quoted
}
