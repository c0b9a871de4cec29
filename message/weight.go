package message

import "github.com/depeche-mail/depeche/internal/mimewire"

// weight estimates how many octets the header section takes, the Content-* fields left out.
func (s *state) weight() int {
	const fixed = len("Subject: \r\nDate: Mon, 02 Jan 2006 15:04:05 -0700\r\nMessage-ID: <xxxxxxxxxxxxxxxxxxxxxxxxxx@>\r\nMIME-Version: 1.0\r\n")
	n := fixed + encodedWeight(s.subject) + len(s.idDomain) + len(s.messageID)
	if !s.from.IsEmpty() {
		n += len(s.from.entries[0].mailbox.Address.Domain()) // of the Message-ID
	}
	n += s.from.weight("From") + s.sender.weight("Sender") + s.replyTo.weight("Reply-To") + s.to.weight("To") + s.cc.weight("Cc")
	for _, id := range s.refs {
		n += len("\r\n") + len(id)
	}
	for i := range s.fields {
		x := &s.fields[i]
		n += len(": \r\n") + len(x.name) + encodedWeight(x.text) + x.list.weight("")
		for _, word := range x.words {
			n += len(" ") + len(word)
		}
	}
	return n
}

// weight estimates how many octets a field of addresses takes.
func (l *AddressList) weight(name string) int {
	if len(l.entries) == 0 {
		return 0
	}
	n := len(name) + len(":\r\n")
	for i := range l.entries {
		e := &l.entries[i]
		n += e.mailbox.weight()
		if e.group != nil {
			n += encodedWeight(e.group.Name)
			for j := range e.group.Members {
				n += e.group.Members[j].weight()
			}
		}
	}
	return n
}

func (m *Mailbox) weight() int {
	if m.Name == "" {
		return len(" ,") + len(m.Address.String())
	}
	return len(" \"\" <>,") + 2*len(m.Name) + len(m.Address.String())
}

// encodedWeight estimates how many octets a text takes in a header field.
func encodedWeight(text string) int {
	if mimewire.IsASCII(text) {
		return len(text)
	}
	return len("=?utf-8?q??=") + 2*len(text)
}

// weight estimates how many octets of a node Build makes ready: its Content-* fields, and what is not written from elsewhere later.
func (n *node) weight() int {
	const fixed = len("Content-Type: ; charset=\r\nContent-Transfer-Encoding: \r\n\r\n")
	weight := fixed + len(n.media) + len(n.charset) + len(n.encoding.String()) + n.part.weight()
	for _, x := range n.params {
		weight += len("; =\"\"") + len(x.Name) + encodedWeight(x.Value)
	}
	switch {
	case n.isWrittenLate():
	case n.encoded > 0:
		weight += n.encoded
	case n.size < streamFrom:
		weight += int(mimewire.Base64Size(n.size))
	}
	const delimiter = len("\r\n--=_xxxxxxxxxxxxxxxxxxxxxxxxxx--\r\n")
	for i := range n.children {
		weight += 2*delimiter + n.children[i].weight() // of which one is for the parameter and the end
	}
	return weight
}

// weight estimates how many octets the fields of a part take that most parts do not have.
func (p *Part) weight() int {
	weight := encodedWeight(p.description) + len(p.id)
	if p.disposition != "" {
		weight += len("Content-Disposition: attachment; filename=\"\"\r\nContent-ID: <>\r\nContent-Description: \r\n") + encodedWeight(p.name)
	}
	for i := range p.fields {
		weight += len(": \r\n") + len(p.fields[i].name) + encodedWeight(p.fields[i].text)
	}
	return weight
}
