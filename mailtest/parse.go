package mailtest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"

	gomessage "github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // teaches go-message the charsets of old mail
	"github.com/emersion/go-message/textproto"
)

// Limits of Parse. They are far above real mail and keep what a hostile one costs near its own size.
const (
	maxHeader   = 1 << 20 // octets of the header section of the message or of a part
	maxFields   = 1000    // fields that a View keeps
	maxParts    = 1000    // leaves and multiparts together
	maxDepth    = 16      // multiparts within multiparts
	maxBoundary = 200     // RFC 2046 section 5.1.1 allows 70
	maxFaults   = 20
)

// Parse reads a message. It never fails: what is not as it should be is listed in Faults, and the rest is
// read as far as it goes. Time and memory are a small multiple of the message's size.
func Parse(message []byte) *View {
	p := parser{view: &View{}}
	p.entity(message, 0)
	return p.view
}

// parser collects a View while it walks through the parts.
type parser struct {
	view       *View
	entities   int
	boundaries []string // of the multiparts in their order
	hasText    bool
	hasHTML    bool
}

func (p *parser) fault(format string, args ...any) {
	if len(p.view.Faults) < maxFaults {
		p.view.Faults = append(p.view.Faults, fmt.Sprintf(format, args...))
	}
}

// entity reads a message or a part of one.
func (p *parser) entity(data []byte, depth int) {
	p.entities++
	head, body := cutHeader(data)
	header := p.header(head)
	if depth == 0 {
		p.keepFields(header)
	}
	media, params, err := header.ContentType()
	if err != nil {
		p.fault("content type %s: %v", short(header.Get("Content-Type")), err)
		media = "application/octet-stream" // what RFC 2046 section 4 asks for with unknown types
	}
	if !strings.HasPrefix(media, "multipart/") {
		p.leaf(header, media, body)
		return
	}
	boundary := params["boundary"]
	switch {
	case boundary == "" || len(boundary) > maxBoundary:
		p.fault("%s with a boundary of %d octets", media, len(boundary))
	case depth == maxDepth:
		p.fault("more than %d multiparts within each other", maxDepth)
	default:
		p.multipart(body, boundary, depth)
		return
	}
	p.leaf(header, "application/octet-stream", body)
}

func (p *parser) multipart(body []byte, boundary string, depth int) {
	p.boundaries = append(p.boundaries, boundary)
	parts, closed := cutParts(body, boundary, maxParts-p.entities+1)
	if !closed {
		p.fault("multipart without its end")
	}
	for _, part := range parts {
		if p.entities >= maxParts {
			p.fault("more than %d parts", maxParts)
			return
		}
		p.entity(part, depth+1)
	}
}

// header reads a header section as far as it goes.
func (p *parser) header(head []byte) gomessage.Header {
	if len(head) > maxHeader {
		p.fault("a header section of %d octets", len(head))
		head = head[:maxHeader]
	}
	h, err := textproto.ReadHeader(bufio.NewReader(bytes.NewReader(head)))
	if err != nil && err != io.EOF { //nolint:errorlint // a header section that ends with its last field
		p.fault("header: %s", short(err.Error()))
	}
	return gomessage.Header{Header: h}
}

func (p *parser) keepFields(header gomessage.Header) {
	fields := header.Fields()
	for fields.Next() {
		if len(p.view.Header) == maxFields {
			p.fault("more than %d header fields", maxFields)
			return
		}
		value, err := fields.Text()
		if err != nil {
			p.fault("%s: %v", fields.Key(), err)
		}
		p.view.Header = append(p.view.Header, Field{Name: fields.Key(), Value: strings.ToValidUTF8(value, "\ufffd")})
	}
}

// leaf reads something that has no parts.
func (p *parser) leaf(header gomessage.Header, media string, body []byte) {
	disposition, params, _ := header.ContentDisposition() // a broken one says nothing
	name := params["filename"]
	if name == "" {
		_, params, _ := header.ContentType()
		name = params["name"]
	}
	part := Part{Name: strings.ToValidUTF8(name, "\ufffd"), Type: media, ContentID: trimID(header.Get("Content-Id"))}
	disposition = strings.ToLower(disposition)
	isBody := name == "" && disposition != "attachment"
	switch {
	case isBody && media == "text/plain" && !p.hasText:
		p.hasText, p.view.Text = true, p.text(header, body)
		return
	case isBody && media == "text/html" && !p.hasHTML:
		p.hasHTML, p.view.HTML = true, p.text(header, body)
		return
	}
	// A file keeps its charset, because its octets are what was attached.
	header = gomessage.Header{Header: header.Copy().Header}
	header.SetContentType("application/octet-stream", nil)
	part.Data = p.decode(header, body)
	if disposition == "inline" || disposition != "attachment" && part.ContentID != "" {
		p.view.Inline = append(p.view.Inline, part)
	} else {
		p.view.Attachments = append(p.view.Attachments, part)
	}
}

// text decodes a body for reading.
func (p *parser) text(header gomessage.Header, body []byte) string {
	text := strings.ToValidUTF8(string(p.decode(header, body)), "\ufffd")
	return strings.ReplaceAll(text, "\r\n", "\n")
}

// decode undoes transfer encoding and charset. What cannot be decoded is given as it is, or up to there.
func (p *parser) decode(header gomessage.Header, body []byte) []byte {
	entity, err := gomessage.New(header, bytes.NewReader(body))
	if err != nil {
		p.fault("%s", short(err.Error()))
	}
	if entity == nil || entity.Body == nil {
		return body
	}
	data, err := io.ReadAll(entity.Body)
	if err != nil {
		p.fault("body: %s", short(err.Error()))
	}
	return data
}

// trimID takes the angle brackets off a Content-ID.
func trimID(id string) string {
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(id), "<"), ">")
}

// short keeps what a stranger wrote from filling the screen.
func short(s string) string {
	const most = 100
	if len(s) > most {
		s = s[:most] + "..."
	}
	return fmt.Sprintf("%q", s)
}
