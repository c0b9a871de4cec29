package mailtest

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/envelope"
)

// Match is a question about a mail. The zero Match is a question that every mail answers with yes.
type Match struct {
	want  string
	fault func(*Mail) string
	err   error // why the question itself is wrong
}

// Err returns why the match can't be asked, such as an address that does not parse; nil when it can. The Assert
// methods fail the test with it, whatever was sent.
func (m Match) Err() error { return m.err }

// errOf returns the errors of matches.
func errOf(matches ...Match) error {
	var errs []error
	for _, m := range matches {
		errs = append(errs, m.err)
	}
	return errors.Join(errs...)
}

// String returns what the match wants, such as `subject is "Welcome"`.
func (m Match) String() string {
	if m.fault == nil {
		return "anything"
	}
	return m.want
}

// Mismatch returns "" when mail matches, and else what is different about it.
func (m Match) Mismatch(mail *Mail) string {
	if m.err != nil {
		return m.err.Error()
	}
	if m.fault == nil {
		return ""
	}
	return m.fault(mail)
}

// Matching makes a Match of a function; want says in words what it looks for.
func Matching(want string, ok func(*Mail) bool) Match {
	return Match{want: want, fault: func(m *Mail) string {
		if ok(m) {
			return ""
		}
		return "not: " + want
	}}
}

// All matches when every one of the matches does.
func All(matches ...Match) Match {
	if len(matches) == 0 {
		return Match{}
	}
	return Match{err: errOf(matches...), want: join(matches, " and "), fault: func(m *Mail) string {
		var mismatches []string
		for _, match := range matches {
			if fault := match.Mismatch(m); fault != "" {
				mismatches = append(mismatches, fault)
			}
		}
		return strings.Join(mismatches, "; ")
	}}
}

// Any matches when at least one of the matches does.
func Any(matches ...Match) Match {
	return Match{err: errOf(matches...), want: "(" + join(matches, " or ") + ")", fault: func(m *Mail) string {
		var mismatches []string
		for _, match := range matches {
			fault := match.Mismatch(m)
			if fault == "" {
				return ""
			}
			mismatches = append(mismatches, fault)
		}
		return "neither: " + strings.Join(mismatches, "; ")
	}}
}

// Not matches when match does not.
func Not(match Match) Match {
	return Match{err: match.err, want: "not (" + match.String() + ")", fault: func(m *Mail) string {
		if match.Mismatch(m) == "" {
			return match.String()
		}
		return ""
	}}
}

func join(matches []Match, word string) string {
	var texts []string
	for _, m := range matches {
		texts = append(texts, m.String())
	}
	return strings.Join(texts, word)
}

// SentTo matches mail with a recipient in its envelope, be it To, Cc or Bcc. The address has no name beside it.
func SentTo(address string) Match {
	want, err := envelope.ParseAddress(address)
	return Match{err: err, want: "sent to " + address, fault: func(m *Mail) string {
		switch {
		case slices.ContainsFunc(m.envelope.Recipients(), func(r envelope.Recipient) bool { return r.Address == want }):
			return ""
		}
		return "not sent to " + address
	}}
}

// SentFrom matches mail with that sender in its envelope; "" is the null sender of bounces.
func SentFrom(address string) Match {
	var want envelope.Address
	err := want.UnmarshalText([]byte(address))
	return Match{err: err, want: "sent from " + address, fault: func(m *Mail) string {
		switch {
		case m.envelope.From() == want:
			return ""
		}
		return fmt.Sprintf("sent from <%s>", m.envelope.From())
	}}
}

// Subject matches mail with exactly that subject.
func Subject(subject string) Match { return Header("Subject", subject) }

// Header matches mail with a header field that has exactly that value, unfolded and decoded.
func Header(name, value string) Match {
	return Match{want: fmt.Sprintf("%s is %q", name, value), fault: func(m *Mail) string {
		var values []string
		for _, f := range m.View().Header {
			if strings.EqualFold(f.Name, name) {
				values = append(values, f.Value)
			}
		}
		switch {
		case slices.Contains(values, value):
			return ""
		case len(values) == 0:
			return "no " + name
		}
		return fmt.Sprintf("%s is %q", name, values)
	}}
}

// SeesInText matches mail whose plain text has text in it; any white space counts as one space.
func SeesInText(text string) Match {
	return sees("text", text, func(v *View) string { return oneLine(v.Text) })
}

// SeesInHTML matches mail whose HTML shows text to its reader: tags do not count, entities are what they
// stand for, and any white space is one space.
func SeesInHTML(text string) Match {
	return sees("HTML", text, func(v *View) string { return visible(v.HTML) })
}

// HeaderMatches matches mail with a header field whose value, unfolded and decoded, has a match of a regular
// expression.
func HeaderMatches(name string, expression *regexp.Regexp) Match {
	return Match{want: fmt.Sprintf("%s matches %s", name, expression), fault: func(m *Mail) string {
		var values []string
		for _, f := range m.View().Header {
			if strings.EqualFold(f.Name, name) {
				values = append(values, f.Value)
			}
		}
		if slices.ContainsFunc(values, expression.MatchString) {
			return ""
		}
		return fmt.Sprintf("%s is %q", name, values)
	}}
}

// TextMatches matches mail whose plain text has a match of a regular expression.
func TextMatches(expression *regexp.Regexp) Match {
	return matches("text", expression, func(v *View) string { return v.Text })
}

// HTMLMatches matches mail whose HTML shows text to its reader, in one line, that has a match of a regular expression.
func HTMLMatches(expression *regexp.Regexp) Match {
	return matches("HTML", expression, func(v *View) string { return visible(v.HTML) })
}

func matches(where string, expression *regexp.Regexp, shown func(*View) string) Match {
	return Match{want: fmt.Sprintf("%s matches %s", where, expression), fault: func(m *Mail) string {
		all := shown(m.View())
		if expression.MatchString(all) {
			return ""
		}
		return fmt.Sprintf("%s shows %q", where, cut(all))
	}}
}

// ShowsItsParts matches mail whose HTML and inline parts fit: every "cid:" address has its part, and every
// inline part is shown.
func ShowsItsParts() Match {
	return Match{want: "the HTML shows its inline parts", fault: func(m *Mail) string {
		view := m.View()
		ids, addresses := shownIDs(view.HTML)
		var mismatches []string
		known := map[string]bool{}
		for _, p := range view.Inline {
			known[p.ContentID] = true
			if !ids.seen[p.ContentID] && !addresses[p.Location] {
				mismatches = append(mismatches, fmt.Sprintf("the inline part %q is not shown", p.ContentID+p.Location))
			}
		}
		for _, id := range ids.list {
			if !known[id] {
				mismatches = append(mismatches, fmt.Sprintf("no part for cid:%s", id))
			}
		}
		return strings.Join(mismatches, "; ")
	}}
}

func sees(where, text string, shown func(*View) string) Match {
	return Match{want: fmt.Sprintf("%s shows %q", where, text), fault: func(m *Mail) string {
		all := shown(m.View())
		if strings.Contains(all, oneLine(text)) {
			return ""
		}
		return fmt.Sprintf("%s shows %q", where, cut(all))
	}}
}

// cut keeps a text from filling the screen.
func cut(text string) string {
	const limit = 300
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "..."
	}
	return text
}

// HasAttachment matches mail with an attachment of that file name.
func HasAttachment(name string) Match {
	return Match{want: fmt.Sprintf("has the attachment %q", name), fault: func(m *Mail) string {
		if slices.ContainsFunc(m.View().Attachments, func(p Part) bool { return p.Name == name }) {
			return ""
		}
		return fmt.Sprintf("has the attachments %q", names(m.View().Attachments))
	}}
}

// HasAttachmentData matches mail with an attachment of that file name and content.
func HasAttachmentData(name string, data []byte) Match {
	return Match{want: fmt.Sprintf("has the attachment %q of %d octets", name, len(data)), fault: func(m *Mail) string {
		fault := HasAttachment(name).Mismatch(m)
		for _, p := range m.View().Attachments {
			switch {
			case p.Name != name:
			case bytes.Equal(p.Data, data):
				return ""
			default:
				fault = fmt.Sprintf("attachment %q has other content, of %d octets", name, len(p.Data))
			}
		}
		return fault
	}}
}

// HasInline matches mail with an inline part that its HTML can show as "cid:" + id.
func HasInline(id string) Match {
	return Match{want: fmt.Sprintf("has the inline part %q", id), fault: func(m *Mail) string {
		if _, ok := m.View().Part(id); ok {
			return ""
		}
		var ids []string
		for _, p := range m.View().Inline {
			ids = append(ids, p.ContentID)
		}
		return fmt.Sprintf("has the inline parts %q", ids)
	}}
}

func names(parts []Part) []string {
	var list []string
	for _, p := range parts {
		list = append(list, p.Name)
	}
	return list
}
