package mimeread

import "strings"

// MessageIDs returns the message identifiers in a value with their angle brackets, in the current and the
// obsolete syntax of RFC 5322 (sections 3.6.4 and 4.5.4): without comments, and without the blanks that folding
// left in them. What is not in angle brackets, as the phrases of obsolete In-Reply-To fields, is not one; bare
// says that a word with @ is one still.
func MessageIDs(value string, bare bool) []string {
	var ids []string
	rest := withoutComments(value)
	for {
		before, after, found := strings.Cut(rest, "<")
		if bare {
			ids = append(ids, bareIDs(before)...)
		}
		if !found {
			return ids
		}
		id, next, closed := cutID(after)
		if !closed {
			return ids
		}
		if id != "" {
			ids = append(ids, "<"+id+">")
		}
		rest = next
	}
}

// cutID returns the identifier before the closing bracket, without blanks outside its quotes, or "" when it has an octet that a
// header field can't have there, and what follows.
func cutID(text string) (id, rest string, closed bool) {
	var out strings.Builder
	good, quoted := true, false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
			out.WriteByte(c)
		case c == '>' && !quoted:
			if id := out.String(); good && isID(id) {
				return id, text[i+1:], true
			}
			return "", text[i+1:], true
		case c == '<' && !quoted: // the one before did not close
			out.Reset()
			good = true
		case isBlank(c) && !quoted:
		case c < ' ' || c >= 0x7f || !quoted && (c == '(' || c == ')' || c == '\\'):
			good = false
		default:
			out.WriteByte(c)
		}
	}
	return "", "", false
}

// longestID bounds an identifier: it must fit a line together with the name of its field.
const longestID = 900

func isID(id string) bool { return id != "" && len(id) <= longestID }

// bareIDs returns the words that look like identifiers whose brackets were lost.
func bareIDs(text string) []string {
	var ids []string
	for word := range strings.FieldsSeq(text) {
		word = strings.Trim(word, ",;>")
		left, right, ok := strings.Cut(word, "@")
		if ok && left != "" && right != "" && isID(word) && !strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>()\\", r) }) {
			ids = append(ids, "<"+word+">")
		}
	}
	return ids
}
