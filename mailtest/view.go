package mailtest

import (
	"net/textproto"
)

// View is a mail as its reader sees it: decoded, in UTF-8, with LF line ends in text. It is a plain value
// that cmp.Diff compares.
type View struct {
	Header []Field // all fields of the message in their order
	Text   string  // the plain text that is not an attachment
	HTML   string  // the HTML that is not an attachment
	// Inline has the parts that the HTML shows: those with a Content-ID or a Content-Location, and those whose
	// disposition says so.
	Inline []Part
	// Attachments has all other parts.
	Attachments []Part
	// Faults says in words what could not be read, or not as the message says.
	Faults []string
}

// Field is a header field.
type Field struct {
	Name  string // in the usual case, such as "Message-Id"
	Value string // unfolded, encoded words decoded
}

// Part is a file in a mail.
type Part struct {
	Name      string // "" when it has none; never trust it as a path
	Type      string // the media type that the mail claims, in lower case, without parameters
	ContentID string // without angle brackets, "" when it has none
	Location  string // its Content-Location, by which HTML may show it (RFC 2557), "" when it has none
	Data      []byte // without its transfer encoding
}

// Get returns the first field of that name, in any case; "" without one.
func (v *View) Get(name string) string {
	name = textproto.CanonicalMIMEHeaderKey(name)
	for _, f := range v.Header {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// Subject returns the subject.
func (v *View) Subject() string { return v.Get("Subject") }

// Part returns the inline part with a Content-ID, which may have its angle brackets.
func (v *View) Part(contentID string) (part Part, ok bool) {
	contentID = trimID(contentID)
	for _, p := range v.Inline {
		if p.ContentID == contentID && contentID != "" {
			return p, true
		}
	}
	return Part{}, false
}
