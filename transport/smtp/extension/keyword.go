package extension

// Keyword names an extension in an EHLO reply, in upper case.
type Keyword string

// Keywords of the extensions that a client can make use of.
const (
	Auth                Keyword = "AUTH"                // RFC 4954
	BinaryMIME          Keyword = "BINARYMIME"          // RFC 3030
	Chunking            Keyword = "CHUNKING"            // RFC 3030
	DeliverBy           Keyword = "DELIVERBY"           // RFC 2852
	DSN                 Keyword = "DSN"                 // RFC 3461
	EightBitMIME        Keyword = "8BITMIME"            // RFC 6152
	EnhancedStatusCodes Keyword = "ENHANCEDSTATUSCODES" // RFC 2034
	ETRN                Keyword = "ETRN"                // RFC 1985
	Expn                Keyword = "EXPN"                // RFC 5321
	FutureRelease       Keyword = "FUTURERELEASE"       // RFC 4865
	Help                Keyword = "HELP"                // RFC 5321
	Limits              Keyword = "LIMITS"              // RFC 9422
	MTPriority          Keyword = "MT-PRIORITY"         // RFC 6710
	Pipelining          Keyword = "PIPELINING"          // RFC 2920
	RequireTLS          Keyword = "REQUIRETLS"          // RFC 8689
	Size                Keyword = "SIZE"                // RFC 1870
	SMTPUTF8            Keyword = "SMTPUTF8"            // RFC 6531
	StartTLS            Keyword = "STARTTLS"            // RFC 3207
	Vrfy                Keyword = "VRFY"                // RFC 5321
)

// upper returns s with ASCII letters in upper case. Unicode's rules would make keywords of look-alikes:
// a long s becomes an S there.
func upper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - ('a' - 'A')
		}
	}
	return string(b)
}

// isKeyword reports whether s is printable ASCII. RFC 5321 section 4.1.1.1 allows letters, digits and
// hyphens; other signs, which occur, do no harm.
func isKeyword(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}
