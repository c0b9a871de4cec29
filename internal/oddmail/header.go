package oddmail

// words are subjects with encoded-words.
func words() []Mail {
	var list []Mail
	for _, x := range []struct{ name, why, value, want string }{
		{"Q", "RFC 2047 section 4.2", "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"},
		{"B", "RFC 2047 section 4.1", "=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"},
		{"underscore", "RFC 2047 section 4.2", "=?utf-8?q?a_b?=", "a b"},
		{"two words", "RFC 2047 section 6.2: the blank between is not shown", "=?utf-8?q?a?= =?utf-8?q?b?=", "ab"},
		{"two words on two lines", "RFC 2047 section 6.2", "=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab"},
		{"word and text", "RFC 2047 section 6.2", "=?utf-8?q?a?= b", "a b"},
		{"two charsets", "RFC 2047 section 6.2", "=?utf-8?q?=C3=BC?= =?iso-8859-1?q?=FC?=", "üü"},
		{"cut in a character", "programs cut octets", "=?utf-8?b?zrHO?= =?utf-8?b?sg==?=", "αβ"},
		{"cut in a Japanese character", "programs cut octets", "=?shift_jis?b?k/o=?= =?shift_jis?b?lns=?=", "日本"},
		{"no padding", "programs forget it", "=?utf-8?b?YQ?=", "a"},
		{"language", "RFC 2231 section 5", "=?utf-8*en?q?a?=", "a"},
		{"blanks in a word", "programs write them", "=?utf-8?q?a b?=", "a b"},
		{"words without a blank", "programs forget it", "=?utf-8?q?a?==?utf-8?q?b?=", "ab"},
		{"word within a word", "programs write it", "a=?utf-8?q?b?=c", "abc"},
		{"longer than 75", "RFC 2047 section 2 limits what is written", "=?utf-8?q?" + repeat("=C3=BC", 50) + "?=", repeat("ü", 50)},
		{"malformed escape", "it stays", "=?utf-8?q?a=XYb?=", "a=XYb"},
		{"no end", "it stays", "=?utf-8?q?a", "=?utf-8?q?a"},
		{"unknown encoding", "it stays", "=?utf-8?x?a?=", "=?utf-8?x?a?="},
		{"unknown charset", "it stays, so that it is seen", "=?x-odd?q?a?=", "=?x-odd?q?a?="},
		{"empty", "RFC 2047 section 2 has it", "a =?utf-8?q??= b", "a  b"},
		{"line end in a word", "nothing that is returned holds it", "=?utf-8?q?a=0D=0ABcc:_b?=", "a  Bcc: b"},
		{"raw UTF-8", "RFC 6532", "Grüße", "Grüße"},
		{"raw Latin-1", "programs write it", "Gr\xfc\xdfe", "Grüße"},
		{"raw octets in a word", "programs write it", "=?iso-8859-1?q?Gr\xfc\xdfe?=", "Grüße"},
		{"override", "it would turn the text after it around", "=?utf-8?q?a=E2=80=AEb?=", "ab"},
		{"iso-2022-jp", "RFC 1468", "=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=", "日本"},
	} {
		w := usual()
		w.Subject = x.want
		list = append(list, Mail{"word: " + x.name, x.why, usualFrom + usualTo + "Subject: " + x.value + "\r\n\r\nbody\r\n", w})
	}
	return list
}

// dates are dates in the current and the obsolete syntax.
func dates() []Mail {
	var list []Mail
	const current, old = "RFC 5322 section 3.3", "RFC 5322 section 4.3"
	for _, x := range []struct{ name, why, value, want string }{
		{"usual", current, "Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T15:55:06Z"},
		{"folded", "RFC 5322 appendix A.5", "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)", "1969-02-14T03:02:00Z"},
		{"obsolete", "RFC 5322 appendix A.6.2", "21 Nov 97 09:55:06 GMT", "1997-11-21T09:55:06Z"},
		{"blanks and comments", "RFC 5322 appendix A.6.3", "Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "1997-11-21T15:55:06Z"},
		{"EST", old, "Fri, 21 Nov 1997 09:55:06 EST", "1997-11-21T14:55:06Z"},
		{"EDT", old, "Fri, 21 Nov 1997 09:55:06 EDT", "1997-11-21T13:55:06Z"},
		{"CST", old, "Fri, 21 Nov 1997 09:55:06 CST", "1997-11-21T15:55:06Z"},
		{"CDT", old, "Fri, 21 Nov 1997 09:55:06 CDT", "1997-11-21T14:55:06Z"},
		{"MST", old, "Fri, 21 Nov 1997 09:55:06 MST", "1997-11-21T16:55:06Z"},
		{"MDT", old, "Fri, 21 Nov 1997 09:55:06 MDT", "1997-11-21T15:55:06Z"},
		{"PST", old, "Fri, 21 Nov 1997 09:55:06 PST", "1997-11-21T17:55:06Z"},
		{"PDT", old, "Fri, 21 Nov 1997 09:55:06 PDT", "1997-11-21T16:55:06Z"},
		{"UT", old, "Fri, 21 Nov 1997 09:55:06 UT", "1997-11-21T09:55:06Z"},
		{"military", old + ": they say nothing", "Fri, 21 Nov 1997 09:55:06 A", "1997-11-21T09:55:06Z"},
		{"unknown zone", old + ": it says nothing", "Fri, 21 Nov 1997 09:55:06 XYZ", "1997-11-21T09:55:06Z"},
		{"second 60", current, "Sat, 31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00Z"},
		{"two digits, 49", old, "1 Jan 49 00:00 GMT", "2049-01-01T00:00:00Z"},
		{"two digits, 50", old, "1 Jan 50 00:00 GMT", "1950-01-01T00:00:00Z"},
		{"three digits", old, "1 Jan 103 00:00 GMT", "2003-01-01T00:00:00Z"},
		{"no seconds", current, "Fri, 21 Nov 1997 09:55 -0600", "1997-11-21T15:55:00Z"},
		{"no day of the week", current, "21 Nov 1997 09:55:06 -0600", "1997-11-21T15:55:06Z"},
		{"no zone", "programs forget it", "Fri, 21 Nov 1997 09:55:06", "1997-11-21T09:55:06Z"},
		{"asctime", "scripts write it", "Fri Nov 21 09:55:06 1997", "1997-11-21T09:55:06Z"},
		{"name beside the offset", "programs write it", "Fri, 21 Nov 1997 09:55:06 +0100 CET", "1997-11-21T08:55:06Z"},
		{"wrong day of the week", "the date counts", "Mon, 21 Nov 1997 09:55:06 -0600", "1997-11-21T15:55:06Z"},
		{"not a date", "there is none", "yesterday", ""},
		{"31 April", "there is none", "31 Apr 1997 09:55:06 GMT", ""},
	} {
		list = append(list, header("date: "+x.name, x.why, "Date: "+x.value, func(w *Want) { w.Date = x.want }))
	}
	return list
}

// ids are message identifiers and references.
func ids() []Mail {
	var list []Mail
	for _, x := range []struct{ name, why, fields, want string }{
		{"usual", "RFC 5322 section 3.6.4", "Message-ID: <1@x.example>", "<1@x.example>"},
		{"references", "RFC 5322 section 3.6.4", "Message-ID: <1@x.example>\r\nReferences: <2@x.example>\r\n <3@x.example>", "<1@x.example> <2@x.example> <3@x.example>"},
		{"In-Reply-To alone", "RFC 5322 section 3.6.4", "Message-ID: <1@x.example>\r\nIn-Reply-To: <2@x.example>", "<1@x.example> <2@x.example>"},
		{"blanks and comments", "RFC 5322 appendix A.6.3", "Message-ID: <1234   @   local(blah)  .machine .example>", "<1234@local.machine.example>"},
		{"folded", "RFC 5322 section 4.5.4", "Message-ID: <1@\r\n x.example>", "<1@x.example>"},
		{"quoted", "RFC 5322 section 4.5.4", "Message-ID: <\"a b\"@x.example>", `<"a b"@x.example>`},
		{"literal", "RFC 5322 section 3.6.4", "Message-ID: <1@[192.0.2.1]>", "<1@[192.0.2.1]>"},
		{"no at sign", "programs write it, and threads need it", "Message-ID: <123>\r\nReferences: <456>", "<123> <456>"},
		{"no brackets", "programs forget them", "Message-ID: 1@x.example", "<1@x.example>"},
		{"a phrase", "RFC 5322 section 4.5.4", "Message-ID: <1@x.example>\r\nIn-Reply-To: Your message of today by b@x.example <2@x.example>", "<1@x.example> <2@x.example>"},
		{"commas", "programs write them", "Message-ID: <1@x.example>\r\nReferences: <2@x.example>, <3@x.example>", "<1@x.example> <2@x.example> <3@x.example>"},
		{"a bad one", "the others survive", "Message-ID: <1@x.example>\r\nReferences: <2@x.example> <\xe9@x.example> <3@x.example>", "<1@x.example> <2@x.example> <3@x.example>"},
		{"a lost blank", "relays fold without one", "Message-ID: <1@x.example>\r\nReferences: <2@x.example>\r\n<3@x.example>", "<1@x.example> <2@x.example> <3@x.example>"},
		{"without blanks", "programs forget them", "Message-ID: <1@x.example>\r\nReferences: <2@x.example><3@x.example>", "<1@x.example> <2@x.example> <3@x.example>"},
	} {
		list = append(list, header("id: "+x.name, x.why, x.fields, func(w *Want) { w.IDs = x.want }))
	}
	return list
}

// bodies are bodies with octets that 7bit does not have.
func bodies() []Mail {
	return []Mail{
		body("body: ESC", "RFC 1468: ISO-2022-JP is 7bit", "Content-Type: text/plain; charset=iso-2022-jp", "\x1b$BF|\x1b(B\n", Want{Text: "日\n"}),
		body("body: form feed", "RFC 2045 section 2.7 does not forbid it", "", "a\fb\n", Want{Text: "a\fb\n"}),
		body("body: a line of 5,000", "RFC 5322 section 2.1.1 limits what is written", "", repeat("x", 5000)+"\n", Want{Text: repeat("x", 5000) + "\n"}),
		body("body: dots", "the dots of SMTP are not those of a mail", "", ".\n..\nbody\n", Want{Text: ".\n..\nbody\n"}),
		body("body: raw UTF-8", "a guess, and told", "", "Grüße\n", Want{Text: "Grüße\n"}),
		body("body: From in a body", "it is text", "", "From now on\n", Want{Text: "From now on\n"}),
		body("body: a delimiter in a text", "there is no multipart", "", "--b\nbody\n", Want{Text: "--b\nbody\n"}),
		body("body: HTML alone", "RFC 2046 section 4", "Content-Type: text/html", "<p>body\n", Want{HTML: "<p>body\n"}),
		body("body: attached alone", "RFC 2183 section 2.2", "Content-Disposition: attachment; filename=a.txt", "body\n", Want{Files: []File{{"a.txt", "text/plain", "body\r\n"}}}),
		body("body: a calendar", "it is acted on, not read", "Content-Type: text/calendar", "BEGIN:VCALENDAR\n", Want{Files: []File{{"", "text/calendar", "BEGIN:VCALENDAR\r\n"}}}),
	}
}
