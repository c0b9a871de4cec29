package charset

import "testing"

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

// FuzzDecode checks that every text of every charset is text.
func FuzzDecode(f *testing.F) {
	f.Add("utf-7", []byte("+AOk-"))
	f.Add("iso-2022-kr", []byte("\x0e>H"))
	f.Fuzz(func(t *testing.T, charset string, text []byte) {
		if got, _ := Decode(charset, text); got == "" && len(text) > 8 && charset == "utf-8" {
			t.Errorf("%q became nothing", text)
		}
	})
}
