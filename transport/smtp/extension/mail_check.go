package extension

import (
	"strconv"
	"time"
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
	switch p.Return {
	case "", ReturnFull, ReturnHeaders:
	default:
		return fault("RET", string(p.Return), "want FULL or HDRS")
	}
	switch {
	case !isPrintable(p.EnvelopeID):
		return fault("ENVID", p.EnvelopeID, "want printable ASCII")
	case xtextLen(p.EnvelopeID) > 100: // RFC 3461 section 4.4
		return fault("ENVID", p.EnvelopeID, "longer than 100 octets with its escapes")
	case p.Auth != "<>" && !isPrintable(p.Auth):
		return fault("AUTH", p.Auth, "want a mailbox in printable ASCII or <>")
	case xtextLen(p.Auth) > 500-len(" AUTH="): // RFC 4954 section 3
		return fault("AUTH", p.Auth, "longer than 494 octets with its escapes")
	case p.Priority < -9 || p.Priority > 9: // RFC 6710 section 3
		return fault("MT-PRIORITY", strconv.Itoa(p.Priority), "want -9 to 9")
	}
	if err := p.By.check(); err != nil {
		return err
	}
	return p.checkHold()
}

func (b By) check() error {
	n := b.seconds()
	switch {
	case b == By{}:
		return nil
	case n < -maxSeconds || n > maxSeconds:
		return &ParamError{Param: "BY", Value: b.Within.String(), Reason: "want at most 999999999 seconds"}
	case n <= 0 && !b.Notify: // RFC 2852 section 4
		return &ParamError{Param: "BY", Value: b.Within.String(), Reason: "want at least a second unless Notify is set"}
	}
	return nil
}

func (p MailParams) checkHold() error {
	switch {
	case p.HoldFor < 0 || secondsUp(p.HoldFor) > maxSeconds:
		return &ParamError{Param: "HOLDFOR", Value: p.HoldFor.String(), Reason: "want 1 to 999999999 seconds"}
	case p.HoldUntil.IsZero():
		return nil
	case p.HoldFor != 0: // RFC 4865 section 4.2
		return &ParamError{Param: "HOLDUNTIL", Value: p.HoldUntil.String(), Reason: "HOLDFOR is set as well"}
	case holdUntil(p.HoldUntil).Year() < 1 || holdUntil(p.HoldUntil).Year() > 9999: // what RFC 3339 can write
		return &ParamError{Param: "HOLDUNTIL", Value: p.HoldUntil.String(), Reason: "want a year of at most four digits"}
	}
	return nil
}

// CheckSupported returns an *OfferError for the first parameter that the server does not offer, or not as
// much of it as wanted.
func (p MailParams) CheckSupported(s ServerInfo) error {
	keyword, param := p.missing(s)
	if param != "" {
		return &UnsupportedError{Keyword: keyword, Param: param}
	}
	return p.checkAmount(s)
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
	case p.By != By{} && !s.Has(DeliverBy):
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
	case p.By != By{} && !p.By.Notify && time.Duration(p.By.seconds())*time.Second < told.minBy: // RFC 2852 section 3
		return &UnsupportedError{Keyword: DeliverBy, Param: "BY", Reason: "at least " + told.minBy.String()}
	case told.holdFor > 0 && time.Duration(secondsUp(p.HoldFor))*time.Second > told.holdFor: // RFC 4865 section 4.2
		return &UnsupportedError{Keyword: FutureRelease, Param: "HOLDFOR", Reason: "at most " + told.holdFor.String()}
	case !told.holdUntil.IsZero() && holdUntil(p.HoldUntil).After(told.holdUntil):
		return &UnsupportedError{Keyword: FutureRelease, Param: "HOLDUNTIL", Reason: "at most until " + told.holdUntil.Format(time.RFC3339)}
	}
	return nil
}

// xtextLen returns the length of s as xtext.
func xtextLen(s string) int {
	n := len(s)
	for i := range len(s) {
		if !isXchar(s[i]) {
			n += 2
		}
	}
	return n
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
