package extension

import "strconv"

// MailParams are the parameters of MAIL. The zero value has none.
type MailParams struct {
	Size     int64 // SIZE=, octets of the message; 0 leaves it out
	Body     Body  // BODY=
	SMTPUTF8 bool
}

// Body says which octets a message holds.
type Body string

// The values of BODY= (RFC 6152 section 2, RFC 3030 section 3).
const (
	Body7Bit   Body = "7BIT"
	Body8Bit   Body = "8BITMIME"
	BodyBinary Body = "BINARYMIME"
)

// AppendTo appends the parameters, each behind a space.
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
	return dst
}
