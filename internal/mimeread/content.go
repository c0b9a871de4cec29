package mimeread

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/depeche-mail/depeche/internal/charset"
)

// Content is a body as its reader sees it.
type Content struct {
	Text    string // with LF line ends
	HTML    string
	HasText bool // there was one, though it may be empty
	HasHTML bool
	Files   []*File
	Faults  []Fault
}

// File is a part that is not shown as text: an attachment, an inline part, another message.
type File struct {
	Node *Node
	Name string
	Data []byte // of what was taken out of a text; nil when the node has it
	src  io.ReaderAt
}

// IsInline reports whether the part is to be shown in its place.
func (f *File) IsInline() bool { return f.Data == nil && f.Node.Disposition == "inline" }

// Open returns the octets of the file. Files of a node are decoded anew each time.
func (f *File) Open() io.Reader {
	switch {
	case f.Data != nil:
		return strings.NewReader(string(f.Data))
	case f.Node.Broken:
		return f.Node.Raw(f.src)
	}
	return f.Node.Open(f.src)
}

// ReadContent chooses what of a tree is text and what is a file, and decodes the texts. The error is one of src.
func (t *Tree) ReadContent(src io.ReaderAt, limits Limits) (*Content, error) {
	c := chooser{src: src, room: limits.WithDefaults().Text, content: &Content{Faults: t.Faults}}
	if err := c.node(t.Root, place{only: true}); err != nil {
		return nil, err
	}
	c.content.Text, c.content.HTML = joinTexts(c.texts), joinTexts(c.htmls)
	return c.content, nil
}

// chooser walks through a tree in its order.
type chooser struct {
	src     io.ReaderAt
	room    int // for decoded text
	content *Content
	texts   []string
	htmls   []string
}

// place is where a node stands.
type place struct {
	only bool         // it is the whole message
	file bool         // beside the root of multipart/related
	seen *formsInside // of the multipart/alternative that the node is a form of; nil for none
}

// formsInside says which forms a multipart/alternative has shown.
type formsInside struct{ text, html bool }

func (c *chooser) fault(n *Node, reason string) {
	at := "body"
	if n.Path != "" {
		at = "part " + n.Path
	}
	c.content.Faults = addFault(c.content.Faults, at, reason)
}

func (c *chooser) node(n *Node, at place) error {
	if !n.IsMultipart() || len(n.Children) == 0 {
		return c.leaf(n, at)
	}
	var seen *formsInside
	if n.Media == "multipart/alternative" {
		seen = &formsInside{}
	}
	root := n.related()
	for i, child := range n.Children {
		inside := place{seen: seen, file: at.file}
		if root >= 0 && i != root && (child.ContentID != "" || child.Location != "") {
			inside.file = true
		}
		if err := c.node(child, inside); err != nil {
			return err
		}
	}
	return nil
}

// related returns which child is the root of multipart/related (RFC 2387 section 3.2); -1 for other types.
func (n *Node) related() int {
	if n.Media != "multipart/related" {
		return -1
	}
	start := strings.Trim(n.Params["start"], "<> ")
	for i, child := range n.Children {
		if start != "" && child.ContentID == start {
			return i
		}
	}
	return 0
}

// leaf takes a part without parts.
func (c *chooser) leaf(n *Node, at place) error {
	switch {
	case n.IsMultipart():
		c.fault(n, "a multipart without parts is a file")
		n.Broken = true
		c.add(n)
		return nil
	case n.Encoding == UUencode:
		return c.uuencoded(n)
	case n.Encoding == UnknownEncoding && !c.readable(n):
		n.Broken = true
		c.add(n)
		return nil
	}
	html := n.Media == "text/html"
	switch {
	case at.file || !n.isBody(at.only):
	case at.seen == nil:
		return c.text(n, html)
	case html && !at.seen.html, !html && !at.seen.text:
		at.seen.html, at.seen.text = at.seen.html || html, at.seen.text || !html
		return c.text(n, html)
	}
	c.add(n)
	return nil
}

// isBody reports whether a leaf is text to be shown. RFC 2046 section 4.1.4 wants unknown kinds of text shown as
// plain text; of a mail with several parts that would show what is a file to all others.
func (n *Node) isBody(only bool) bool {
	kind, _ := strings.CutPrefix(n.Media, "text/")
	switch {
	case n.Broken, n.Disposition == "attachment":
		return false
	case kind == "plain", kind == "html":
		return n.Name == "" || only
	case only && kind != n.Media:
		return n.Name == "" && kind != "calendar" && kind != "x-vcard" && kind != "vcard" && kind != "directory"
	}
	return false
}

func (c *chooser) add(n *Node) {
	c.content.Files = append(c.content.Files, &File{Node: n, Name: n.Name, src: c.src})
}

// text decodes a text and appends it to those of its kind.
func (c *chooser) text(n *Node, html bool) error {
	content := n.Open(c.src)
	var decoder base64Decoder
	if n.Encoding == Base64 {
		content = decoder.reader(n.Raw(c.src))
	}
	octets, err := io.ReadAll(io.LimitReader(content, int64(c.room)+1))
	if err != nil {
		return err
	}
	if len(octets) > c.room {
		c.fault(n, "a text that is too long to be shown is a file")
		c.add(n)
		return nil
	}
	c.room -= len(octets)
	text, err := charset.Decode(n.Params["charset"], octets)
	switch {
	case n.Encoding == Base64 && (decoder.stray || err != nil) && c.isWords(n):
		c.fault(n, "a text that is not in base64, though it says so")
		octets, failed := io.ReadAll(io.LimitReader(n.Raw(c.src), int64(c.room)))
		if failed != nil {
			return failed
		}
		text, err = charset.Decode(n.Params["charset"], octets)
	case decoder.stray:
		c.fault(n, "octets that are not base64 were ignored")
	}
	if err != nil {
		c.fault(n, err.Error())
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if html {
		c.htmls = append(c.htmls, text)
		c.content.HasHTML = true
		return nil
	}
	text, files := CutUUencoded(text)
	c.texts = append(c.texts, text)
	c.content.HasText = true
	for _, f := range files {
		c.content.Files = append(c.content.Files, dataFile(n, f))
	}
	return nil
}

// readable reports whether a part in an unknown transfer encoding is text as it came. RFC 2045 section 6.4 wants it
// treated as octets, and most programs that invent a name mean none.
func (c *chooser) readable(n *Node) bool {
	octets := c.beginning(n)
	text, err := charset.Decode(n.Params["charset"], octets)
	return err == nil && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\r\n\f\x1b", r) }) && spaced(text)
}

// isWords reports whether the lines of a part have blanks in them, as those of a text.
func (c *chooser) isWords(n *Node) bool { return spaced(string(c.beginning(n))) }

// beginning returns some octets of a part as they came, whole lines.
func (c *chooser) beginning(n *Node) []byte {
	const enough = 16 << 10
	octets, err := io.ReadAll(io.LimitReader(n.Raw(c.src), enough))
	if err != nil {
		return nil
	}
	if at := bytes.LastIndexByte(octets, '\n'); len(octets) == enough && at > 0 {
		octets = octets[:at]
	}
	return octets
}

// spaced reports whether most lines of a text have blanks between words.
func spaced(text string) bool {
	lines, with := 0, 0
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines++
			if strings.Contains(line, " ") {
				with++
			}
		}
	}
	return with*2 > lines
}

// dataFile is a file that was taken out of a node.
func dataFile(n *Node, f UUFile) *File {
	if f.Data == nil {
		f.Data = []byte{}
	}
	name := strings.TrimSpace(Text(f.Name, n.Params["charset"]))
	return &File{Node: &Node{Path: n.Path, Media: octetStream, Section: &Section{}}, Name: name, Data: f.Data}
}

// joinTexts puts texts after each other, each on a line of its own.
func joinTexts(texts []string) string {
	if len(texts) == 1 { // as nearly always: it is not copied
		return texts[0]
	}
	var out strings.Builder
	for _, text := range texts {
		if before := out.String(); before != "" && !strings.HasSuffix(before, "\n") {
			out.WriteByte('\n')
		}
		out.WriteString(text)
	}
	return out.String()
}

// uuencoded decodes a part in uuencode. What is not that is a file with its octets as they came.
func (c *chooser) uuencoded(n *Node) error {
	octets, err := io.ReadAll(io.LimitReader(n.Raw(c.src), int64(c.room)+1))
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	file, ok := DecodeUU(octets)
	if !ok || len(octets) > c.room {
		c.fault(n, fmt.Sprintf("a part of %d octets is not uuencode that can be read", n.End-n.Start))
		n.Broken = true
		c.add(n)
		return nil
	}
	c.room -= len(octets)
	whole := dataFile(n, file)
	if n.Name != "" {
		whole.Name = n.Name
	}
	whole.Node.Media, whole.Node.ContentID, whole.Node.Disposition = n.Media, n.ContentID, n.Disposition
	if strings.HasPrefix(n.Media, "text/") || strings.HasPrefix(n.Media, "multipart/") || strings.HasPrefix(n.Media, "message/") {
		whole.Node.Media = octetStream
	}
	c.content.Files = append(c.content.Files, whole)
	return nil
}
