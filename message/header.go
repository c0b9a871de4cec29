package message

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Header adds a field of free text, which is encoded and folded as needed. Fields keep their order
// and the case of their name and may repeat. Fields that Build or another step writes are refused,
// and so is anything but ASCII in fields that have a syntax of their own, such as List-Post.
func (b Builder) Header(name, value string) Builder {
	return b.customField("Header", field{name: name, text: value})
}

// RawHeader adds a field whose value is written as it is, folded at its spaces only, for values that
// have a syntax of their own. It must be ASCII without control characters.
func (b Builder) RawHeader(name, value string) Builder {
	return b.customField("RawHeader", field{name: name, kind: fieldWords, words: strings.Fields(value), text: value})
}

// customField adds a field that the caller names.
func (b Builder) customField(step string, x field) Builder {
	return b.step(func(s *state) {
		x.step = step
		s.addField(x)
	})
}

// addField adds a field that the caller names.
func (s *state) addField(x field) {
	err := x.checkOwn()
	if err == nil && x.kind == fieldWords {
		err = checkSpaces(x.text)
	}
	if err != nil {
		s.fault(x.step, x.name+": "+x.text, err)
		return
	}
	s.fields = append(s.fields, x)
}

// checkSpaces is checkRaw for a value whose spaces must stay as they are: single ones inside.
func checkSpaces(value string) error {
	if strings.TrimSpace(value) != value || strings.Contains(value, "  ") || strings.Contains(value, "\t") {
		return errors.New("spaces at the edge, in a row, or tabs would not stay as they are")
	}
	return checkRaw(value)
}

// typedField adds a field that a step names; of one that may occur once the last call wins. The error is
// about the value.
func (b Builder) typedField(step, value string, x field, err error) Builder {
	return b.step(func(s *state) {
		if err == nil {
			err = x.check()
		}
		if err != nil {
			s.fault(step, value, err)
			return
		}
		if x.name != "Comments" && x.name != "Keywords" { // RFC 5322 section 3.6: all others may occur once
			s.fields = slices.DeleteFunc(slices.Clone(s.fields), func(y field) bool { return y.step == "" && y.name == x.name })
		}
		s.fields = append(s.fields, x)
	})
}

func (b Builder) wordField(step, name, value string, err error) Builder {
	return b.typedField(step, value, field{name: name, kind: fieldWords, words: []string{value}}, err)
}

// oneOf returns an error for a value that is not in the list.
func oneOf[T ~string](value T, list ...T) error {
	if slices.Contains(list, value) {
		return nil
	}
	var words []string
	for _, word := range list {
		words = append(words, string(word))
	}
	return fmt.Errorf("want one of %s", strings.Join(words, ", "))
}

// Comments adds a remark (RFC 5322 section 3.6.5).
func (b Builder) Comments(text string) Builder {
	return b.typedField("Comments", text, field{name: "Comments", text: text}, nil)
}

// Keywords adds a field of words or short phrases (RFC 5322 section 3.6.5).
func (b Builder) Keywords(keyword ...string) Builder {
	var err error
	if len(keyword) == 0 {
		err = errors.New("want at least one")
	}
	return b.typedField("Keywords", strings.Join(keyword, ", "), field{name: "Keywords", kind: fieldNames, words: slices.Clone(keyword)}, err)
}

// UserAgent names the program that composed the message. There is no default.
func (b Builder) UserAgent(text string) Builder {
	return b.typedField("UserAgent", text, field{name: "User-Agent", text: text}, nil)
}

// DispositionNotificationTo asks the recipients' programs for a receipt to these mailboxes (RFC 8098
// section 2.1).
func (b Builder) DispositionNotificationTo(mailbox ...Mailbox) Builder {
	const step = "DispositionNotificationTo"
	var err error
	if len(mailbox) == 0 {
		err = errors.New("want at least one")
	}
	for _, m := range mailbox {
		err = errors.Join(err, m.check())
	}
	return b.typedField(step, Mailboxes(mailbox...).String(), field{name: "Disposition-Notification-To", kind: fieldList, list: Mailboxes(mailbox...)}, err)
}
