package message

import "errors"

// Text sets the plain text body. Line ends may be LF or CRLF.
func (b Builder) Text(text string) Builder { return b.TextPart(Plain(text)) }

// TextPart sets the plain text body from a part, such as Plain(text).Flowed().
func (b Builder) TextPart(p Part) Builder { return b.step(func(s *state) { s.text = &p }) }

// HTML sets the HTML body. With Text it becomes the preferred alternative.
func (b Builder) HTML(html string) Builder {
	p := HTML(html)
	return b.step(func(s *state) { s.html = &p })
}

// AMP sets the AMP body, which goes between plain text and HTML, as readers without AMP expect.
func (b Builder) AMP(html string) Builder {
	p := TextPart("text/x-amp-html", html)
	return b.step(func(s *state) { s.amp = &p })
}

// Calendar adds an invitation, or an answer to one, as the last alternative (RFC 6047 section 2.4).
func (b Builder) Calendar(method, ics string) Builder {
	p := Calendar(method, ics)
	return b.step(func(s *state) { s.calendar = &p })
}

// Alternative adds a further form of the body, preferred to the HTML one.
func (b Builder) Alternative(part ...Part) Builder {
	return b.step(func(s *state) { s.alternatives = append(s.alternatives, part...) })
}

// Inline adds a part that the HTML body shows by the address "cid:" + id.
func (b Builder) Inline(id string, part Part) Builder {
	return b.step(func(s *state) { s.inline = append(s.inline, part.ID(id).Inline()) })
}

// Attach adds attachments in order.
func (b Builder) Attach(part ...Part) Builder {
	return b.step(func(s *state) { s.attached = append(s.attached, part...) })
}

// Body sets the whole body, in place of Text, HTML and the like. Attach goes on beside it.
func (b Builder) Body(part Part) Builder { return b.step(func(s *state) { s.body = &part }) }

// tree arranges what was given: the HTML with its inline parts in multipart/related, beside the
// plain text in multipart/alternative, before the attachments in multipart/mixed.
func (s *state) tree() Part {
	if s.body != nil {
		if s.text != nil || s.html != nil || s.amp != nil || s.calendar != nil || len(s.alternatives)+len(s.inline) > 0 {
			s.fault("Body", "", errors.New("a body of one part leaves no place for Text, HTML, Inline and the like"))
		}
		body := *s.body
		body.step = "Body"
		return s.withAttached(body)
	}
	var forms []Part
	add := func(step string, p *Part) {
		if p != nil {
			named := *p
			named.step = step
			forms = append(forms, named)
		}
	}
	add("Text", s.text)
	add("AMP", s.amp)
	if s.html != nil {
		html := *s.html
		html.step = "HTML"
		if len(s.inline) > 0 {
			html = Related(html, stepped("Inline", s.inline)...)
		}
		forms = append(forms, html)
	} else if len(s.inline) > 0 {
		s.fault("Inline", s.inline[0].name, errors.New("only an HTML body can show an inline part"))
	}
	forms = append(forms, stepped("Alternative", s.alternatives)...)
	add("Calendar", s.calendar)
	switch len(forms) {
	case 0:
		return s.withAttached(Plain(""))
	case 1:
		return s.withAttached(forms[0])
	}
	return s.withAttached(Part{form: formMultipart, media: "multipart/alternative", children: forms})
}

func (s *state) withAttached(body Part) Part {
	if len(s.attached) == 0 {
		return body
	}
	return Part{form: formMultipart, media: "multipart/mixed", children: append([]Part{body}, stepped("Attach", s.attached)...)}
}

// stepped returns copies of parts that know where they come from.
func stepped(step string, parts []Part) []Part {
	named := make([]Part, len(parts))
	for i, p := range parts {
		p.step, p.index = step, i
		named[i] = p
	}
	return named
}
