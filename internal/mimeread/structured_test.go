package mimeread

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseDate(t *testing.T) {
	cases := map[string]struct{ in, want string }{
		"RFC 5322 A.1.1":        {"Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T09:55:06-06:00"},
		"RFC 5322 A.5":          {"Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)", "1969-02-13T23:32:00-03:30"},
		"RFC 5322 A.6.2":        {"21 Nov 97 09:55:06 GMT", "1997-11-21T09:55:06Z"},
		"RFC 5322 A.6.3":        {"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "1997-11-21T09:55:06-06:00"},
		"no day of the week":    {"1 Jul 2003 10:52:37 +0200", "2003-07-01T10:52:37+02:00"},
		"EST":                   {"Fri, 21 Nov 1997 09:55:06 EST", "1997-11-21T09:55:06-05:00"},
		"EDT":                   {"Fri, 21 Nov 1997 09:55:06 EDT", "1997-11-21T09:55:06-04:00"},
		"CST":                   {"Fri, 21 Nov 1997 09:55:06 CST", "1997-11-21T09:55:06-06:00"},
		"CDT":                   {"Fri, 21 Nov 1997 09:55:06 CDT", "1997-11-21T09:55:06-05:00"},
		"MST":                   {"Fri, 21 Nov 1997 09:55:06 MST", "1997-11-21T09:55:06-07:00"},
		"MDT":                   {"Fri, 21 Nov 1997 09:55:06 MDT", "1997-11-21T09:55:06-06:00"},
		"PST":                   {"Fri, 21 Nov 1997 09:55:06 PST", "1997-11-21T09:55:06-08:00"},
		"PDT":                   {"Fri, 21 Nov 1997 09:55:06 PDT", "1997-11-21T09:55:06-07:00"},
		"Z":                     {"Fri, 21 Nov 1997 09:55:06 Z", "1997-11-21T09:55:06Z"},
		"a military letter":     {"Fri, 21 Nov 1997 09:55:06 A", "1997-11-21T09:55:06Z"},
		"an undefined name":     {"Fri, 21 Nov 1997 09:55:06 CEST", "1997-11-21T09:55:06Z"},
		"zone and its name":     {"Fri, 21 Nov 1997 09:55:06 +0100 CET", "1997-11-21T09:55:06+01:00"},
		"GMT with an offset":    {"Fri, 21 Nov 1997 09:55:06 GMT+0100", "1997-11-21T09:55:06+01:00"},
		"no zone":               {"Fri, 21 Nov 1997 09:55:06", "1997-11-21T09:55:06Z"},
		"no seconds":            {"Fri, 21 Nov 1997 09:55 +0100", "1997-11-21T09:55:00+01:00"},
		"second 60":             {"Sat, 31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00Z"},
		"year of two digits":    {"1 Jan 49 00:00 GMT", "2049-01-01T00:00:00Z"},
		"year 50":               {"1 Jan 50 00:00 GMT", "1950-01-01T00:00:00Z"},
		"year of three digits":  {"1 Jan 103 00:00 GMT", "2003-01-01T00:00:00Z"},
		"asctime":               {"Fri Nov 21 09:55:06 1997", "1997-11-21T09:55:06Z"},
		"asctime with a zone":   {"Fri Nov 21 09:55:06 1997 +0100", "1997-11-21T09:55:06+01:00"},
		"hyphens":               {"Friday, 21-Nov-97 09:55:06 GMT", "1997-11-21T09:55:06Z"},
		"month in full":         {"21 November 1997 09:55:06 -0600", "1997-11-21T09:55:06-06:00"},
		"lower case":            {"fri, 21 nov 1997 09:55:06 gmt", "1997-11-21T09:55:06Z"},
		"wrong day of the week": {"Mon, 21 Nov 1997 09:55:06 GMT", "1997-11-21T09:55:06Z"},
		"impossible zone":       {"Fri, 21 Nov 1997 09:55:06 +9999", "1997-11-21T09:55:06Z"},
		"31 April":              {"31 Apr 1997 09:55:06 GMT", ""},
		"hour 24":               {"1 Apr 1997 24:00:00 GMT", ""},
		"not a date":            {"yesterday", ""},
		"nothing":               {"", ""},
		"very long":             {strings.Repeat("(", 1000), ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := ""
			if date := ParseDate(tc.in); !date.IsZero() {
				got = date.Format(time.RFC3339)
			}
			if got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

func TestMessageIDs(t *testing.T) {
	cases := map[string]struct {
		in   string
		bare bool
		want []string
	}{
		"one":                   {"<a@x>", false, []string{"<a@x>"}},
		"several":               {"<a@x> <b@x>\r\n <c@x>", false, []string{"<a@x>", "<b@x>", "<c@x>"}},
		"RFC 5322 A.5":          {"             <testabcd.1234@silly.test>", false, []string{"<testabcd.1234@silly.test>"}},
		"RFC 5322 A.6.3":        {"<1234   @   local(blah)  .machine .example>", false, []string{"<1234@local.machine.example>"}},
		"folded":                {"<a@\r\n x>", false, nil},
		"folded and unfolded":   {"<a@ x>", false, []string{"<a@x>"}},
		"quoted":                {`<"a b"@x>`, false, []string{`<"a b"@x>`}},
		"literal":               {"<a@[192.0.2.1]>", false, []string{"<a@[192.0.2.1]>"}},
		"without at":            {"<abc>", false, []string{"<abc>"}},
		"phrase before":         {`"Your message of today" <a@x> (x)`, false, []string{"<a@x>"}},
		"bare":                  {"a@x, b@x", true, []string{"<a@x>", "<b@x>"}},
		"bare not wanted":       {"message of bob@x.example", false, nil},
		"not closed":            {"<a@x", false, nil},
		"one before not closed": {"<a@x <b@x>", false, []string{"<b@x>"}},
		"empty":                 {"<>", false, nil},
		"control":               {"<a\x00@x>", false, nil},
		"octet above 127":       {"<\xe9@x>", false, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if name == "folded" { // unfolding is done before
				tc.want = []string{"<a@x>"}
				tc.in = strings.ReplaceAll(tc.in, "\r\n", "")
			}
			if name == "several" {
				tc.in = strings.ReplaceAll(tc.in, "\r\n", "")
			}
			if diff := cmp.Diff(tc.want, MessageIDs(tc.in, tc.bare)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseHeader(t *testing.T) {
	cases := map[string]struct{ in, charset, want string }{
		"RFC 2045 section 5.1":         {"text/plain; charset=us-ascii (Plain text)", "", "text/plain charset=us-ascii"},
		"quoted":                       {`Text/Plain; Charset="us-ascii"`, "", "text/plain charset=us-ascii"},
		"nothing":                      {"", "", ""},
		"no semicolon":                 {"text/plain charset=utf-8", "", "text/plain charset=utf-8 !1"},
		"comments everywhere":          {"(a) text (b) / (c) plain (d) ; (e) charset (f) = (g) utf-8 (h)", "", "text/plain charset=utf-8"},
		"semicolons in a row":          {"text/plain;; ; charset=utf-8;", "", "text/plain charset=utf-8"},
		"empty value":                  {"text/plain; name=; charset=utf-8", "", "text/plain charset=utf-8 name="},
		"no value":                     {"attachment; foo; filename=a.txt", "", "attachment filename=a.txt !1"},
		"blanks in a value":            {"attachment; filename=my file.pdf; size=1", "", "attachment filename=my file.pdf size=1"},
		"parentheses in a value":       {"attachment; filename=plan (1).pdf", "", "attachment filename=plan (1).pdf"},
		"quote not closed":             {`attachment; filename="a.txt; size=1`, "", "attachment filename=a.txt size=1 !1"},
		"semicolon in quotes":          {`attachment; filename="a;b.txt"`, "", "attachment filename=a;b.txt"},
		"escapes":                      {`attachment; filename="a\"b\\c.txt"`, "", `attachment filename=a"b\c.txt`},
		"encoded-word":                 {`attachment; filename="=?utf-8?q?Pl=C3=A4n.pdf?="`, "", "attachment filename=Plän.pdf"},
		"raw UTF-8":                    {`attachment; filename="Plän.pdf"`, "", "attachment filename=Plän.pdf"},
		"raw, charset of the body":     {"attachment; filename=\"\xcf\xeb\xe0\xed.pdf\"", "windows-1251", "attachment filename=План.pdf"},
		"raw Latin-1":                  {"attachment; filename=\"Pl\xe4n.pdf\"", "", "attachment filename=Plän.pdf"},
		"RFC 2231 section 3":           {`message/external-body; access-type=URL; URL*0="ftp://"; URL*1="cs.example/x"`, "", "message/external-body access-type=URL url=ftp://cs.example/x"},
		"RFC 2231 section 4":           {"application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "", "application/x-stuff title=This is ***fun***"},
		"RFC 2231 section 4.1":         {`application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2="isn't it!"`, "", "application/x-stuff title=This is even more ***fun*** isn't it!"},
		"pieces in any order":          {`attachment; filename*1="b.txt"; filename*0="a"`, "", "attachment filename=ab.txt"},
		"a piece is missing":           {`attachment; filename*0="a"; filename*2=".bat"`, "", "attachment !1"},
		"the first piece is missing":   {`attachment; filename*1="attached."; filename*2="bat"`, "", "attachment !1"},
		"a piece missing, plain one":   {`attachment; filename*0="a"; filename*2=".bat"; filename="c.txt"`, "", "attachment filename=c.txt !1"},
		"more than ten pieces":         {`a/b; n*0=0;n*1=1;n*2=2;n*3=3;n*4=4;n*5=5;n*6=6;n*7=7;n*8=8;n*9=9;n*10=x`, "", "a/b n=0123456789x"},
		"leading zero of a piece":      {`a/b; n*00=a`, "", "a/b !1"},
		"character cut in two pieces":  {`a/b; n*0*=utf-8''%C3; n*1*=%A9`, "", "a/b n=é"},
		"extended before plain":        {`attachment; filename="a.txt"; filename*=utf-8''%C3%A4.txt`, "", "attachment filename=ä.txt"},
		"extended without its quotes":  {`attachment; filename*=a%20b.txt`, "", "attachment filename=a b.txt"},
		"extended with double quotes":  {`attachment; filename*="utf-8''%C3%A4.txt"`, "", "attachment filename=ä.txt"},
		"encoded-word inside RFC 2231": {`attachment; filename*=utf-8''%3D%3Futf-8%3Fq%3Fx%3F%3D`, "", "attachment filename==?utf-8?q?x?="},
		"charset of RFC 2231":          {"attachment; filename*=iso-2022-jp''%1B%24%42%46%7C%4B%5C%1B%28%42.txt", "", "attachment filename=日本.txt"},
		"unknown charset of RFC 2231":  {"attachment; filename*=x-none''%FC.txt", "", "attachment filename=ü.txt !1"},
		"controls":                     {"attachment; filename*=utf-8''a%0D%0Ab", "", "attachment filename=a  b"},
		"twice":                        {"text/plain; charset=utf-8; charset=latin1", "", "text/plain charset=utf-8 !1"},
		"boundary as it is":            {`multipart/mixed; boundary="=?utf-8?q?x?="`, "", "multipart/mixed boundary==?utf-8?q?x?="},
		"bracket not closed":           {"text/plain (; charset=utf-8", "", "text/plain charset=utf-8 !2"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h := ParseHeader(tc.in, tc.charset)
			var said strings.Builder
			said.WriteString(h.Value)
			for _, name := range []string{"access-type", "boundary", "charset", "filename", "n", "name", "size", "title", "url"} {
				if value, ok := h.Params[name]; ok {
					said.WriteString(" " + name + "=" + value)
				}
			}
			got := said.String()
			if len(h.Faults) > 0 {
				got += fmt.Sprintf(" !%d", len(h.Faults))
			}
			if got != tc.want {
				t.Errorf("%s, want %s; %q", got, tc.want, h.Faults)
			}
		})
	}
}
