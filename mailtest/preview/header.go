package preview

import (
	"net/textproto"
	"strings"

	"github.com/depeche-mail/depeche/mailtest"
)

// namedAsSent returns the header fields of a mail with their names as they were sent, such as "MIME-Version".
func namedAsSent(mail *mailtest.Mail) []mailtest.Field {
	sent := sentNames(mail.Source())
	fields := make([]mailtest.Field, 0, len(mail.View().Header))
	for _, f := range mail.View().Header {
		name := f.Name
		for i, candidate := range sent {
			if textproto.CanonicalMIMEHeaderKey(candidate) == f.Name {
				name, sent = candidate, sent[i+1:]
				break
			}
		}
		fields = append(fields, mailtest.Field{Name: cut(name, maxTitle), Value: cut(f.Value, maxValue)})
	}
	return fields
}

// sentNames returns the names of the fields of a message in their order. Lines that are not fields are left out.
func sentNames(message string) []string {
	var names []string
	for line := range strings.Lines(message) {
		if strings.TrimRight(line, "\r\n") == "" {
			break
		}
		if name, _, ok := strings.Cut(line, ":"); ok && line[0] != ' ' && line[0] != '\t' {
			names = append(names, strings.TrimRight(name, " \t"))
		}
	}
	return names
}

// blind returns the recipients of a mail that neither To nor Cc names.
func blind(mail *mailtest.Mail) []string {
	shown := strings.ToLower(strings.Join(append(values(mail.View(), "To"), values(mail.View(), "Cc")...), ", "))
	var list []string
	for _, r := range mail.Envelope().Recipients() {
		if address := r.Address.String(); !hasAddress(shown, strings.ToLower(address)) && !hasAddress(shown, strings.ToLower(r.Address.Unicode())) {
			list = append(list, address)
		}
	}
	return list
}

// hasAddress reports whether a list of addresses has one, and not only a longer one that contains it.
func hasAddress(list, address string) bool {
	isPart := func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 0x80 || strings.IndexByte("!#$%&'*+/=?^_`{|}~.-", c) >= 0
	}
	for from := 0; ; {
		i := strings.Index(list[from:], address)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(address)
		if (start == 0 || !isPart(list[start-1])) && (end == len(list) || !isPart(list[end])) {
			return true
		}
		from = start + 1
	}
}

// values returns the values of all fields with that name.
func values(view *mailtest.View, name string) []string {
	var list []string
	for _, f := range view.Header {
		if f.Name == name {
			list = append(list, f.Value)
		}
	}
	return list
}
