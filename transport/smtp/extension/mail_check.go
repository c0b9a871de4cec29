package extension

import (
	"errors"
	"strconv"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/xtext"
)

// Check returns a *ParamError for the first value that must not be sent.
func (p MailParams) Check() error {
	fault := func(param, value, reason string) error {
		return &ParamError{Param: param, Value: value, Reason: reason}
	}
	switch p.Body {
	case "", Body7Bit, Body8Bit, BodyBinary:
	default:
		return fault("BODY", string(p.Body), "want 7BIT, 8BITMIME or BINARYMIME")
	}
	if p.isPlain() {
		return nil
	}
	switch {
	case p.Auth != "<>" && !isPrintable(p.Auth):
		return fault("AUTH", p.Auth, "want a mailbox in printable ASCII or <>")
	case xtext.Len(p.Auth) > 500-len(" AUTH="): // RFC 4954 section 3
		return fault("AUTH", p.Auth, "longer than 494 octets with its escapes")
	}
	if refused, ok := errors.AsType[*envelope.FieldError](p.asked().Check()); ok {
		return fault(paramOf[refused.Field], refused.Value, refused.Err.Error())
	}
	return nil
}

// isPlain reports whether nothing is asked for that the octets of a message do not ask for themselves.
func (p *MailParams) isPlain() bool {
	return p.Return == "" && p.EnvelopeID == "" && !p.RequireTLS && p.Auth == "" && p.By == envelope.DeliverBy{} &&
		p.Priority == 0 && p.HoldUntil.IsZero() && p.HoldFor == 0 && p.Extra == ""
}

// paramOf names the parameter of a field of [envelope.Options].
var paramOf = map[string]string{
	"DSNReturn": "RET", "EnvelopeID": "ENVID", "HoldFor": "HOLDFOR", "HoldUntil": "HOLDUNTIL",
	"DeliverBy": "BY", "Priority": "MT-PRIORITY", "MailParams": "MAIL",
}

// CheckSupported returns an *UnsupportedError for the first parameter that the server does not offer, or not as
// much of it as wanted.
func (p MailParams) CheckSupported(s ServerInfo) error {
	keyword, param := p.missing(s)
	if param != "" {
		return &UnsupportedError{Keyword: keyword, Param: param}
	}
	if err := checkExtra(p.Extra, s); err != nil {
		return err
	}
	return p.checkAmount(s)
}

// checkExtra returns an *UnsupportedError for the first parameter of a list whose extension is not offered.
func checkExtra(list string, s ServerInfo) error {
	for _, keyword := range envelope.ParamKeywords(list) {
		if !s.Has(Keyword(keyword)) {
			return &UnsupportedError{Keyword: Keyword(keyword), Param: keyword}
		}
	}
	return nil
}

// missing returns the first parameter whose extension is not offered, or "".
func (p MailParams) missing(s ServerInfo) (k Keyword, param string) {
	switch {
	case p.Size > 0 && !s.Has(Size):
		return Size, "SIZE"
	case (p.Body == Body7Bit || p.Body == Body8Bit) && !s.Has(EightBitMIME):
		return EightBitMIME, "BODY"
	case p.Body == BodyBinary && !s.Has(BinaryMIME):
		return BinaryMIME, "BODY"
	case p.SMTPUTF8 && !s.Has(SMTPUTF8):
		return SMTPUTF8, "SMTPUTF8"
	case p.Return != "" && !s.Has(DSN):
		return DSN, "RET"
	case p.EnvelopeID != "" && !s.Has(DSN):
		return DSN, "ENVID"
	case p.Auth != "" && !s.Has(Auth):
		return Auth, "AUTH"
	case p.RequireTLS && !s.Has(RequireTLS):
		return RequireTLS, "REQUIRETLS"
	case p.By != envelope.DeliverBy{} && !s.Has(DeliverBy):
		return DeliverBy, "BY"
	case p.Priority != 0 && !s.Has(MTPriority):
		return MTPriority, "MT-PRIORITY"
	case p.HoldFor != 0 && !s.Has(FutureRelease):
		return FutureRelease, "HOLDFOR"
	case !p.HoldUntil.IsZero() && !s.Has(FutureRelease):
		return FutureRelease, "HOLDUNTIL"
	}
	return "", ""
}

// checkAmount compares values with the limits that the server told.
func (p MailParams) checkAmount(s ServerInfo) error {
	told := s.known()
	switch {
	case told.size > 0 && p.Size > told.size:
		return &UnsupportedError{Keyword: Size, Param: "SIZE", Reason: "at most " + strconv.FormatInt(told.size, 10) + " octets"}
	case p.By != envelope.DeliverBy{} && !p.By.Notify && time.Duration(p.By.Seconds())*time.Second < told.minBy: // RFC 2852 section 3
		return &UnsupportedError{Keyword: DeliverBy, Param: "BY", Reason: "at least " + told.minBy.String()}
	case told.holdFor > 0 && time.Duration(p.asked().HoldSeconds())*time.Second > told.holdFor: // RFC 4865 section 4.2
		return &UnsupportedError{Keyword: FutureRelease, Param: "HOLDFOR", Reason: "at most " + told.holdFor.String()}
	case !told.holdUntil.IsZero() && p.asked().HoldTime().After(told.holdUntil):
		return &UnsupportedError{Keyword: FutureRelease, Param: "HOLDUNTIL", Reason: "at most until " + told.holdUntil.Format(time.RFC3339)}
	}
	return nil
}

// isPrintable reports whether s is free of control characters and of octets above 127.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
