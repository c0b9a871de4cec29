package message

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// node is a part that has been looked at: everything is known that its header and its octets need.
type node struct {
	part     *Part
	media    string
	charset  string // of a text whose part does not say it
	params   []mimewire.Parameter
	encoding Encoding
	size     int64  // of content in a source, before encoding
	text     string // of a text, its lines ending in LF or CRLF
	isPieced bool   // more stands in the text, encoded beforehand
	facts    mimewire.LineFacts
	encoded  int // octets of a text in its encoding, or a few more
	children []node
}

// preparer turns parts into nodes and collects what is wrong with them.
type preparer struct {
	eightBit bool
	ids      map[string]bool
	errs     []error
	step     string // of the nearest part that has one
	index    int
	depth    int  // of the part that is looked at
	signed   bool // it is in signed content
	raw      bool // header fields are written in UTF-8
}

// maxDepth bounds parts within each other: readers and servers have limits of their own, which are lower or not much
// higher, and what takes a part apart is written as a recursion everywhere.
const maxDepth = 100

func (p *preparer) fault(part *Part, err error) {
	value := part.name
	if value == "" && part.id != "" {
		value = part.id
	}
	p.errs = append(p.errs, &FieldError{Field: p.step, Index: p.index, Value: value, Err: err})
}

// node looks at a part and what is in it, and fills n, whose memory is the caller's and has nothing in it.
func (p *preparer) node(part *Part, n *node) {
	step, index := p.step, p.index
	if part.step != "" {
		p.step, p.index = part.step, part.index
	}
	if p.depth++; p.depth > maxDepth {
		p.fault(part, fmt.Errorf("parts within each other deeper than %d", maxDepth))
	} else {
		p.part(part, n)
	}
	p.depth--
	p.step, p.index = step, index
}

// part is node at a depth that is allowed.
func (p *preparer) part(part *Part, n *node) {
	n.part = part
	if m, ok := part.body.(multipartBody); ok && m.joins && len(m.parts) == 1 {
		child, err := part.onlyChild(&m.parts[0])
		if err != nil {
			p.fault(part, err)
		}
		p.node(child, n)
		return
	}
	if err := p.check(part); err != nil {
		p.fault(part, err)
		return
	}
	err := errNoBody
	if part.body != nil {
		err = part.body.prepare(p, n)
	}
	if err == nil && n.children == nil {
		err = n.checkLeaf()
	}
	if err == nil && n.children == nil && p.signed && n.facts.MangledByRelays && (n.encoding == SevenBit || n.encoding == EightBit) {
		err = errSigned
	}
	if err != nil {
		p.fault(part, err)
	}
}

var errNoBody = errors.New("a part without content: use one of the functions that make parts")

// checkLeaf refuses types of content that is made of parts or messages for a leaf that is not (RFC 2046 sections 5.1 and
// 5.2, RFC 2045 section 6.4): readers would look for parts in it.
func (n *node) checkLeaf() error {
	encoded := n.encoding == QuotedPrintable || n.encoding == Base64
	switch {
	case strings.HasPrefix(n.media, "multipart/"):
		return fmt.Errorf("%s is made of parts: use Mixed, Alternative, Related or Multipart", n.media)
	case !encoded:
		return nil
	case n.media == "message/rfc822":
		return errors.New("a message can't be encoded (RFC 2046 section 5.2.1): use AttachedMessage, or another type")
	case n.media == "message/partial", n.media == "message/external-body":
		return fmt.Errorf("%s can't be encoded (RFC 2046 sections 5.2.2 and 5.2.3): use Encoding(SevenBit), or another type", n.media)
	}
	return nil
}

// check judges what parts of all forms have.
func (p *preparer) check(part *Part) error {
	switch {
	case part.fault != nil:
		return part.fault
	case part.name == "": // nor has a text
	case !utf8.ValidString(part.name):
		return mimewire.ErrNotUTF8
	case strings.Contains(part.name, "\t"):
		return errors.New("control character U+0009")
	}
	if err := mimewire.CheckText(part.name); err != nil {
		return err
	}
	if err := mimewire.CheckText(part.description); err != nil {
		return fmt.Errorf("description: %w", err)
	}
	for _, f := range part.fields {
		if err := f.checkOwn(); err != nil {
			return &FieldError{Field: "Header", Value: f.name, Err: err}
		}
	}
	if part.id == "" {
		if part.step == "Inline" {
			return errContentID
		}
		return nil
	}
	switch {
	case !isVisible(part.id) || len(part.id) > mimewire.TooLong:
		return errContentID
	case p.ids[part.id]:
		return fmt.Errorf("the Content-ID %s is used twice", part.id)
	}
	if p.ids == nil {
		p.ids = map[string]bool{}
	}
	p.ids[part.id] = true
	return nil
}

var errSigned = errors.New("signed content must not have blanks at line ends or lines that begin with \"From \", " +
	"which relays change (RFC 3156 section 5): use the encoding QuotedPrintable, or attach a message as a file")

// longestName is the limit for the names of types and parameters (RFC 6838 section 4.2).
const longestName = 127

var errParam = errors.New("want a token and valid text")

var errContentID = errors.New("want a Content-ID of printable ASCII without spaces and angle brackets")

// typed sets the content type as the caller gave it.
func (n *node) typed() error {
	if isPlainType(n.part.media) {
		n.media = n.part.media
	} else {
		media, params, err := parseType(n.part.media)
		if err != nil {
			return err
		}
		n.media, n.params = media, params
	}
	if len(n.media) > 2*longestName {
		return fmt.Errorf("a content type of %d octets", len(n.media))
	}
	return n.addParams(n.part.params...)
}

// addParams adds parameters of the content type; of a name that is there already, the new value counts.
// It judges all of them, those of a type that the caller wrote too.
func (n *node) addParams(params ...mimewire.Parameter) error {
	for _, x := range params {
		x.Name = strings.ToLower(x.Name)
		at := slices.IndexFunc(n.params, func(y mimewire.Parameter) bool { return y.Name == x.Name })
		if at < 0 {
			n.params = append(n.params, x)
			continue
		}
		n.params = slices.Clone(n.params) // it may be the part's
		n.params[at] = x
	}
	for _, x := range n.params {
		// Boundaries are Build's; an asterisk would begin the forms of RFC 2231.
		if mimewire.CheckText(x.Value) != nil || !mimewire.IsToken(x.Name) || strings.ContainsAny(x.Name, "*'%") || len(x.Name) > longestName || x.Name == "boundary" {
			return &FieldError{Field: "Param", Value: x.Name, Err: errParam}
		}
	}
	return nil
}

// param returns the value of a parameter; "" without one.
func (n *node) param(name string) string {
	for _, x := range n.params {
		if x.Name == name {
			return x.Value
		}
	}
	return ""
}

// hasParam reports whether there is a parameter of a name, which may be empty.
func (n *node) hasParam(name string) bool {
	return slices.ContainsFunc(n.params, func(x mimewire.Parameter) bool { return x.Name == name })
}

// isPlainType reports whether s is type/subtype in lower case and nothing else.
func isPlainType(s string) bool {
	slash := false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '/' && !slash && i > 0 && i+1 < len(s):
			slash = true
		case c < 'a' && c != '-' && c != '.' && c != '+' && (c < '0' || c > '9') || c > 'z':
			return false
		}
	}
	return slash
}

// hasUTF8Header reports whether a header field of the part is written in UTF-8, if any is.
func (p *Part) hasUTF8Header() bool {
	return !mimewire.IsASCII(p.description) || slices.ContainsFunc(p.fields, func(f field) bool { return !mimewire.IsASCII(f.text) })
}
