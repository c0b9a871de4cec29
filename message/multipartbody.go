package message

import (
	"errors"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// multipartBody is made of parts.
type multipartBody struct {
	parts []Part
	joins bool // one part is written as that part
}

func (b multipartBody) prepare(p *preparer, n *node) error { return p.multipart(n, b.parts) }

// multipart judges a part that is made of parts.
func (p *preparer) multipart(n *node, parts []Part) error {
	part := n.part
	if len(parts) == 0 {
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
	n.children = make([]node, len(parts))
	for i := range parts {
		child := &n.children[i]
		p.node(&parts[i], child)
		n.facts.Binary = n.facts.Binary || child.facts.Binary
		n.facts.EightBit = n.facts.EightBit || child.facts.EightBit || p.raw && child.part.hasUTF8Header()
	}
	if n.media == "multipart/related" && n.children[0].media != "" && n.param("type") == "" {
		n.params = slices.Insert(n.params, 0, mimewire.Parameter{Name: "type", Value: n.children[0].media}) // RFC 2387 section 3.1
	}
	return nil
}
