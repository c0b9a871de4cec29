package mimeread

import (
	"io"
	"strings"
)

// Encoding is a content transfer encoding as a reader needs to know it.
type Encoding uint8

// The encodings.
const (
	Identity Encoding = iota // 7bit, 8bit, binary
	QuotedPrintable
	Base64
	UUencode
	UnknownEncoding // RFC 2045 section 6.4: the content is octets
)

// encodingNames are the names that were seen in mail, without decoration.
var encodingNames = map[string]Encoding{
	"": Identity, "7bit": Identity, "8bit": Identity, "binary": Identity, "7bits": Identity, "8bits": Identity, "7-bit": Identity,
	"8-bit": Identity, "7": Identity, "8": Identity, "none": Identity, "bit7": Identity, "bit8": Identity, "ascii": Identity,
	"us-ascii": Identity, "utf-8": Identity, "utf8": Identity, "iso-8859-1": Identity, "text": Identity, "plain": Identity, "text/plain": Identity,
	"7-bits": Identity, "8-bits": Identity, "raw": Identity, "unencoded": Identity, "clear": Identity,
	"quoted-printable": QuotedPrintable, "quotedprintable": QuotedPrintable, "quoted_printable": QuotedPrintable, "qp": QuotedPrintable, "quoted": QuotedPrintable,
	"base64": Base64, "base-64": Base64, "base_64": Base64, "b64": Base64, "x-base64": Base64, "base64encoded": Base64,
	"x-uuencode": UUencode, "uuencode": UUencode, "x-uue": UUencode, "uue": UUencode, "x-uu": UUencode, "uu": UUencode,
}

// standardEncodings are those of RFC 2045 section 6.1.
var standardEncodings = map[string]bool{"": true, "7bit": true, "8bit": true, "binary": true, "quoted-printable": true, "base64": true}

// ParseEncoding reads the value of Content-Transfer-Encoding. The reason says what is odd about it.
func ParseEncoding(value string) (e Encoding, reason string) {
	plain := strings.ToLower(strings.TrimSpace(withoutComments(value)))
	bare := strings.Trim(plain, "\"' \t;:,.<>")
	bare, _, _ = strings.Cut(bare, ";")
	bare = strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(bare), " bit", "bit"), " ", "-")
	e, known := encodingNames[bare]
	switch {
	case !known:
		return UnknownEncoding, "unknown transfer encoding " + shorten(value)
	case !standardEncodings[plain]:
		return e, "transfer encoding " + shorten(value) + " taken for " + e.String()
	}
	return e, ""
}

// String returns the name of the encoding.
func (e Encoding) String() string {
	return [...]string{"none", "quoted-printable", "base64", "uuencode", "unknown"}[e]
}

// Decoder returns what r stands for in an encoding. Uuencode and unknown encodings are returned as they are.
func (e Encoding) Decoder(r io.Reader) io.Reader {
	switch e {
	case QuotedPrintable:
		return newQuotedPrintableReader(r)
	case Base64:
		return newBase64Reader(r)
	}
	return r
}

// shorten quotes what a mail says, so that it does not fill a page of faults.
func shorten(s string) string {
	const longest = 80
	if len(s) > longest {
		s = s[:longest] + "..."
	}
	return quote(s)
}
