package mimeread

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Limits bound what is looked at in a body. Zero means the default.
type Limits struct {
	Depth  int // multiparts within each other; default 100
	Parts  int // multiparts and leaves together; default 10,000
	Header int // octets of a header section; default 64 MiB
	Text   int // decoded octets of all texts together; default 64 MiB
}

// WithDefaults returns the limits with defaults in place of zeros.
func (l Limits) WithDefaults() Limits {
	set := func(n *int, to int) {
		if *n <= 0 {
			*n = to
		}
	}
	set(&l.Depth, 100)
	set(&l.Parts, 10_000)
	set(&l.Header, 64<<20)
	set(&l.Text, 64<<20)
	return l
}

// Node is an entity of a message: the message itself, or a part of it.
type Node struct {
	Path        string   // such as "1.2"; "" for the message
	Section     *Section // its header section
	Media       string
	Params      map[string]string
	Encoding    Encoding
	Disposition string // in lower case; "" for none
	Name        string // the file name; "" for none
	ContentID   string // without angle brackets; "" for none
	Location    string // of Content-Location; "" for none
	Start, End  int64  // of its content in the source
	Children    []*Node
	Broken      bool // its content is octets whatever it says: it could not be taken apart
}

// IsMultipart reports whether the content consists of parts.
func (n *Node) IsMultipart() bool { return strings.HasPrefix(n.Media, "multipart/") && !n.Broken }

// Tree is the body of a message, taken apart.
type Tree struct {
	Root   *Node
	Faults []Fault
}

// ReadTree takes the body of a message apart in one pass. The section is that of the message, whose body begins at an
// offset of src and ends at size. The error is one of src.
func ReadTree(src io.ReaderAt, size int64, section *Section, body int64, limits Limits) (*Tree, error) {
	t := treeReader{src: src, size: size, limits: limits.WithDefaults(), onlyCR: section.onlyCR()}
	root := t.node(section, "", "text/plain")
	root.Start, root.End = body, size
	if !root.IsMultipart() {
		return &Tree{root, t.faults}, nil
	}
	if err := t.read(root); err != nil {
		return nil, err
	}
	if len(root.Children) == 0 {
		if boundary := t.sniff(body); boundary != "" {
			t.fault(root, "its parts are divided by "+shorten("--"+boundary)+" instead")
			root.Params["boundary"] = boundary
			if err := t.read(root); err != nil {
				return nil, err
			}
		}
	}
	return &Tree{root, t.faults}, nil
}

// onlyCR reports whether the lines of the header section end with CR alone.
func (s *Section) onlyCR() bool {
	head := s.octets[:s.Body]
	return bytes.IndexByte(head, '\r') >= 0 && bytes.IndexByte(head, '\n') < 0
}

// treeReader walks through the lines of a body once.
type treeReader struct {
	src    io.ReaderAt
	size   int64
	limits Limits
	onlyCR bool
	nodes  int
	faults []Fault

	frames []frame
	lines  *lineReader
	open   map[string][]int // boundary -> the frames that have it
	start  int64            // where the header section of the part under way begins
	heads  bool             // it is being read
	last   int64            // where the line end before this line begins
}

// frame is a multipart that has not ended.
type frame struct {
	node     *Node
	boundary string
	part     *Node // the one under way; nil in the preamble
}

func (t *treeReader) fault(n *Node, reason string) {
	place := "body"
	if n.Path != "" {
		place = "part " + n.Path
	}
	t.faults = addFault(t.faults, place, reason)
}

// node makes a node of a header section.
func (t *treeReader) node(s *Section, path, otherwise string) *Node {
	t.nodes++
	n := &Node{Path: path, Section: s, Params: map[string]string{}}
	if path != "" { // those of the message are known already
		for _, f := range s.Faults {
			t.fault(n, f.Place+": "+f.Reason)
		}
	}
	n.Media = otherwise
	value := s.First("Content-Type")
	h := ParseHeader(value, "")
	if charset := h.Params["charset"]; charset != "" && !isPlainASCII(value) {
		h = ParseHeader(value, charset)
	}
	if h.Value != "" {
		media, reason := h.MediaType()
		if n.Media = media; reason != "" {
			t.fault(n, reason)
		}
	}
	n.Params = h.Params
	disposition := ParseHeader(s.First("Content-Disposition"), h.Params["charset"])
	n.Disposition = disposition.Value
	for _, reason := range append(h.Faults, disposition.Faults...) {
		t.fault(n, reason)
	}
	if n.Name = disposition.Params["filename"]; n.Name == "" {
		n.Name = h.Params["name"]
	}
	n.Name = strings.TrimSpace(strings.ReplaceAll(n.Name, "\t", " "))
	n.ContentID = strings.Trim(strings.TrimSpace(withoutComments(s.First("Content-ID"))), "<>")
	n.Location = strings.Join(strings.Fields(s.First("Content-Location")), "")
	if !n.IsMultipart() {
		var reason string
		if n.Encoding, reason = ParseEncoding(s.First("Content-Transfer-Encoding")); reason != "" {
			t.fault(n, reason)
		}
	}
	return n
}

func isPlainASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// read takes a multipart apart.
func (t *treeReader) read(root *Node) error {
	t.frames, t.open, t.heads = nil, map[string][]int{}, false
	if !t.push(root) {
		return nil
	}
	t.last = root.Start
	t.lines = newLineReader(t.src, root.Start, root.End, t.onlyCR)
	for len(t.frames) > 0 {
		line, err := t.lines.next()
		if errors.Is(err, io.EOF) {
			if t.heads && t.begin(t.size) {
				continue
			}
			break
		}
		if err != nil {
			return err
		}
		if !t.line(line) {
			return nil
		}
		if t.lines.offset == line.end { // and was not sent back
			t.last = line.content
		}
	}
	t.close(0, t.size)
	return nil
}

// push begins a multipart. It reports whether its parts can be looked for.
func (t *treeReader) push(n *Node) bool {
	boundary := strings.TrimRight(n.Params["boundary"], " \t")
	switch {
	case boundary == "" || len(boundary) > maxBoundary:
		t.fault(n, fmt.Sprintf("a multipart with a boundary of %d octets", len(boundary)))
		n.Broken = n.Path != ""
		return false
	case len(t.frames) >= t.limits.Depth:
		t.fault(n, fmt.Sprintf("multiparts nested deeper than %d", t.limits.Depth))
		n.Broken = true
		return false
	}
	t.open[boundary] = append(t.open[boundary], len(t.frames))
	t.frames = append(t.frames, frame{node: n, boundary: boundary})
	return true
}

// line looks at a line. It reports whether to go on.
func (t *treeReader) line(line bodyLine) bool {
	if line.whole && bytes.HasPrefix(line.head, []byte("--")) {
		if at, last, ok := t.delimiter(line.head); ok {
			return t.delimited(line, at, last)
		}
	}
	if !t.heads {
		return true
	}
	tooLong := line.end-t.start > int64(t.limits.Header)
	if line.content == line.start || tooLong {
		t.begin(line.end)
	}
	if tooLong {
		part := t.frames[len(t.frames)-1].node
		t.fault(part, fmt.Sprintf("a part with a header section longer than %d octets", t.limits.Header))
	}
	return true
}

// delimiter returns the frame whose delimiter a line is, and whether it is the last of it. Some programs write one
// hyphen of the last two.
func (t *treeReader) delimiter(line []byte) (at int, last, ok bool) {
	text := bytes.TrimRight(line[2:], " \t\r")
	for _, end := range []string{"", "--", "-"} {
		if boundary, cut := bytes.CutSuffix(text, []byte(end)); cut {
			if frames := t.open[string(boundary)]; len(frames) > 0 {
				return frames[len(frames)-1], end != "", true
			}
		}
	}
	return 0, false, false
}

// delimited ends the part under way, and begins another one unless the delimiter was the last.
func (t *treeReader) delimited(line bodyLine, at int, last bool) bool {
	if t.heads && t.begin(line.start) {
		return true
	}
	t.close(at+1, t.last)
	f := &t.frames[at]
	if f.part != nil {
		f.part.End = max(f.part.Start, t.last)
		f.part = nil
	}
	if last {
		t.pop()
		return true
	}
	if t.nodes >= t.limits.Parts {
		rest := &Node{Path: f.node.childPath(), Section: &Section{}, Media: octetStream, Params: map[string]string{}, Broken: true, Start: line.start, End: t.size}
		t.fault(rest, fmt.Sprintf("more than %d parts; the rest was not taken apart", t.limits.Parts))
		f.node.Children = append(f.node.Children, rest)
		t.close(0, t.size)
		return false
	}
	t.heads, t.start = true, line.end
	return true
}

const octetStream = "application/octet-stream"

func (n *Node) childPath() string {
	number := strconv.Itoa(len(n.Children) + 1)
	if n.Path == "" {
		return number
	}
	return n.Path + "." + number
}

// begin makes a part of the header section that was read, which ends before an offset at the latest. It reports whether
// lines before the offset are read again: those of a multipart without the empty line before its body.
func (t *treeReader) begin(end int64) (again bool) {
	t.heads = false
	f := &t.frames[len(t.frames)-1]
	octets := make([]byte, end-t.start)
	n, err := t.src.ReadAt(octets, t.start)
	if err != nil && !errors.Is(err, io.EOF) {
		octets = octets[:n]
	}
	section := ReadPartSection(octets)
	otherwise := "text/plain"
	if f.node.Media == "multipart/digest" { // RFC 2046 section 5.1.5
		otherwise = "message/rfc822"
	}
	part := t.node(section, f.node.childPath(), otherwise)
	part.Start = t.start + int64(section.Body)
	part.End = part.Start
	f.node.Children = append(f.node.Children, part)
	f.part = part
	if again = part.IsMultipart() && t.push(part) && part.Start < end; again {
		t.lines.goTo(part.Start)
		t.last = part.Start
	}
	return again
}

// close ends all frames from a number on: their last delimiters are missing.
func (t *treeReader) close(from int, end int64) {
	for len(t.frames) > from {
		f := t.frames[len(t.frames)-1]
		if f.part != nil {
			f.part.End = max(f.part.Start, end)
		}
		t.fault(f.node, "a multipart without its last delimiter")
		f.node.End = max(f.node.Start, end)
		t.pop()
	}
}

func (t *treeReader) pop() {
	f := t.frames[len(t.frames)-1]
	list := t.open[f.boundary]
	t.open[f.boundary] = list[:len(list)-1]
	t.frames = t.frames[:len(t.frames)-1]
}

// sniff returns what the first line of a body that looks like a delimiter has for a boundary; "" for none.
func (t *treeReader) sniff(body int64) string {
	lines := newLineReader(t.src, body, t.size, t.onlyCR)
	for range 1000 {
		line, err := lines.next()
		if err != nil {
			return ""
		}
		boundary, ok := strings.CutPrefix(string(line.head), "--")
		boundary = strings.TrimRight(boundary, " \t")
		if ok && line.whole && len(boundary) >= 4 && len(boundary) <= 70 && !strings.ContainsAny(boundary, " \t<>") && strings.Trim(boundary, "-") != "" {
			return boundary
		}
	}
	return ""
}

// Open returns the content of a node without its transfer encoding. It reads src as it is read.
func (n *Node) Open(src io.ReaderAt) io.Reader {
	return n.Encoding.Decoder(n.Raw(src))
}

// Raw returns the content of a node as it came.
func (n *Node) Raw(src io.ReaderAt) io.Reader {
	return io.NewSectionReader(src, n.Start, n.End-n.Start)
}
