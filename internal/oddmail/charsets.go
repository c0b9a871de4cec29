package oddmail

import (
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
)

// charsets are texts in the charsets of mail, in base64 so that no line end is in the way.
func charsets() []Mail {
	var list []Mail
	add := func(name, why, charset, octets, want string) {
		list = append(list, body("charset: "+name, why, "Content-Type: text/plain; charset="+charset+"\nContent-Transfer-Encoding: base64", encode(octets), Want{Text: want}))
	}
	const table = "the charset is registered, or what a program calls it"
	for _, x := range []struct {
		name, text string
		table      encoding.Encoding
	}{
		{"iso-8859-1", "Grüße", charmap.ISO8859_1},
		{"latin1", "Grüße", charmap.ISO8859_1},
		{"iso-8859-15", "5 €", charmap.ISO8859_15},
		{"iso-8859-2", "Łódź", charmap.ISO8859_2},
		{"iso-8859-5", "Привет", charmap.ISO8859_5},
		{"iso-8859-7", "Αθήνα", charmap.ISO8859_7},
		{"iso-8859-8", "שלום", charmap.ISO8859_8},
		{"iso-8859-8-i", "שלום", charmap.ISO8859_8},
		{"iso-8859-9", "İstanbul", charmap.Windows1254},
		{"windows-1250", "Łódź", charmap.Windows1250},
		{"windows-1251", "Привет", charmap.Windows1251},
		{"cp1251", "Привет", charmap.Windows1251},
		{"windows-1252", "“Grüße” €", charmap.Windows1252},
		{"windows-1255", "שלום", charmap.Windows1255},
		{"windows-1256", "سلام", charmap.Windows1256},
		{"koi8-r", "Привет", charmap.KOI8R},
		{"koi8-u", "Їжак", charmap.KOI8U},
		{"cp437", "Grüße", charmap.CodePage437},
		{"cp850", "Grüße", charmap.CodePage850},
		{"cp866", "Привет", charmap.CodePage866},
		{"macintosh", "Grüße", charmap.Macintosh},
		{"iso-2022-jp", "日本語", japanese.ISO2022JP},
		{"iso-2022-jp-ms", "日本語①", japanese.ISO2022JP},
		{"cp50221", "日本語", japanese.ISO2022JP},
		{"shift_jis", "日本語", japanese.ShiftJIS},
		{"cp932", "日本語①", japanese.ShiftJIS},
		{"windows-31j", "日本語", japanese.ShiftJIS},
		{"euc-jp", "日本語", japanese.EUCJP},
		{"euc-kr", "안녕", korean.EUCKR},
		{"ks_c_5601-1987", "안녕", korean.EUCKR},
		{"gb2312", "你好", simplifiedchinese.GBK},
		{"gbk", "你好", simplifiedchinese.GBK},
		{"gb18030", "你好", simplifiedchinese.GB18030},
		{"hz-gb-2312", "你好", simplifiedchinese.HZGB2312},
		{"big5", "你好", traditionalchinese.Big5},
		{"utf-16be", "日本語", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)},
		{"utf-16le", "日本語", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
		{"utf-16", "日本語", unicode.UTF16(unicode.BigEndian, unicode.UseBOM)},
		{"UTF8", "日本語", encoding.Nop},
	} {
		octets, err := x.table.NewEncoder().String(x.text)
		if err != nil {
			octets = "the sample is not in " + x.name // which its test says
		}
		add(x.name, table, x.name, octets, x.text)
	}
	add("iso-2022-kr", "RFC 1557", "iso-2022-kr", "\x1b$)C\n\x0e>H3g\x0f!\n", "\n안녕!\n")
	add("utf-7", "RFC 2152", "utf-7", "Hi Mom -+Jjo--+-!", "Hi Mom -☺-+!")
	add("utf-7, Japanese", "RFC 2152", "unicode-1-1-utf-7", "+ZeVnLIqe-", "日本語")
	add("UTF-8 with a mark", "programs on Windows write it", "utf-8", "\xef\xbb\xbfbody", "body")
	add("UTF-16 with a mark, called UTF-8", "the mark counts", "utf-8", "\xff\xfeb\x00", "b")
	add("unknown charset, UTF-8", "a guess, and told", "x-odd", "Grüße", "Grüße")
	add("unknown charset, Latin-1", "a guess, and told", "x-odd", "Gr\xfc\xdfe", "Grüße")
	add("us-ascii that is not, UTF-8", "a guess, and told", "us-ascii", "Grüße", "Grüße")
	add("us-ascii that is not, Latin-1", "a guess, and told", "us-ascii", "Gr\xfc\xdfe", "Grüße")
	add("UTF-8 that is not", "RFC 3629 section 10: replaced, and told", "utf-8", "a\xff b", "a\ufffd b")
	add("decorated charset", "programs write it", `"'utf-8'"`, "Grüße", "Grüße")
	add("charset in the charset", "programs write it", "charset=utf-8", "Grüße", "Grüße")
	return list
}

// encode returns base64 with a line end.
func encode(octets string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var out []byte
	for i := 0; i < len(octets); i += 3 {
		var group [3]byte
		n := copy(group[:], octets[i:])
		bits := uint(group[0])<<16 | uint(group[1])<<8 | uint(group[2])
		chars := []byte{alphabet[bits>>18], alphabet[bits>>12&63], alphabet[bits>>6&63], alphabet[bits&63]}
		for j := n + 1; j < 4; j++ {
			chars[j] = '='
		}
		out = append(out, chars...)
	}
	return string(out) + "\n"
}
