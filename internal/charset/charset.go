// Package charset turns text of any charset that mail is written in into UTF-8, and says where it had to
// guess.
package charset

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/internal/ascii"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// aliases are names that mail uses and that neither the WHATWG's list (package htmlindex) nor IANA's (package
// ianaindex) leads to the right table.
var aliases = map[string]encoding.Encoding{
	"cp932": japanese.ShiftJIS, "ms932": japanese.ShiftJIS, "x-sjis-cp932": japanese.ShiftJIS, "windows-932": japanese.ShiftJIS,
	// The table of package japanese has the extensions of NEC and IBM, which these names ask for.
	"iso-2022-jp-ms": japanese.ISO2022JP, "cp50220": japanese.ISO2022JP, "cp50221": japanese.ISO2022JP,
	"cp50222": japanese.ISO2022JP, "iso-2022-jp-1": japanese.ISO2022JP, "iso-2022-jp-2": japanese.ISO2022JP, "iso-2022-jp-3": japanese.ISO2022JP,
	"cp51932": japanese.EUCJP, "eucjp-ms": japanese.EUCJP,
	"cp437": charmap.CodePage437, "cp850": charmap.CodePage850, "cp852": charmap.CodePage852, "cp855": charmap.CodePage855,
	"cp858": charmap.CodePage858, "cp860": charmap.CodePage860, "cp862": charmap.CodePage862, "cp863": charmap.CodePage863,
	"cp865": charmap.CodePage865, "cp866": charmap.CodePage866,
	"hz-gb-2312": simplifiedchinese.HZGB2312, "hz": simplifiedchinese.HZGB2312,
	"cp936": simplifiedchinese.GBK, "gb18030-2000": simplifiedchinese.GB18030,
	"latin-1": charmap.Windows1252, "iso8859": charmap.Windows1252, "ansi": charmap.Windows1252, "ansi_x3.110-1983": charmap.Windows1252,
	"iso-8859-8-e": charmap.ISO8859_8, "iso-8859-8-i": charmap.ISO8859_8,
	"utf-32": utf32.UTF32(utf32.BigEndian, utf32.UseBOM), "ucs-4": utf32.UTF32(utf32.BigEndian, utf32.UseBOM),
	"utf-16": unicode.UTF16(unicode.BigEndian, unicode.UseBOM), // RFC 2781 section 4.3
}

// Decode returns text of a charset as UTF-8, without its byte order mark. It always returns text: where the
// charset is not known or the text is not in it, the error says so and the text is a guess, UTF-8 if it can be
// that and else Windows-1252, which has all of Latin-1. An empty charset is US-ASCII (RFC 2045 section 5.2).
func Decode(charset string, text []byte) (string, error) {
	name := normal(charset)
	if decoded, ok := marked(name, text); ok {
		return decoded, nil
	}
	switch name {
	case "", "us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us", "646", "iso-ir-6", "cp367":
		if ascii.Only(text) {
			return string(text), nil
		}
		return guess(text), fmt.Errorf("octets above 127 in text of charset %q", orASCII(charset))
	case "utf-8", "utf8", "unicode-1-1-utf-8", "x-utf_8j", "utf-8mb4", "cp65001":
		if utf8.Valid(text) {
			return string(text), nil
		}
		return strings.ToValidUTF8(string(text), "\ufffd"), fmt.Errorf("the text is not valid UTF-8")
	case "utf-7", "unicode-1-1-utf-7", "cp65000":
		return decodeUTF7(text)
	case "iso-2022-kr", "csiso2022kr":
		return decodeISO2022KR(text)
	}
	table := lookup(name)
	if table == nil {
		return guess(text), fmt.Errorf("unknown charset %q", charset)
	}
	decoded, err := table.NewDecoder().Bytes(text)
	switch {
	case err != nil:
		return guess(text), fmt.Errorf("charset %q: %w", charset, err)
	case strings.Contains(string(decoded), "\ufffd"):
		return string(decoded), fmt.Errorf("octets that are not text of charset %q", charset)
	}
	return string(decoded), nil
}

// Known reports whether Decode knows a charset.
func Known(charset string) bool {
	switch name := normal(charset); name {
	case "utf-8", "utf8", "unicode-1-1-utf-8", "x-utf_8j", "utf-8mb4", "cp65001", "us-ascii", "ascii", "ansi_x3.4-1968",
		"iso646-us", "646", "iso-ir-6", "cp367", "utf-7", "unicode-1-1-utf-7", "cp65000", "iso-2022-kr", "csiso2022kr":
		return true
	default:
		return lookup(name) != nil
	}
}

func orASCII(charset string) string {
	if charset == "" {
		return "us-ascii"
	}
	return charset
}

// normal returns a charset name without what programs were seen to put around it.
func normal(name string) string {
	name = strings.ToLower(strings.Trim(name, " \t\"'<>()"))
	name = strings.TrimPrefix(name, "charset=")
	name, _, _ = strings.Cut(name, " ")
	return strings.ReplaceAll(strings.TrimSuffix(name, ";"), "iso_8859", "iso-8859")
}

// lookup returns the table of a charset; nil for none. The WHATWG's list comes first: what mail calls
// ISO-8859-1 is Windows-1252. Its "replacement" stands for charsets that browsers refuse to read, and would
// lose the text without a word.
func lookup(name string) encoding.Encoding {
	if table, ok := aliases[name]; ok {
		return table
	}
	if table, err := htmlindex.Get(name); err == nil && table != encoding.Replacement {
		return table
	}
	for _, alias := range []string{name, "cs" + name} {
		if table, err := ianaindex.MIME.Encoding(alias); err == nil && table != nil && table != encoding.Replacement {
			return table
		}
	}
	return nil
}

// guess reads text of an unknown charset.
func guess(text []byte) string {
	if utf8.Valid(text) {
		return string(text)
	}
	decoded, err := charmap.Windows1252.NewDecoder().Bytes(text)
	if err != nil {
		return strings.ToValidUTF8(string(text), "\ufffd")
	}
	return string(decoded)
}

// Guess returns octets of which nothing is known as UTF-8: as they are if they are UTF-8, else as text of a
// charset, which may be empty, if they can be that, else as Windows-1252.
func Guess(charset string, text []byte) string {
	if utf8.Valid(text) {
		return string(text)
	}
	if decoded, err := Decode(charset, text); err == nil {
		return decoded
	}
	return guess(text)
}

// marked reads text that begins with a byte order mark, which counts more than what the charset says, unless
// that is one in which the octets of a mark of UTF-16 are letters.
func marked(name string, text []byte) (string, bool) {
	s := string(text[:min(len(text), 3)])
	var decoded []byte
	var err error
	switch {
	case s == "\xef\xbb\xbf" && utf8.Valid(text):
		return string(text[3:]), true
	case name != "" && name != "us-ascii" && !strings.HasPrefix(name, "utf-") || len(text)%2 != 0:
		return "", false
	case strings.HasPrefix(s, "\xff\xfe"):
		decoded, err = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder().Bytes(text[2:])
	case strings.HasPrefix(s, "\xfe\xff"):
		decoded, err = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder().Bytes(text[2:])
	default:
		return "", false
	}
	if err != nil || strings.Contains(string(decoded), "\ufffd") {
		return "", false
	}
	return string(decoded), true
}
