package message

import (
	"errors"
	"mime"
	"strings"
)

// entity is a node of the body tree: text, a part, or a multipart of other entities.
type entity struct {
	media    string // content type with parameters, of text and multiparts
	text     *string
	part     *Part
	children []entity
}

// body arranges what was given: the HTML with its inline parts in multipart/related, beside the
// plain text in multipart/alternative, before the attachments in multipart/mixed. No multipart has
// only one child.
func (s *state) body() entity {
	var alternatives []entity
	if s.text != nil || s.html == nil {
		text := ""
		if s.text != nil {
			text = *s.text
		}
		alternatives = append(alternatives, textEntity("text/plain", text))
	}
	if s.html != nil {
		related := append([]entity{textEntity("text/html", *s.html)}, s.parts("Inline", s.inline)...)
		alternatives = append(alternatives, multipart(`multipart/related; type="text/html"`, related))
	}
	mixed := append([]entity{multipart("multipart/alternative", alternatives)}, s.parts("Attach", s.attached)...)
	return multipart("multipart/mixed", mixed)
}

func multipart(media string, children []entity) entity {
	if len(children) == 1 {
		return children[0]
	}
	return entity{media: media, children: children}
}

// textEntity gives text its canonical line ends (RFC 2046 section 4.1.1) and its charset.
func textEntity(media, text string) entity {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	text = strings.ReplaceAll(text, "\n", "\r\n")
	charset := "us-ascii"
	if needs8Bit(text) {
		charset = "utf-8"
	}
	return entity{media: media + "; charset=" + charset, text: &text}
}

// parts measures the parts and notes what is wrong with them.
func (s *state) parts(step string, parts []Part) []entity {
	var entities []entity
	ids := map[string]bool{}
	for i, p := range parts {
		measured, err := p.measure()
		switch {
		case err != nil:
		case hasControl(p.name) || strings.ContainsAny(p.name, "\t"):
			err = errControl
		case p.inline && !isContentID(p.id):
			err = errors.New("Content-ID " + p.id + ": want printable ASCII without spaces and angle brackets")
		case p.inline && ids[p.id]:
			err = errors.New("Content-ID " + p.id + " is used twice")
		}
		if err != nil {
			s.faults = append(s.faults, &FieldError{Field: step, Index: i, Value: p.name, Err: err})
			continue
		}
		ids[p.id] = true
		entities = append(entities, entity{part: &measured})
	}
	return entities
}

func isContentID(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' })
}

// partHeader writes the Content-* fields of a part and the empty line.
func partHeader(p Part) []byte {
	h := appendField(nil, "Content-Type", paramWords(p.media)...)
	h = appendField(h, "Content-Transfer-Encoding", "base64")
	disposition := "attachment"
	if p.inline {
		disposition = "inline"
		h = appendField(h, "Content-ID", "<"+p.id+">")
	}
	// FormatMediaType writes names that are not ASCII as filename*= (RFC 2231 section 4).
	h = appendField(h, "Content-Disposition", paramWords(mime.FormatMediaType(disposition, map[string]string{"filename": p.name}))...)
	return append(h, '\r', '\n')
}
