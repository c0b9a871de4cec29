package message

import (
	"errors"
	"slices"
)

// formOrder says where the steps put their form of the body: the last one is preferred by readers
// (RFC 2046 section 5.1.4), AMP goes unnoticed before HTML, and an invitation is acted on.
var formOrder = []string{"Text", "AMP", "HTML", "Alternative", "Calendar"}

// form sets a form of the body; alternatives add up.
func (b Builder) form(step string, p Part) Builder {
	p.step = step
	return b.step(func(s *state) { s.addForm(&p) })
}

// addForm puts a form of the body in its place.
func (s *state) addForm(p *Part) {
	if s.forms == nil {
		s.forms = append(s.firstForms[:0], *p)
		return
	}
	rank, at := slices.Index(formOrder, p.step), len(s.forms)
	for at > 0 && slices.Index(formOrder, s.forms[at-1].step) > rank {
		at--
	}
	if at > 0 && s.forms[at-1].step == p.step {
		if p.step != "Alternative" {
			s.forms[at-1] = *p
			return
		}
		p.index = s.forms[at-1].index + 1
	}
	if s.forms = append(s.forms, *p); at < len(s.forms)-1 {
		copy(s.forms[at+1:], s.forms[at:])
		s.forms[at] = *p
	}
}

// page returns where the HTML stands among the forms; -1 without one.
func (s *state) page() int {
	for i := range s.forms {
		if s.forms[i].step == "HTML" {
			return i
		}
	}
	return -1
}

// Text sets the plain text body. Line ends may be LF or CRLF. The message keeps the string where it needs no encoding.
func (b Builder) Text(text string) Builder { return b.form("Text", Plain(text)) }

// TextPart sets the plain text body from a part, such as Plain(text).Flowed().
func (b Builder) TextPart(p Part) Builder { return b.form("Text", p) }

// HTML sets the HTML body. With Text it becomes the preferred alternative.
func (b Builder) HTML(html string) Builder { return b.form("HTML", HTML(html)) }

// HTMLPart sets the HTML body from a part, such as one of a [TextBuilder].
func (b Builder) HTMLPart(p Part) Builder { return b.form("HTML", p) }

// AMP sets the AMP body, which goes between plain text and HTML, as readers without AMP expect.
func (b Builder) AMP(html string) Builder { return b.form("AMP", TextPart("text/x-amp-html", html)) }

// Calendar adds an invitation, or an answer to one, as the last alternative (RFC 6047 section 2.4).
func (b Builder) Calendar(method, ics string) Builder {
	return b.form("Calendar", Calendar(method, ics))
}

// Alternative adds further forms of the body, preferred to the HTML one.
func (b Builder) Alternative(part ...Part) Builder {
	for _, p := range part {
		b = b.form("Alternative", p)
	}
	return b
}

// Inline adds a part that the HTML body shows by the address "cid:" + id.
func (b Builder) Inline(id string, part Part) Builder {
	return b.step(func(s *state) { s.inline = append(s.inline, part.ContentID(id).Inline()) })
}

// Attach adds attachments in order.
func (b Builder) Attach(part ...Part) Builder {
	return b.step(func(s *state) { s.attached = append(s.attached, part...) })
}

// Body sets the whole body, in place of Text, HTML and the like. Attach goes on beside it.
func (b Builder) Body(part Part) Builder {
	part.step = "Body"
	return b.step(func(s *state) { s.whole = &part })
}

// arrange puts the parts in their places: the HTML with its inline parts in multipart/related,
// beside the plain text in multipart/alternative, before the attachments in multipart/mixed.
func (s *state) arrange() *Part {
	if s.whole != nil {
		if len(s.forms)+len(s.inline) > 0 {
			s.fault("Body", "", errors.New("Body cannot be combined with Text, HTML, AMP, Calendar, Alternative or Inline"))
		}
		return s.withAttached(s.whole)
	}
	at := s.page()
	if at >= 0 && !s.unchecked {
		s.checkInline(s.forms[at].page())
	}
	if len(s.inline) > 0 {
		if at < 0 {
			s.fault("Inline", s.inline[0].name, errors.New("only an HTML body can show an inline part"))
		} else {
			s.forms[at] = Related(s.forms[at], tagStep("Inline", s.inline)...)
		}
	}
	switch len(s.forms) {
	case 0:
		empty := Plain("")
		return s.withAttached(&empty)
	case 1:
		return s.withAttached(&s.forms[0])
	}
	s.alternative = Part{body: multipartBody{parts: s.forms, joins: true}, media: "multipart/alternative"}
	return s.withAttached(&s.alternative)
}

func (s *state) withAttached(body *Part) *Part {
	if len(s.attached) == 0 {
		return body
	}
	return &Part{body: multipartBody{parts: append([]Part{*body}, tagStep("Attach", s.attached)...)}, media: "multipart/mixed"}
}

// tagStep returns copies of parts that name the step which added them.
func tagStep(step string, parts []Part) []Part {
	named := make([]Part, len(parts))
	for i, p := range parts {
		p.step, p.index = step, i
		named[i] = p
	}
	return named
}
