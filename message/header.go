package message

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Lines of a header section are folded at 78 characters (RFC 5322 section 2.1.1); one that holds an
// encoded-word at 76 (RFC 2047 section 2).
const (
	foldAt    = 76
	lineLimit = 998
)

// appendField appends a field whose value consists of the given words, with a single space or a
// fold between them.
func appendField(dst []byte, name string, words ...string) []byte {
	dst = append(append(dst, name...), ':')
	column := len(name) + 1
	for i, word := range words {
		if i > 0 && column+1+len(word) > foldAt {
			dst, column = append(dst, '\r', '\n'), 0
		}
		dst = append(append(dst, ' '), word...)
		column += 1 + len(word)
	}
	return append(dst, '\r', '\n')
}

// textWords splits free text into words of a header field. Text that would not survive as it is
// becomes encoded-words, with the spaces inside them.
func textWords(text string) []string {
	if needsEncoding(text) {
		return encodedWords(text)
	}
	return strings.Split(text, " ")
}

// phraseWords is textWords for a display name, which is quoted where it has to be.
func phraseWords(name string) []string {
	if needsEncoding(name) {
		return encodedWords(name)
	}
	return strings.Split(quotePhrase(name), " ")
}

// needsEncoding reports whether text would not come back as it is from a plain header field.
func needsEncoding(text string) bool {
	if strings.Contains(text, "=?") || strings.Contains(text, "  ") || strings.Contains(text, "\t") ||
		strings.TrimSpace(text) != text {
		return true
	}
	for word := range strings.SplitSeq(text, " ") {
		if len(word) > lineLimit-100 {
			return true
		}
	}
	return strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
}

// paramWords splits a value with parameters behind each semicolon.
func paramWords(value string) []string {
	words := strings.SplitAfter(value, "; ")
	for i := range words {
		words[i] = strings.TrimSuffix(words[i], " ")
	}
	return words
}

// mailboxWords returns the words of an address list.
func mailboxWords(list []Mailbox) []string {
	var words []string
	for i, m := range list {
		address := m.Address.String()
		if m.Name != "" {
			words = append(words, phraseWords(m.Name)...)
			address = "<" + address + ">"
		}
		if i < len(list)-1 {
			address += ","
		}
		words = append(words, address)
	}
	return words
}

// ownFields are the fields that Build writes from other steps.
var ownFields = map[string]string{
	"from": "From", "sender": "Sender", "reply-to": "ReplyTo", "to": "To", "cc": "Cc", "bcc": "Bcc",
	"subject": "Subject", "date": "Date", "message-id": "MessageID", "mime-version": "",
	"content-type": "", "content-transfer-encoding": "", "content-disposition": "", "content-id": "",
}

// checkField returns what makes a caller's own field unusable.
func checkField(f field) error {
	step, own := ownFields[strings.ToLower(f.name)]
	switch {
	case !isFieldName(f.name):
		return errors.New("not a field name (RFC 5322 section 3.6.8)")
	case own && step != "":
		return fmt.Errorf("use the step %s", step)
	case own:
		return errors.New("Build writes this field from the parts")
	case !utf8.ValidString(f.value):
		return errNotUTF8
	case hasControl(f.value):
		return errControl
	}
	return nil
}

// isFieldName reports whether s consists of printable ASCII without colon.
func isFieldName(s string) bool {
	return s != "" && len(s) <= 76 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' })
}
