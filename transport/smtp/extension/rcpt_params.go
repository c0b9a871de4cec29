package extension

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/xtext"
)

// RcptParams are the parameters of RCPT. The zero value has none.
type RcptParams struct {
	Notify   envelope.Notify   // NOTIFY= (RFC 3461)
	Original OriginalRecipient // ORCPT= (RFC 3461)
	// UTF8 lets ORCPT= carry UTF-8 as it is, because the transaction was started with SMTPUTF8
	// (RFC 6533 section 3).
	UTF8 bool
	// Extra are parameters of other extensions, as RcptParams of [envelope.Options].
	Extra string
}

// OriginalRecipient is the recipient as the sender gave it, before anything was rewritten.
type OriginalRecipient struct {
	// Type is the address type; "" means rfc822 for ASCII and utf-8 otherwise.
	Type    string
	Address string // before its escaping, "" leaves the parameter out
}

// AddressType returns Type or what stands for "".
func (o OriginalRecipient) AddressType() string {
	switch {
	case o.Type != "":
		return o.Type
	case isPrintable(o.Address):
		return "rfc822"
	}
	return "utf-8"
}

func (o OriginalRecipient) isUTF8() bool { return strings.EqualFold(o.AddressType(), "utf-8") }

// maxOriginal limits the value: the whole parameter may be 500 octets long (RFC 3461 section 4.2).
const maxOriginal = 500 - len("ORCPT=")

// AppendTo appends the parameters, each after a space. What Check refuses must not be appended.
func (p RcptParams) AppendTo(dst []byte) []byte {
	if p.Notify != 0 {
		dst = p.Notify.AppendTo(append(dst, " NOTIFY="...))
	}
	if p.Original.Address != "" {
		dst = p.appendOriginal(append(dst, " ORCPT="...))
	}
	if p.Extra != "" {
		dst = append(append(dst, ' '), p.Extra...)
	}
	return dst
}

func (p RcptParams) appendOriginal(dst []byte) []byte {
	dst = append(append(dst, p.Original.AddressType()...), ';')
	switch {
	case !p.Original.isUTF8():
		return xtext.Append(dst, p.Original.Address)
	case p.UTF8:
		return xtext.AppendUnitext(dst, p.Original.Address)
	}
	return xtext.AppendUTF8(dst, p.Original.Address)
}

// Check returns a *ParamError for the first value that must not be sent.
func (p RcptParams) Check() error {
	o := p.Original
	if p.Extra != "" {
		if refused, ok := errors.AsType[*envelope.FieldError]((envelope.Options{RcptParams: p.Extra}).Check()); ok {
			return &ParamError{Param: "RCPT", Value: p.Extra, Reason: refused.Err.Error()}
		}
	}
	switch {
	case p.Notify.Check() != nil:
		return &ParamError{Param: "NOTIFY", Value: p.Notify.String(), Reason: "NEVER stands alone"}
	case o == OriginalRecipient{}:
		return nil
	case o.Address == "":
		return &ParamError{Param: "ORCPT", Value: o.Type, Reason: "address type without address"}
	case !isAddressType(o.AddressType()):
		return &ParamError{Param: "ORCPT", Value: o.Type, Reason: "want letters, digits and hyphens as address type"}
	case !o.isUTF8() && !isPrintable(o.Address):
		return &ParamError{Param: "ORCPT", Value: o.Address, Reason: "want printable ASCII for this address type"}
	case !utf8.ValidString(o.Address):
		return &ParamError{Param: "ORCPT", Value: o.Address, Reason: "not valid UTF-8"}
	case strings.ContainsFunc(o.Address, func(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 }):
		return &ParamError{Param: "ORCPT", Value: o.Address, Reason: "control character"}
	case len(o.Address) > maxOriginal || len(p.appendOriginal(nil)) > maxOriginal:
		return &ParamError{Param: "ORCPT", Value: o.Address, Reason: "longer than 494 octets with its type and escapes"}
	}
	return nil
}

// CheckSupported returns an *UnsupportedError for the first parameter that the server does not offer.
func (p RcptParams) CheckSupported(s ServerInfo) error {
	switch {
	case s.Has(DSN):
		return checkExtra(p.Extra, s)
	case p.Notify != 0:
		return &UnsupportedError{Keyword: DSN, Param: "NOTIFY"}
	case p.Original.Address != "":
		return &UnsupportedError{Keyword: DSN, Param: "ORCPT"}
	}
	return checkExtra(p.Extra, s)
}

// isAddressType reports whether s is made of letters, digits and hyphens. RFC 3461 section 4.2 says
// atom, which may hold an equals sign, but RFC 5321 section 4.1.2 has none in a parameter's value.
func isAddressType(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return s != ""
}
