package oddmail

// encodings are transfer encodings as programs write them.
func encodings() []Mail {
	var list []Mail
	cte := func(name, why, encoding, content string, w Want) {
		list = append(list, body("encoding: "+name, why, "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: "+encoding, content, w))
	}
	const decorated = "the name is clear in spite of its decoration"
	for _, name := range []string{"7bit", "8bit", "8bits", "7bits", "8-bit", "7-bit", "8BIT", "8bit (eight)", "(eight) 8bit", `"8bit"`, "8bit;", "binary", "", "none", "utf-8", "text/plain", "8 bit"} {
		cte("identity "+name, decorated, name, "Grüße\n", Want{Text: "Grüße\n"})
	}
	for _, name := range []string{"base64", "BASE64", `"base64"`, "base64 (yes)", "base-64", " base64 ;", "x-base64"} {
		cte("base64 as "+name, decorated, name, "R3LDvMOfZQo=\n", Want{Text: "Grüße\n"})
	}
	for _, name := range []string{"quoted-printable", "Quoted-Printable", `"quoted-printable"`, "quoted printable", "quoted_printable", "quoted-printable (7 bit)"} {
		cte("quoted-printable as "+name, decorated, name, "Gr=C3=BC=C3=9Fe\n", Want{Text: "Grüße\n"})
	}
	const ignore = "RFC 2045 section 6.8: octets outside the alphabet are ignored"
	for name, content := range map[string]string{
		"stray octets": "R3LD*vMO!fZQo=\n", "blanks": "R3 LDvM OfZQo=\n", "missing padding": "R3LDvMOfZQo\n", "one octet a line": "R\n3\nL\nD\nv\nM\nO\nf\nZ\nQ\no\n=\n",
		"empty lines": "\n\nR3LDvMOfZQo=\n\n", "a long line": "R3LDvMOfZQo=" + repeat("\n", 3), "joined": "R3LDvMOfZQ==Cg==\n", "too much padding": "R3LDvMOfZQo===\n",
	} {
		cte("base64 with "+name, ignore, "base64", content, Want{Text: "Grüße\n"})
	}
	const robust = "RFC 2045 section 6.7: robust readers keep what is malformed"
	for _, x := range []struct{ name, content, want string }{
		{"lower case", "Gr=c3=bc=c3=9fe\n", "Grüße\n"},
		{"a soft line end", "Gr=C3=BC=\n=C3=9Fe\n", "Grüße\n"},
		{"blanks after a soft line end", "Gr=C3=BC= \t\n=C3=9Fe\n", "Grüße\n"},
		{"blanks at a line end", "Gr=C3=BC=C3=9Fe \t\n", "Grüße\n"},
		{"an equals sign alone", "a = b\n", "a = b\n"},
		{"a malformed escape", "a=XYb\n", "a=XYb\n"},
		{"an equals sign at the end", "a=", "a"},
		{"half an escape at the end", "a=4", "a=4"},
		{"raw octets", "Grüße\n", "Grüße\n"},
		{"a long line", repeat("=C3=BC", 2000) + "\n", repeat("ü", 2000) + "\n"},
		{"an escaped blank at the end", "a=20\n", "a \n"},
	} {
		cte("quoted-printable with "+x.name, robust, "quoted-printable", x.content, Want{Text: x.want})
	}
	const unknown = "RFC 2045 section 6.4: what is in an unknown encoding is octets"
	for _, name := range []string{"x-unknown", "rot13", "gzip"} {
		cte("unknown "+name, unknown, name, "abcd\n", Want{Files: []File{{"", "application/octet-stream", "abcd\r\n"}}})
	}
	cte("unknown, but text", "most programs that invent a name mean none", "x-none", "a text of words\nin two lines\n", Want{Text: "a text of words\nin two lines\n"})
	cte("base64 that is not", "most lines have blanks between words", "base64", "a text of words\nin two lines\n", Want{Text: "a text of words\nin two lines\n"})
	const uu = "begin 644 a.txt\n#86)C\n`\nend\n"
	for _, name := range []string{"x-uuencode", "uuencode", "x-uue", "uue"} {
		cte(name, "uuencode holds a file", name, uu, Want{Files: []File{{"a.txt", "application/octet-stream", "abc"}}})
	}
	list = append(list,
		body("encoding: uuencode in a text", "POSIX uuencode; what was mailed before MIME", "", "before\n"+uu+"after\n", Want{Text: "before\nafter\n", Files: []File{{"a.txt", "application/octet-stream", "abc"}}}),
		body("encoding: a line like uuencode", "a text may begin a line with begin", "", "begin 644 things today\nand end\n", Want{Text: "begin 644 things today\nand end\n"}),
		body("encoding: uuencode without its end", "half a file is text", "", "begin 644 a.txt\n#86)C\n", Want{Text: "begin 644 a.txt\n#86)C\n"}),
	)
	return list
}
