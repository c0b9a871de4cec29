package extension

import (
	"strconv"
	"time"
)

// MailParams are the parameters of MAIL. The zero value has none.
type MailParams struct {
	Size       int64     // SIZE=, octets of the message; 0 or less leaves it out (RFC 1870)
	Body       Body      // BODY=
	SMTPUTF8   bool      // SMTPUTF8 (RFC 6531)
	Return     Return    // RET= (RFC 3461)
	EnvelopeID string    // ENVID=, printable ASCII before its escaping (RFC 3461)
	RequireTLS bool      // REQUIRETLS (RFC 8689)
	Auth       string    // AUTH=, the mailbox of the submitter or "<>" (RFC 4954)
	By         By        // BY= (RFC 2852)
	Priority   int       // MT-PRIORITY=, -9 to 9; 0, which servers assume, leaves it out (RFC 6710)
	HoldUntil  time.Time // HOLDUNTIL=, rounded up to a second (RFC 4865)
	// HoldFor is HOLDFOR=, rounded up to a second (RFC 4865). At most one of both is set.
	HoldFor time.Duration
}

// Body says which octets a message holds.
type Body string

// The values of BODY= (RFC 6152 section 2, RFC 3030 section 3).
const (
	Body7Bit   Body = "7BIT"
	Body8Bit   Body = "8BITMIME"
	BodyBinary Body = "BINARYMIME"
)

// Return says how much of a message its delivery status notifications carry.
type Return string

// The values of RET= (RFC 3461 section 4.3).
const (
	ReturnFull    Return = "FULL"
	ReturnHeaders Return = "HDRS"
)

// By is a time limit for delivery (RFC 2852 section 4). The zero value is none.
type By struct {
	Within time.Duration // rounded down to a second; zero or negative only with Notify
	Notify bool          // notify when late instead of returning the message
	Trace  bool          // ask for notifications from relays as well
}

// maxSeconds is the largest number of nine digits (RFC 2852 section 4, RFC 4865 section 3).
const maxSeconds = 999_999_999

// AppendTo appends the parameters, each behind a space. What Check refuses must not be appended.
func (p MailParams) AppendTo(dst []byte) []byte {
	if p.Size > 0 {
		dst = strconv.AppendInt(append(dst, " SIZE="...), p.Size, 10)
	}
	if p.Body != "" {
		dst = append(append(dst, " BODY="...), p.Body...)
	}
	if p.SMTPUTF8 {
		dst = append(dst, " SMTPUTF8"...)
	}
	if p.Return != "" {
		dst = append(append(dst, " RET="...), p.Return...)
	}
	if p.EnvelopeID != "" {
		dst = AppendXtext(append(dst, " ENVID="...), p.EnvelopeID)
	}
	if p.Auth != "" {
		dst = AppendXtext(append(dst, " AUTH="...), p.Auth)
	}
	if p.RequireTLS {
		dst = append(dst, " REQUIRETLS"...)
	}
	if p.By != (By{}) {
		dst = p.By.appendTo(append(dst, " BY="...))
	}
	if p.Priority != 0 {
		dst = strconv.AppendInt(append(dst, " MT-PRIORITY="...), int64(p.Priority), 10)
	}
	if p.HoldFor != 0 {
		dst = strconv.AppendInt(append(dst, " HOLDFOR="...), secondsUp(p.HoldFor), 10)
	}
	if !p.HoldUntil.IsZero() {
		dst = holdUntil(p.HoldUntil).AppendFormat(append(dst, " HOLDUNTIL="...), time.RFC3339)
	}
	return dst
}

// appendTo appends the value of BY=, such as 120;RT.
func (b By) appendTo(dst []byte) []byte {
	dst = strconv.AppendInt(dst, b.seconds(), 10)
	if b.Notify {
		dst = append(dst, ";N"...)
	} else {
		dst = append(dst, ";R"...)
	}
	if b.Trace {
		dst = append(dst, 'T')
	}
	return dst
}

// seconds rounds down, towards the stricter limit, also below zero.
func (b By) seconds() int64 {
	n := int64(b.Within / time.Second)
	if b.Within < 0 && b.Within%time.Second != 0 {
		n--
	}
	return n
}

// secondsUp rounds up, so that nothing is released early.
func secondsUp(d time.Duration) int64 {
	n := int64(d / time.Second)
	if d%time.Second > 0 {
		n++
	}
	return n
}

func holdUntil(t time.Time) time.Time {
	up := t.UTC().Truncate(time.Second)
	if up.Before(t) {
		up = up.Add(time.Second)
	}
	return up
}
