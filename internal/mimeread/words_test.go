package mimeread

import "testing"

func TestText(t *testing.T) {
	cases := map[string]struct{ in, charset, want string }{
		"plain":                         {"plain", "", "plain"},
		"two words join":                {"=?utf-8?q?Gr=C3=BC?= =?utf-8?q?=C3=9Fe?= an", "", "Grüße an"},
		"a character cut in two words":  {"=?utf-8?b?zrHO?= =?utf-8?b?sg==?=", "", "αβ"},
		"B then Q":                      {"=?utf-8?b?YQ==?= =?utf-8?q?b?=", "", "ab"},
		"padding missing":               {"=?utf-8?b?YQ?=", "", "a"},
		"language":                      {"=?utf-8*en?q?a_b?=", "", "a b"},
		"blanks in a word":              {"=?utf-8?q?a b?= c", "", "a b c"},
		"no end":                        {"=?utf-8?q?a", "", "=?utf-8?q?a"},
		"unknown encoding":              {"=?utf-8?x?a?=", "", "=?utf-8?x?a?="},
		"malformed escape":              {"=?utf-8?q?=XY=4?=", "", "=XY=4"},
		"within a word":                 {"a=?utf-8?q?b?=c", "", "abc"},
		"words without a space":         {"=?utf-8?q?a?==?utf-8?q?b?=", "", "ab"},
		"controls":                      {"=?utf-8?q?a=0D=0ABcc:_b=00?=", "", "a  Bcc: b "},
		"raw UTF-8":                     {"Grüße", "iso-8859-1", "Grüße"},
		"raw octets, charset of body":   {"\xc0\xe1", "windows-1251", "Аб"},
		"raw octets, nothing known":     {"Gr\xfc\xdfe", "", "Grüße"},
		"Japanese in one word":          {"=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "", "日本"},
		"override without its end":      {"=?utf-8?q?a=E2=80=AEb?=", "", "ab"},
		"unknown charset":               {"=?x-none?q?=FC?=", "", "=?x-none?q?=FC?="},
		"empty word":                    {"=?utf-8?q??= x", "", " x"},
		"space between word and text":   {"=?utf-8?q?a?= b =?utf-8?q?c?=", "", "a b c"},
		"two charsets":                  {"=?utf-8?q?a=C3=BC?= =?iso-8859-1?q?=FC?=", "", "aüü"},
		"what only looks like a word":   {"=?= =?? =?a? x", "", "=?= =?? =?a? x"},
		"question mark within a Q word": {"=?utf-8?q?a?b?=", "", "=?utf-8?q?a?b?="},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Text(tc.in, tc.charset); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}
