package eml

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/internal/mimeread"
	"github.com/depeche-mail/depeche/internal/mimewire"
	"github.com/depeche-mail/depeche/message"
)

// Content is the body of a message, taken apart.
type Content struct {
	Text        string         // the plain text form; "" for none
	HTML        string         // the HTML form; "" for none
	Attachments []message.Part // everything else: files, inline parts, other messages
	// Faults says what could not be read, or not as the mail says, and where. A part that can't be decoded is an
	// attachment with its octets as they came.
	Faults []Fault
}

// Content takes the body apart. Texts are decoded to UTF-8 with LF line ends; those that follow an inline part
// are joined. Attachments can be attached to another message as they are. What can't be read is told in Faults and never
// costs the rest; the error is one of the source that [Open] was given.
func (m *Message) Content() (Content, error) {
	limits := m.options.limits()
	tree, err := mimeread.ReadTree(m.src, m.size, m.section, m.body, limits)
	if err != nil {
		return Content{}, fmt.Errorf("eml: %w", err)
	}
	found, err := tree.ReadContent(m.src, limits)
	if err != nil {
		return Content{}, fmt.Errorf("eml: %w", err)
	}
	c := Content{Text: found.Text, HTML: found.HTML, Faults: found.Faults}
	ids := map[string]bool{}
	for _, f := range found.Files {
		part, err := m.part(f)
		if err != nil {
			return Content{}, fmt.Errorf("eml: %w", err)
		}
		if id := f.Node.ContentID; isContentID(id) && !ids[id] {
			ids[id] = true
			part = part.ContentID(id)
		}
		if f.IsInline() {
			part = part.Inline()
		}
		if f.Name != "" {
			part = part.WithName(f.Name)
		}
		c.Attachments = append(c.Attachments, part)
	}
	return c, nil
}

// part returns a file as a part that Build takes, whatever others have called it.
func (m *Message) part(f *mimeread.File) (message.Part, error) {
	const small = 64 << 10
	n := f.Node
	if f.Data == nil && isMessage(n.Media) && !n.Broken {
		if part, ok, err := m.inner(n); ok || err != nil {
			return part, err
		}
		return typed(m.file(f, small)), nil
	}
	part := m.file(f, small)
	if n.Broken || !isLeafType(n.Media) {
		return typed(part), nil
	}
	part = part.WithType(n.Media)
	for _, name := range sortedNames(n.Params) {
		part = part.Param(name, mimewire.CleanText(n.Params[name]))
	}
	return part, nil
}

const octetStream = "application/octet-stream"

// typed returns a part of a type that says nothing.
func typed(p message.Part) message.Part { return p.WithType(octetStream) }

// file returns the octets of a file: in memory if they are few.
func (m *Message) file(f *mimeread.File, small int64) message.Part {
	if f.Data != nil {
		return message.FileBytes("", f.Data)
	}
	if f.Node.End-f.Node.Start <= small {
		if data, err := io.ReadAll(f.Open()); err == nil {
			return message.FileBytes("", data)
		}
	}
	return message.FileFunc("", func() (io.ReadCloser, error) { return io.NopCloser(f.Open()), nil })
}

// inner returns a message within the message, which must be one that can be written as it is.
func (m *Message) inner(n *mimeread.Node) (part message.Part, ok bool, err error) {
	var src io.ReaderAt = io.NewSectionReader(m.src, n.Start, n.End-n.Start)
	size := n.End - n.Start
	if n.Encoding != mimeread.Identity {
		limit := int64(m.options.limits().Text)
		data, err := io.ReadAll(io.LimitReader(n.Open(m.src), limit+1))
		if err != nil || int64(len(data)) > limit {
			return part, false, err
		}
		src, size = bytes.NewReader(data), int64(len(data))
	}
	inner, err := Open(src, size, m.options)
	if err != nil {
		return part, false, nil //nolint:nilerr // it is not a message: then it is a file
	}
	part, ok = inner.attached()
	return part, ok, nil
}

func isMessage(media string) bool { return media == "message/rfc822" || media == "message/global" }

// isLeafType reports whether Build takes a media type for a file.
func isLeafType(media string) bool {
	kind, subtype, ok := strings.Cut(media, "/")
	const longest = 127 // RFC 6838 section 4.2
	switch {
	case !ok || len(kind) > longest || len(subtype) > longest || !mimewire.IsToken(kind) || !mimewire.IsToken(subtype):
		return false
	case kind == "multipart", isMessage(media), media == "message/partial", media == "message/external-body":
		return false
	}
	return true
}

// sortedNames returns the names of the parameters that Build takes, the charset first.
func sortedNames(params map[string]string) []string {
	var names []string
	for name := range params {
		const longest = 127
		if name != "name" && name != "boundary" && len(name) <= longest && mimewire.IsToken(name) && !strings.ContainsAny(name, "*'%") {
			names = append(names, name)
		}
	}
	const limit = 100 // more tell nothing
	slices.SortFunc(names, func(a, b string) int {
		switch {
		case a == "charset":
			return -1
		case b == "charset":
			return 1
		}
		return strings.Compare(a, b)
	})
	return names[:min(len(names), limit)]
}

// isContentID reports whether Build takes a Content-ID.
func isContentID(id string) bool {
	const longest = 900
	return id != "" && len(id) <= longest && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' })
}
