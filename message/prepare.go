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
	facts    mimewire.LineFacts
	encoded  int // octets of a text in its encoding, or a few more
	children []node
}

// preparer turns parts into nodes and collects what is wrong with them.
type preparer struct {
	eightBit bool
	ids      map[string]bool
	faults   []error
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
	p.faults = append(p.faults, &FieldError{Field: p.step, Index: p.index, Value: value, Err: err})
}

// node looks at a part and what is in it.
func (p *preparer) node(part *Part) node {
	if part.step != "" {
		step, index := p.step, p.index
		p.step, p.index = part.step, part.index
		defer func() { p.step, p.index = step, index }()
	}
	if p.depth++; p.depth > maxDepth {
		p.depth--
		p.fault(part, fmt.Errorf("parts within each other deeper than %d", maxDepth))
		return node{part: part}
	}
	defer func() { p.depth-- }()
	if part.form == formMultipart && len(part.children) == 1 && part.joins {
		child, err := part.onlyChild()
		if err != nil {
			p.fault(part, err)
		}
		return p.node(child)
	}
	n := node{part: part}
	if err := p.check(part); err != nil {
		p.fault(part, err)
		return n
	}
	var err error
	switch part.form {
	case formText:
		err = p.text(&n)
	case formData:
		err = p.data(&n)
	case formMessage:
		err = p.message(&n)
	case formReady:
		err = p.ready(&n)
	case formMultipart, formSigned:
		err = p.multipart(&n)
	default:
		err = errors.New("a part without content: use one of the functions that make parts")
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
	return n
}

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

// param returns the value of a parameter; "" when there is none.
func (n *node) param(name string) string {
	for _, x := range n.params {
		if x.Name == name {
			return x.Value
		}
	}
	return ""
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

// text judges a text and finds how it travels.
func (p *preparer) text(n *node) error {
	part := n.part
	n.text = part.text
	facts := mimewire.ScanText(n.text)
	if facts.EightBit && !utf8.ValidString(n.text) {
		return mimewire.ErrNotUTF8
	}
	if err := n.typed(); err != nil {
		return err
	}
	if n.media == "text/calendar" {
		if err := checkCalendar(part.text, n.param("method")); err != nil {
			return err
		}
	}
	if facts.Returns {
		n.text = mimewire.SimpleEnds(n.text)
		facts = mimewire.ScanText(n.text)
	}
	if part.flowed {
		if n.media != "text/plain" {
			return errors.New("only plain text can be flowed")
		}
		if err := n.addParams(mimewire.Parameter{Name: "format", Value: "flowed"}); err != nil {
			return err
		}
		n.text = mimewire.Flow(n.text)
		facts = mimewire.ScanText(n.text)
	}
	if n.encoding = part.encoding; n.encoding == EncodingAuto {
		wanted := facts
		wanted.MangledByRelays = facts.MangledByRelays && (!part.flowed || p.signed) // the spaces of flowed text are meant
		n.encoding = wanted.Encoding(p.eightBit)
	}
	n.facts, n.encoded = facts.LineFacts, facts.EncodedSize(n.encoding)
	switch charset := n.param("charset"); {
	case charset != "":
		if facts.EightBit && !strings.EqualFold(charset, "utf-8") {
			return fmt.Errorf("the text is UTF-8, not %s", charset)
		}
	case strings.HasPrefix(n.media, "text/"):
		n.charset = "us-ascii"
		if facts.EightBit {
			n.charset = "utf-8"
		}
	}
	n.facts.EightBit = n.encoding == EightBit && facts.EightBit
	facts.Bare = false // line ends are written as they should be
	return facts.Fits(n.encoding)
}

// data judges a file. It is written as base64 unless the caller chose otherwise: relays may change
// anything else, and attachments must arrive octet by octet.
func (p *preparer) data(n *node) error {
	part := n.part
	var err error
	if n.size, err = part.source.measure(); err != nil {
		return err
	}
	if part.media == "" {
		n.media, n.params, err = guessType(part.name, part.source)
		if err == nil {
			err = n.addParams(part.params...)
		}
	} else {
		err = n.typed()
	}
	n.encoding = part.encoding
	if err != nil {
		return err
	}
	switch n.encoding {
	case EncodingAuto:
		n.encoding = Base64
	case SevenBit, EightBit:
		var s mimewire.LineScanner
		if _, err := part.source.writeTo(&s); err != nil {
			return err
		}
		n.facts = s.Facts()
		return n.facts.Fits(n.encoding)
	}
	return nil
}

// message judges a message within the message. It may not be encoded (RFC 2046 section 5.2.1) unless
// its header is in UTF-8 (RFC 6532 section 3.7).
func (p *preparer) message(n *node) error {
	part := n.part
	var s mimewire.LineScanner
	if _, err := part.source.writeTo(&s); err != nil {
		return err
	}
	n.facts = s.Facts()
	n.size = n.facts.Size
	n.media, n.encoding = "message/rfc822", SevenBit
	switch {
	case part.media != "":
		if err := n.typed(); err != nil {
			return err
		}
	case n.facts.Header:
		n.media, n.encoding = "message/global", Base64
		n.facts.EightBit = false
	}
	if part.encoding != EncodingAuto {
		return errors.New("a message within a message can't be encoded (RFC 2046 section 5.2.1)")
	}
	if n.facts.EightBit {
		n.encoding = EightBit
	}
	return n.facts.Fits(n.encoding)
}

// ready takes a part that was encoded before. Its content type may have been changed since.
func (p *preparer) ready(n *node) error {
	done := n.part.ready
	n.media, n.charset, n.params, n.encoding, n.facts = done.media, done.charset, done.params, done.encoding, done.facts
	if n.part.encoding != EncodingAuto && n.part.encoding != done.encoding {
		return fmt.Errorf("the part is encoded in %s already", done.encoding)
	}
	if n.part.flowed {
		return errors.New("the part is encoded already")
	}
	if n.part.media == "" {
		return n.addParams(n.part.params...)
	}
	n.params = nil
	err := n.typed()
	if !strings.HasPrefix(n.media, "text/") || n.param("charset") != "" {
		n.charset = ""
	}
	return err
}

func (p *preparer) multipart(n *node) error {
	part := n.part
	if len(part.children) == 0 {
		return errors.New("a multipart without parts")
	}
	if part.encoding != EncodingAuto {
		return errors.New("a multipart has no encoding of its own")
	}
	if err := n.typed(); err != nil {
		return err
	}
	if !strings.HasPrefix(n.media, "multipart/") {
		return errors.New("parts in parts need the type multipart")
	}
	if signed, raw := p.signed, p.raw; part.form == formSigned {
		p.signed, p.raw = true, false
		defer func() { p.signed, p.raw = signed, raw }()
	}
	n.children = make([]node, len(part.children))
	for i := range part.children {
		child := p.node(&part.children[i])
		n.facts.EightBit = n.facts.EightBit || child.facts.EightBit || p.raw && child.part.hasUTF8Header()
		n.children[i] = child
	}
	if n.media == "multipart/related" && n.children[0].media != "" && n.param("type") == "" {
		n.params = slices.Insert(n.params, 0, mimewire.Parameter{Name: "type", Value: n.children[0].media}) // RFC 2387 section 3.1
	}
	if part.form == formSigned && n.facts.EightBit {
		return errors.New("signed content must be 7-bit (RFC 1847 section 2.1)")
	}
	return nil
}

// hasUTF8Header reports whether a header field of the part is written in UTF-8, if any is.
func (p *Part) hasUTF8Header() bool {
	return !mimewire.IsASCII(p.description) || slices.ContainsFunc(p.fields, func(f field) bool { return !mimewire.IsASCII(f.text) })
}
