package oddmail

// oddLines are lines of a header section that are not fields.
func oddLines() []Mail {
	const skip = "one odd line costs nothing but itself"
	fields := usualFrom + usualTo
	const rest = "Subject: odd\r\n\r\nbody\r\n"
	w := usual()
	return []Mail{
		{"line: mbox From", skip, "From a@x.example Thu Nov 28 18:47:15 2026\r\n" + fields + rest, w},
		{"line: quoted mbox From", skip, ">From a@x.example Thu Nov 28 18:47:15 2026\r\n" + fields + rest, w},
		{"line: mbox From within", skip, fields + ">From a@x.example Thu Nov 28 18:47:15 2026\r\n" + rest, w},
		{"line: byte order mark", skip, "\xef\xbb\xbf" + fields + rest, w},
		{"line: an empty first line", skip, "\r\n" + fields + rest, w},
		{"line: two empty lines", skip, "\n\n" + fields + rest, w},
		{"line: a banner", skip, "Saved by a program\r\n" + fields + rest, w},
		{"line: a banner, an empty line", skip, "Saved by a program\r\n\r\n" + fields + rest, w},
		{"line: no colon", skip, fields + "odd line\r\n" + rest, w},
		{"line: two without a colon", skip, fields + "X-A: y\r\nodd line\r\nodder line\r\n" + rest, w},
		{"line: a continuation first", skip, " continued\r\n" + fields + rest, w},
		{"line: a blank in a name", skip, fields + "odd name: x\r\n" + rest, w},
		{"line: a control in a name", skip, fields + "od\x01d: x\r\n" + rest, w},
		{"line: no name", skip, fields + ": x\r\n" + rest, w},
		{"line: blanks only", "RFC 5322 section 4.2: it continues the field", fields + "X-A: y\r\n \r\n" + rest, w},
		{"line: LF alone", "files have LF line ends", "From: a@x.example\nTo: b@x.example\nSubject: odd\n\nbody\n", w},
		{"line: CR alone", "files of old systems have CR line ends", "From: a@x.example\rTo: b@x.example\rSubject: odd\r\rbody\n", w},
		{"line: mixed ends", "programs mix them", "From: a@x.example\r\nTo: b@x.example\nSubject: odd\r\n\nbody\n", w},
		{"line: no empty line before the body", "the body is not lost", fields + "Subject: odd\r\nbody\r\n", w},
		{"line: no empty line, then paragraphs", "the body is not lost", fields + "Subject: odd\r\nbody\r\n\r\nmore: text\r\n", Want{Subject: "odd", To: w.To, Text: "body\n\nmore: text\n"}},
		{"line: no body", "RFC 5322 section 3.5: a body is optional", fields + "Subject: odd\r\n", Want{Subject: "odd", To: w.To}},
		{"line: no body, no line end", "RFC 5322 section 3.5", fields + "Subject: odd", Want{Subject: "odd", To: w.To}},
		{"line: empty body", "RFC 5322 section 3.5", fields + "Subject: odd\r\n\r\n", Want{Subject: "odd", To: w.To}},
		{"line: folded subject", "RFC 5322 section 2.2.3: the fold goes, the blank stays", fields + "Subject:\r\n odd\r\n\r\nbody\r\n", w},
		{"line: long field", "RFC 5322 section 2.1.1 limits what is written, not what is read", fields + "X-A: " + repeat("x", 5000) + "\r\n" + rest, w},
		{"line: name in capitals", "RFC 5322 section 1.2.2", "FROM: a@x.example\r\nTO: b@x.example\r\nSUBJECT: odd\r\n\r\nbody\r\n", w},
	}
}

func repeat(s string, n int) string {
	out := make([]byte, 0, n*len(s))
	for range n {
		out = append(out, s...)
	}
	return string(out)
}
