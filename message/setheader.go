package message

import (
	"errors"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"time"
)

// errRecipients is why a header map never says who receives a mail.
var errRecipients = errors.New("a header never adds recipients: use the steps To, Cc and Bcc")

// SetHeader sets a field to one value, in place of all that it had: for options of a program and for programs that
// think in headers. Fields that have a step go through it: From, Sender, Reply-To, Subject, Date, Message-ID, In-Reply-To
// and References; others are as in [Builder.Header], which adds. An empty value removes the field. To, Cc and Bcc are errors: a
// header never adds recipients.
func (b Builder) SetHeader(name, value string) Builder {
	return b.step(func(s *state) { s.setHeader("SetHeader", name, value) })
}

// Headers sets each field of a map, as [Builder.SetHeader] does, in the order of their names.
func (b Builder) Headers(fields map[string]string) Builder {
	fields = maps.Clone(fields)
	return b.step(func(s *state) {
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			s.setHeader("Headers", name, fields[name])
		}
	})
}

func (s *state) setHeader(step, name, value string) {
	value = strings.TrimSpace(value)
	ids := func(list *[]string) {
		*list = s.ids(step, nil, strings.Fields(value), isForeignID)
	}
	switch strings.ToLower(name) {
	case "from":
		s.setAddresses(step, name, value, &s.from, false)
	case "sender":
		s.setAddresses(step, name, value, &s.sender, false)
	case "reply-to":
		s.setAddresses(step, name, value, &s.replyTo, true)
	case "to", "cc", "bcc":
		s.fault(step, name, errRecipients)
	case "subject":
		s.subject = value
	case "message-id":
		s.messageID, s.withoutID = value, false
	case "date":
		s.setDate(step, value)
	case "in-reply-to":
		ids(&s.inReplyTo)
	case "references":
		ids(&s.refs)
	default:
		s.fields = slices.DeleteFunc(slices.Clone(s.fields), func(x field) bool { return strings.EqualFold(x.name, name) })
		if value != "" {
			s.addField(field{step: step, name: name, text: value})
		}
	}
}

// setAddresses replaces the addresses of a field. Each is judged as by the step of the field: what a list is read from may have a
// line end in a quoted name.
func (s *state) setAddresses(step, name, value string, to *AddressList, mayGroup bool) {
	to.entries = nil
	if value == "" {
		return
	}
	list, err := ParseAddressList(value)
	if err != nil {
		s.fault(step, name+": "+value, err)
		return
	}
	for i := range list.entries {
		e := &list.entries[i]
		if err := e.check(mayGroup); err != nil {
			s.fault(step, name+": "+value, err)
		}
		*s.add(to) = *e
	}
}

func (s *state) setDate(step, value string) {
	s.date = time.Time{}
	if value == "" {
		return
	}
	date, err := mail.ParseDate(value)
	if err != nil {
		s.fault(step, "Date: "+value, errors.New("want a date such as Mon, 02 Jan 2006 15:04:05 -0700 (RFC 5322 section 3.3)"))
		return
	}
	s.date = date
}

// WithoutMessageID leaves the Message-ID out, for relays that write their own: Amazon SES replaces the one of a mail. A message
// without it cannot be answered in a thread by what the program knows of it, and a [Builder.MessageID] set later wins.
func (b Builder) WithoutMessageID() Builder {
	return b.step(func(s *state) { s.messageID, s.withoutID = "", true })
}
