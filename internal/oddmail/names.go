package oddmail

// fileNames are names of files as programs write them.
func fileNames() []Mail {
	const rfc2231 = "RFC 2231 sections 3 and 4"
	var list []Mail
	for _, x := range []struct{ name, why, disposition, want string }{
		{"quoted", "RFC 2183", `attachment; filename="a b.txt"`, "a b.txt"},
		{"token", "RFC 2183", "attachment; filename=a.txt", "a.txt"},
		{"semicolon in quotes", "RFC 2045 section 5.1", `attachment; filename="a;b.txt"`, "a;b.txt"},
		{"escapes", "RFC 5322 section 3.2.4", `attachment; filename="a\"b.txt"`, `a"b.txt`},
		{"a comment", "RFC 2045 section 5.1: comments are allowed", "attachment; filename=a.txt (the file)", "a.txt"},
		{"blanks without quotes", "programs forget the quotes", "attachment; filename=a b.txt", "a b.txt"},
		{"parentheses without quotes", "programs forget the quotes", "attachment; filename=a (1).txt", "a (1).txt"},
		{"an unclosed quote", "programs forget it", `attachment; filename="a.txt`, "a.txt"},
		{"an unclosed quote and more", "programs forget it", `attachment; filename="a.txt; size=1`, "a.txt"},
		{"blanks around the sign", "programs write it", `attachment; filename = "a.txt"`, "a.txt"},
		{"semicolons in a row", "programs write it", "attachment;; filename=a.txt;", "a.txt"},
		{"a word without value", "programs write it", "attachment; odd; filename=a.txt", "a.txt"},
		{"extended", rfc2231, "attachment; filename*=utf-8''%C3%A4.txt", "ä.txt"},
		{"extended, language", rfc2231, "attachment; filename*=utf-8'de'%C3%A4.txt", "ä.txt"},
		{"extended, Latin-1", rfc2231, "attachment; filename*=iso-8859-1''%E4.txt", "ä.txt"},
		{"extended, Japanese", rfc2231, "attachment; filename*=iso-2022-jp''%1B%24B%46%7C%1B%28B.txt", "日.txt"},
		{"extended, in quotes", "programs write it", `attachment; filename*="utf-8''%C3%A4.txt"`, "ä.txt"},
		{"extended without a charset", rfc2231, "attachment; filename*=''a%20b.txt", "a b.txt"},
		{"extended beside plain", "RFC 6266 section 4.3: the extended form is better", `attachment; filename="a.txt"; filename*=utf-8''%C3%A4.txt`, "ä.txt"},
		{"pieces", rfc2231, `attachment; filename*0="a"; filename*1="b.txt"`, "ab.txt"},
		{"pieces in disorder", rfc2231, `attachment; filename*1="b.txt"; filename*0="a"`, "ab.txt"},
		{"extended pieces", rfc2231, "attachment; filename*0*=utf-8''%C3; filename*1*=%A4.txt", "ä.txt"},
		{"mixed pieces", rfc2231, `attachment; filename*0*=utf-8''%C3%A4; filename*1="%41.txt"`, "ä%41.txt"},
		{"eleven pieces", rfc2231, "attachment; f*0=x; filename*0=0; filename*1=1; filename*2=2; filename*3=3; filename*4=4; filename*5=5; filename*6=6; filename*7=7; filename*8=8; filename*9=9; filename*10=x", "0123456789x"},
		{"a piece is missing", "a name with a hole hides what it is", `attachment; filename*0="a."; filename*2="bat"`, ""},
		{"the first piece is missing", "attached.bat must not pass for bat", `attachment; filename*1="attached."; filename*2="bat"`, ""},
		{"encoded-word", "RFC 2047 section 5 forbids it, and many programs write it", `attachment; filename="=?utf-8?q?=C3=A4.txt?="`, "ä.txt"},
		{"encoded-word inside RFC 2231", "it stays as it is", "attachment; filename*=utf-8''%3D%3Futf-8%3Fq%3Fx%3F%3D", "=?utf-8?q?x?="},
		{"raw UTF-8", "programs write it", `attachment; filename="ä.txt"`, "ä.txt"},
		{"raw Latin-1", "programs write it", "attachment; filename=\"\xe4.txt\"", "ä.txt"},
		{"controls", "nothing that is returned holds them", "attachment; filename*=utf-8''a%0D%0Ab.txt", "a  b.txt"},
		{"capitals", "RFC 2045 section 5.1: names have no case", "ATTACHMENT; FileName=a.txt", "a.txt"},
		{"a path", "the name is what the mail says; programs must not use it as a path", `attachment; filename="../a.txt"`, "../a.txt"},
	} {
		const head = "Content-Type: multipart/mixed; boundary=b"
		w := Want{Text: "body", Files: []File{{x.want, "application/pdf", "pdf"}}}
		list = append(list, body("name: "+x.name, x.why, head, "--b\n\nbody\n--b\nContent-Type: application/pdf\nContent-Disposition: "+x.disposition+"\n\npdf\n--b--\n", w))
	}
	for _, x := range []struct{ name, why, value, media string }{
		{"RFC 2045 example", "RFC 2045 section 5.1", "text/plain; charset=us-ascii (Plain text)", ""},
		{"quoted charset", "RFC 2045 section 5.1", `text/plain; charset="us-ascii"`, ""},
		{"no semicolon", "programs forget it", "text/plain charset=us-ascii", ""},
		{"blanks around the slash", "RFC 2045 section 5.1 has no blanks there, and programs write them", "text / plain; charset=us-ascii", ""},
		{"empty value", "programs write it", "text/plain; name=; charset=us-ascii", ""},
		{"charset twice", "the first counts", "text/plain; charset=us-ascii; charset=utf-16", ""},
		{"text alone", "RFC 2045 section 5.2", "text", ""},
		{"nothing", "RFC 2045 section 5.2", "", ""},
		{"not a type", "RFC 2045 section 5.2", ";;;", ""},
		{"unknown text", "RFC 2046 section 4.1.4", "text/x-odd", ""},
		{"unknown type", "RFC 2046 section 4: a file", "x-odd/y", "x-odd/y"},
		{"image alone", "RFC 2046 section 4", "image/png", "image/png"},
		{"single part with a name", "a mail of one part is its body", "text/plain; name=a.txt", ""},
	} {
		w := Want{Text: "body\n"}
		if x.media != "" {
			w = Want{Files: []File{{"", x.media, "body\r\n"}}}
		}
		list = append(list, body("type: "+x.name, x.why, "Content-Type: "+x.value, "body\n", w))
	}
	return list
}
