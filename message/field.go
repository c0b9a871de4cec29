package message

import (
	"errors"
	"fmt"
	"strings"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// field is a header field besides those that every message has.
type field struct {
	step  string // of the builder
	name  string
	kind  fieldKind
	text  string
	words []string
	list  AddressList
}

// fieldKind says how the value of a field is written.
type fieldKind uint8

const (
	fieldText  fieldKind = iota // free text, encoded where it has to be
	fieldWords                  // words that are never encoded and never cut
	fieldList                   // addresses
	fieldNames                  // phrases separated by commas
	fieldNamed                  // a phrase and a word
)

func (f *addressFolder) field(x field) {
	switch x.kind {
	case fieldWords:
		f.Words(x.name, x.words...)
	case fieldList:
		f.list(x.name, &x.list)
	case fieldNames:
		f.Begin(x.name)
		f.Spare = 1
		for i, name := range x.words {
			f.Phrase(name)
			switch {
			case i == len(x.words)-1:
			case !f.Plain(name): // an encoded-word must have a space after it
				f.Word(",")
			default:
				f.Glue(',')
			}
		}
		f.Spare = 0
		f.End()
	case fieldNamed:
		f.Begin(x.name)
		if x.text != "" {
			f.Phrase(x.text)
		}
		f.Word(x.words[0])
		f.End()
	default:
		f.TextField(x.name, x.text)
	}
}

// steps names the step of the builder for fields that have one, or says that Build writes the field.
var steps = map[string]string{
	"from": "From", "sender": "Sender", "reply-to": "ReplyTo", "to": "To", "cc": "Cc", "bcc": "Bcc",
	"resent-bcc": "Bcc", "in-reply-to": "InReplyToID", "references": "References", "subject": "Subject", "date": "Date", "message-id": "MessageID", "mime-version": "",
	"content-type": "", "content-transfer-encoding": "", "content-disposition": "", "content-id": "",
}

// traces are the fields that only servers write (RFC 5321 section 4.4, RFC 8601 section 5), with what a program that
// composes does instead. A message that begins with them would lie about where it has been.
var traces = map[string]string{
	"return-path":                "a server writes it from the envelope: use the step BounceTo",
	"received":                   "each server writes its own: there is no step for it",
	"received-spf":               "the receiving server writes it: there is no step for it",
	"delivered-to":               "the receiving server writes it from the envelope: use the steps To, Cc and Bcc",
	"x-original-to":              "the receiving server writes it from the envelope: use the steps To, Cc and Bcc",
	"envelope-to":                "the receiving server writes it from the envelope: use the steps To, Cc and Bcc",
	"authentication-results":     "the receiving server writes it, and removes forged ones: there is no step for it",
	"arc-authentication-results": "forwarders write it (RFC 8617): there is no step for it",
	"arc-message-signature":      "forwarders write it (RFC 8617): there is no step for it",
	"arc-seal":                   "forwarders write it (RFC 8617): there is no step for it",
	"dkim-signature":             "it is made over the finished message: use package dkim",
	"resent-from":                "a message is resent whole: use Resend of package message/eml",
	"resent-sender":              "a message is resent whole: use Resend of package message/eml",
	"resent-to":                  "a message is resent whole: use Resend of package message/eml",
	"resent-cc":                  "a message is resent whole: use Resend of package message/eml",
	"resent-date":                "a message is resent whole: use Resend of package message/eml",
	"resent-message-id":          "a message is resent whole: use Resend of package message/eml",
}

// structured are the fields whose values have a syntax of their own: an encoded-word in them would be wrong.
var structured = map[string]bool{
	"resent-from": true, "resent-sender": true, "resent-to": true, "resent-cc": true,
	"disposition-notification-to": true, "list-id": true, "in-reply-to": true, "references": true, "resent-date": true, "resent-message-id": true,
	"received": true, "return-path": true, "dkim-signature": true, "list-unsubscribe": true,
	"list-unsubscribe-post": true, "list-post": true, "list-help": true, "list-subscribe": true,
	"list-owner": true, "list-archive": true, "archived-at": true, "auto-submitted": true,
	"content-location": true, "content-language": true, "autocrypt": true,
}

// check returns what makes a field unusable.
func (x field) check() error {
	if !isFieldName(x.name) {
		return errors.New("want a name of at most 76 letters, digits and hyphens")
	}
	switch x.kind {
	case fieldWords, fieldNamed:
		for _, w := range x.words {
			if err := checkRaw(w); err != nil {
				return err
			}
		}
		if x.kind == fieldNamed {
			return mimewire.CheckText(x.text)
		}
		return nil
	case fieldNames:
		for _, name := range x.words {
			if err := mimewire.CheckText(name); err != nil {
				return err
			}
			if name == "" {
				return errors.New("an empty word")
			}
		}
		return nil
	case fieldList:
		return nil // judged where the list was made
	}
	return mimewire.CheckText(x.text)
}

// checkOwn is check for a field that the caller names.
func (x field) checkOwn() error {
	name := strings.ToLower(x.name)
	step, own := steps[name]
	switch {
	case own && step != "":
		return fmt.Errorf("use the step %s", step)
	case own:
		return errors.New("Build writes this field from the parts")
	case traces[name] != "" && x.kind == fieldText:
		return fmt.Errorf("%s; RawHeader writes it all the same", traces[name])
	case structured[name] && x.kind == fieldText:
		if err := checkSpaces(x.text); err != nil {
			return err
		}
		if strings.Contains(x.text, "=?") {
			return errors.New("it would be taken for an encoded-word: use RawHeader")
		}
	}
	return x.check()
}

// isFieldName reports whether s is a token, as all fields have for a name, though RFC 5322 section
// 3.6.8 allows more, and leaves room for a word on the line.
func isFieldName(s string) bool { return len(s) <= mimewire.FoldAt-2 && mimewire.IsToken(s) }

// checkRaw returns why a value can't be written as it is, folded at its spaces.
func checkRaw(value string) error {
	word := 0
	for i := range len(value) {
		switch c := value[i]; {
		case c < ' ' || c == 0x7f:
			return fmt.Errorf("control character %U", c)
		case c >= 0x80:
			return errors.New("only ASCII can be written here")
		case c == ' ':
			word = 0
		default:
			if word++; word > mimewire.TooLong {
				return errors.New("a word too long for a line (RFC 5322 section 2.1.1)")
			}
		}
	}
	return nil
}

// isMessageID reports whether s is the inside of a message identifier (RFC 5322 section 3.6.4).
func isMessageID(s string) bool {
	left, right, found := strings.Cut(s, "@")
	return found && left != "" && right != "" && len(s) <= mimewire.TooLong && isVisible(s)
}

// isVisible reports whether s consists of printable ASCII without spaces and angle brackets.
func isVisible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] == '<' || s[i] == '>' {
			return false
		}
	}
	return s != ""
}

// bareID takes the angle brackets off a message identifier.
func bareID(id string) string {
	if inner, ok := strings.CutPrefix(id, "<"); ok {
		return strings.TrimSuffix(inner, ">")
	}
	return id
}
