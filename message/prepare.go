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
	children []node
}

// preparer turns parts into nodes and collects what is wrong with them.
type preparer struct {
	eightBit bool
	ids      map[string]bool
	faults   []error
	step     string // of the nearest part that has one
	index    int
}

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
	if part.form == formMultipart && len(part.children) == 1 && collapses(part.media) {
		return p.node(&part.children[0])
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
	if err != nil {
		p.fault(part, err)
	}
	return n
}

// check judges what parts of all forms have.
func (p *preparer) check(part *Part) error {
	switch {
	case part.fault != nil:
		return part.fault
	case !utf8.ValidString(part.name):
		return errNotUTF8
	case hasControl(part.name) || strings.Contains(part.name, "\t"):
		return errControl
	}
	if err := checkText(part.description); err != nil {
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
		if checkText(x.Value) != nil || !mimewire.IsToken(x.Name) || strings.ContainsAny(x.Name, "*'%") || len(x.Name) > longestName || x.Name == "boundary" {
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
		return errNotUTF8
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
		facts.MangledByRelays = false // the spaces at line ends are meant
	}
	n.encoding = part.encoding
	if n.encoding == EncodingAuto {
		n.encoding = facts.Encoding(p.eightBit)
	}
	n.facts = facts.LineFacts
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
	if n.media == "message/rfc822" && n.encoding == Base64 {
		return errors.New("a message can't be encoded (RFC 2046 section 5.2.1): use Embed, or another type")
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
	n.children = make([]node, len(part.children))
	for i := range part.children {
		n.children[i] = p.node(&part.children[i])
		n.facts.EightBit = n.facts.EightBit || n.children[i].facts.EightBit
	}
	if n.media == "multipart/related" && n.children[0].media != "" && n.param("type") == "" {
		n.params = slices.Insert(n.params, 0, mimewire.Parameter{Name: "type", Value: n.children[0].media}) // RFC 2387 section 3.1
	}
	if part.form == formSigned && n.facts.EightBit {
		return errors.New("signed content must be 7-bit (RFC 1847 section 2.1)")
	}
	return nil
}
