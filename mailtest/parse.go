package mailtest

import (
	"bytes"
	"fmt"
	"io"
	"net/textproto"
	"strings"

	"github.com/depeche-mail/depeche/internal/mimeread"
)

// Limits of Parse. They are far above real mail and keep what a hostile one costs near its own size.
const (
	maxHeader = 4 << 20 // octets of the header section of the message or of a part
	maxFields = 1000    // fields that a View keeps
	maxParts  = 1000    // leaves and multiparts together
	maxDepth  = 100     // multiparts within multiparts
	maxFaults = 20
)

var limits = mimeread.Limits{Depth: maxDepth, Parts: maxParts, Header: maxHeader}

// readSection reads the header section, which may be missing.
func readSection(message []byte) *mimeread.Section {
	if section := mimeread.ReadSection(message); len(section.Fields) > 0 {
		return section
	}
	return mimeread.ReadPartSection(message)
}

// Parse reads a message, as package message/eml does. It never fails: what is not as it should be is listed in
// Faults, and the rest is read as far as it goes. Time and memory are a small multiple of the message's size.
func Parse(message []byte) *View {
	p := parser{view: &View{}}
	section := readSection(message)
	p.keepFields(section)
	for _, f := range section.Faults {
		p.fault("%s", f)
	}
	if section.Body > maxHeader {
		p.fault("a header section of %d octets", section.Body)
	}
	p.body(message, section)
	return p.view
}

// parser collects a View.
type parser struct{ view *View }

func (p *parser) fault(format string, args ...any) {
	if len(p.view.Faults) < maxFaults {
		p.view.Faults = append(p.view.Faults, fmt.Sprintf(format, args...))
	}
}

func (p *parser) keepFields(section *mimeread.Section) {
	charset := section.Charset()
	for _, f := range section.Fields {
		if len(p.view.Header) == maxFields {
			p.fault("more than %d header fields", maxFields)
			return
		}
		value := section.Raw(f)
		if unknown := mimeread.UnknownCharset(value); unknown != "" {
			p.fault("%s: unknown charset %q", f.Name, unknown)
		}
		p.view.Header = append(p.view.Header, Field{Name: textproto.CanonicalMIMEHeaderKey(f.Name), Value: mimeread.Text(value, charset)})
	}
}

// body takes the body apart. The message is in memory, so that reading it can't fail.
func (p *parser) body(message []byte, section *mimeread.Section) {
	limits := limits
	limits.Text = len(message) + 1
	src := bytes.NewReader(message)
	tree, err := mimeread.ReadTree(src, int64(len(message)), section, int64(section.Body), limits)
	if err != nil {
		p.fault("%v", err)
		return
	}
	content, err := tree.ReadContent(src, limits)
	if err != nil {
		p.fault("%v", err)
		return
	}
	for _, f := range content.Faults {
		p.fault("%s", f)
	}
	p.view.Text, p.view.HTML = content.Text, content.HTML
	for _, f := range content.Files {
		p.file(f)
	}
}

// file keeps a part. One with a Content-ID is what the HTML shows, unless it says otherwise.
func (p *parser) file(f *mimeread.File) {
	data, err := io.ReadAll(f.Open())
	if err != nil {
		p.fault("%s: %v", f.Node.Path, err)
	}
	part := Part{Name: f.Name, Type: f.Node.Media, ContentID: f.Node.ContentID, Location: f.Node.Location, Data: data}
	if f.Node.Broken {
		part.Type = "application/octet-stream"
	}
	if f.Node.Disposition == "inline" || f.Node.Disposition != "attachment" && (part.ContentID != "" || part.Location != "") {
		p.view.Inline = append(p.view.Inline, part)
	} else {
		p.view.Attachments = append(p.view.Attachments, part)
	}
}

// trimID takes the angle brackets off a Content-ID.
func trimID(id string) string {
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(id), "<"), ">")
}
