package charset

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/internal/ascii"
)

// TestDecodeTells: a charset that is unknown or wrong is told, and the text is a guess.
func TestDecodeTells(t *testing.T) {
	for name, tc := range map[string]struct {
		charset, text, want string
		told                bool
	}{
		"right":                 {"iso-8859-1", "Gr\xfc\xdfe", "Grüße", false},
		"nothing said, ASCII":   {"", "a", "a", false},
		"nothing said, 8-bit":   {"", "Grüße", "Grüße", true},
		"unknown":               {"x-odd", "Gr\xfc\xdfe", "Grüße", true},
		"unknown, UTF-8":        {"x-odd", "Grüße", "Grüße", true},
		"not UTF-8":             {"utf-8", "a\xff", "a\ufffd", true},
		"not Shift JIS":         {"shift_jis", "\x81", "\ufffd", true},
		"replacement of WHATWG": {"iso-2022-cn", "a", "a", true},
		"Korean, seven bits":    {"iso-2022-kr", "\x1b$)C\n\x0e>H3g\x0f!", "\n안녕!", false},
		"UTF-7":                 {"utf-7", "1 +- 1 +AOk-", "1 + 1 é", false},
		"UTF-7, surrogates":     {"utf-7", "+2DzfiQ-", "🎉", false},
		"UTF-7 that is not":     {"utf-7", "+ \xff", "+ \ufffd", true},
		"mark of UTF-8":         {"iso-8859-1", "\xef\xbb\xbfü", "ü", false},
		"letters like a mark":   {"iso-8859-1", "\xff\xfeab", "ÿþab", false},
		"UTF-16, no mark":       {"utf-16", "\x00a", "a", false},
		"UTF-32":                {"utf-32", "\x00\x00\xfe\xff\x00\x01\xf3\x89", "🎉", false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode(tc.charset, []byte(tc.text))
			if got != tc.want || (err != nil) != tc.told {
				t.Errorf("%q, %v; want %q, told %v", got, err, tc.want, tc.told)
			}
		})
	}
	for name, want := range map[string]bool{"utf-8": true, "ISO-8859-1": true, "cp932": true, "iso-2022-kr": true, "x-odd": false, "iso-2022-cn": false, "": false} {
		if Known(name) != want {
			t.Errorf("%q: known %v", name, !want)
		}
	}
}

// FuzzDecode checks what Decode says of any octets of any charset, and what becomes of text that a library has encoded.
func FuzzDecode(f *testing.F) {
	f.Add("utf-7", []byte("+AOk-"))
	f.Add("iso-2022-kr", []byte("\x0e>H"))
	f.Add("shift_jis", []byte("\x83\\x83\\"))
	f.Add("utf-16le", []byte("a\x00\xff"))
	f.Add("gb18030", []byte("Grüße, 日本, 안녕, привет"))
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		got, err := Decode(name, text)
		if !utf8.ValidString(got) {
			t.Fatalf("%q of %q became %q, which is not UTF-8", text, name, got)
		}
		if err == nil && strings.Contains(got, "\ufffd") && !bytes.Contains(text, []byte("\ufffd")) && lookup(normal(name)) != nil {
			t.Errorf("%q of %q lost octets and nothing was said: %q", text, name, got)
		}
		if ascii.Only(text) && !bytes.ContainsAny(text, "\x00\x0e\x0f\x1b~+\\") && (name == "utf-8" || name == "iso-8859-1" || name == "gb18030" || name == "euc-kr" || name == "x-unknown") && got != string(text) {
			t.Errorf("ASCII %q of %q became %q", text, name, got)
		}
		if len(got) > 4*len(text)+4 {
			t.Errorf("%d octets of %q became %d", len(text), name, len(got))
		}
		table := lookup(normal(name))
		if table == nil || !utf8.Valid(text) {
			return
		}
		encoded, err := table.NewEncoder().Bytes(text)
		if err != nil { // a letter that the charset does not have
			return
		}
		want, err := table.NewDecoder().Bytes(encoded)
		if err != nil || bytes.Contains(want, []byte("\ufffd")) {
			return
		}
		again, err := Decode(name, encoded)
		if marked, ok := marked(normal(name), encoded); ok { // octets that begin like a mark
			want = []byte(marked)
		}
		if again != string(want) || err != nil {
			t.Errorf("%q in %q, %q, became %q, %v", text, name, encoded, again, err)
		}
	})
}

// TestEveryCharset: text that each library encodes is read as it was.
func TestEveryCharset(t *testing.T) {
	for name, text := range map[string]string{
		"utf-8": "Grüße 日本 🎉", "utf-16le": "Grüße 日本 🎉", "utf-16be": "日本", "utf-16": "日本", "utf-32": "日本 🎉",
		"iso-8859-1": "Grüße", "iso-8859-15": "5 €", "iso-8859-2": "Příliš žluťoučký kůň", "iso-8859-7": "Καλημέρα", "iso-8859-8-i": "שלום",
		"windows-1251": "Привет", "windows-1252": "“5 €”", "koi8-r": "Привет", "koi8-u": "Привіт", "cp850": "Grüße", "cp866": "Привет",
		"shift_jis": "日本語テスト", "cp932": "日本語①", "euc-jp": "日本語", "iso-2022-jp": "日本語 a", "iso-2022-jp-ms": "日本語",
		"euc-kr": "안녕하세요", "gb2312": "你好", "gbk": "你好", "gb18030": "你好 🎉", "hz-gb-2312": "你好", "big5": "你好", "windows-874": "สวัสดี",
	} {
		encoded := []byte(text)
		if table := lookup(normal(name)); table != nil {
			var err error
			if encoded, err = table.NewEncoder().Bytes(encoded); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
		} else if name != "utf-8" {
			t.Errorf("%s is not known", name)
		}
		if got, err := Decode(name, encoded); got != text || err != nil {
			t.Errorf("%s: %q, %v; want %q", name, got, err, text)
		}
	}
}
