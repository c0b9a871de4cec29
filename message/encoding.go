package message

import "github.com/depeche-mail/depeche/internal/mimewire"

// Encoding is a content transfer encoding (RFC 2045 section 6). The zero Encoding lets Build choose
// the one that suits the content.
type Encoding = mimewire.Encoding

// The encodings.
const (
	EncodingAuto    = mimewire.EncodingAuto
	SevenBit        = mimewire.SevenBit        // ASCII lines of at most 998 octets, as they are
	EightBit        = mimewire.EightBit        // the same with octets above 127, for servers with 8BITMIME
	QuotedPrintable = mimewire.QuotedPrintable // for text that is mostly ASCII
	Base64          = mimewire.Base64          // for everything else
	Binary          = mimewire.Binary          // files as they are, a quarter smaller, for servers with BINARYMIME (RFC 3030)
)
