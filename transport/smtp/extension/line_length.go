package extension

import "github.com/depeche-mail/depeche/envelope"

// maxLine is the longest command line with its CRLF that every server takes (RFC 5321 section
// 4.5.3.1.4).
const maxLine = 512

// MaxLine returns how long a MAIL line with its CRLF may be: each extension that has a parameter here
// obliges its servers to take more.
func (p MailParams) MaxLine() int {
	n := maxLine
	add := func(used bool, octets int) {
		if used {
			n += octets
		}
	}
	add(p.Size > 0, 26)                            // RFC 1870 section 3
	add(p.Body != "", 17)                          // RFC 6152 section 2
	add(p.SMTPUTF8, 10)                            // RFC 6531 section 3.1
	add(p.Return != "" || p.EnvelopeID != "", 108) // RFC 3461 section 4.4
	add(p.Auth != "", 500)                         // RFC 4954 section 3
	add(p.RequireTLS, 11)                          // RFC 8689 section 2
	add(p.By != envelope.DeliverBy{}, 17)          // RFC 2852 section 3
	add(p.Priority != 0, 15)                       // RFC 6710 section 3
	add(p.Extra != "", len(" ")+len(p.Extra))
	add(p.HoldFor != 0 || !p.HoldUntil.IsZero(), 34) // RFC 4865 section 3
	return n
}

// MaxLine returns how long a RCPT line with its CRLF may be.
func (p RcptParams) MaxLine() int {
	n := maxLine
	if p.Extra != "" {
		n += len(" ") + len(p.Extra)
	}
	if p.Notify == 0 && p.Original.Address == "" {
		return n
	}
	return n + 501 // RFC 3461 section 4.2
}
