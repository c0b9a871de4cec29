package oddmail

// multiparts are bodies of parts.
func multiparts() []Mail {
	const head = "Content-Type: multipart/mixed; boundary=b"
	const keep = "what is readable is given"
	png := []File{{"p.png", "image/png", "png"}}
	const image = "--b\nContent-Type: image/png; name=p.png\nContent-Disposition: inline\n\npng\n"
	both := Want{Text: "body", Files: png}
	return []Mail{
		body("parts: usual", "RFC 2046 section 5.1", head, "--b\n\nbody\n"+image+"--b--\n", both),
		body("parts: preamble and epilogue", "RFC 2046 section 5.1.1", head, "This is MIME.\n--b\n\nbody\n"+image+"--b--\nThe end.\n", both),
		body("parts: long preamble", "RFC 2046 section 5.1.1", head, repeat("x", 100_000)+"\n--b\n\nbody\n"+image+"--b--\n", both),
		body("parts: no end", keep, head, "--b\n\nbody\n--b\nContent-Type: image/png; name=p.png\n\npng", both),
		body("parts: one hyphen at the end", "programs write it", head, "--b\n\nbody\n"+image+"--b-\n", both),
		body("parts: blanks after delimiters", "RFC 2046 section 5.1.1", head, "--b \t\n\nbody\n"+image+"--b-- \n", both),
		body("parts: blank in the boundary", "RFC 2046 section 5.1.1", `Content-Type: multipart/mixed; boundary="b c"`, "--b c\n\nbody\n--b c--\n", Want{Text: "body"}),
		body("parts: boundary in single quotes", "they are part of it", "Content-Type: multipart/mixed; boundary='b'", "--'b'\n\nbody\n--'b'--\n", Want{Text: "body"}),
		body("parts: boundary with an equals sign", "programs forget the quotes", "Content-Type: multipart/mixed; boundary==_b", "--=_b\n\nbody\n--=_b--\n", Want{Text: "body"}),
		body("parts: no boundary, but delimiters", keep, "Content-Type: multipart/mixed", "--b1234\n\nbody\n--b1234--\n", Want{Text: "body"}),
		body("parts: another boundary", keep, "Content-Type: multipart/mixed; boundary=x", "--b1234\n\nbody\n--b1234--\n", Want{Text: "body"}),
		body("parts: nothing like a delimiter", "what can't be taken apart is a file with its octets", "Content-Type: multipart/mixed; boundary=x", "body\n", Want{Files: []File{{"", "application/octet-stream", "body\r\n"}}}),
		body("parts: a boundary that begins like another", "RFC 2046 section 5.1.1: the whole line counts", head, "--b\nContent-Type: multipart/alternative; boundary=bb\n\n--bb\n\nbody\n--bb--\n"+image+"--b--\n", both),
		body("parts: a boundary that ends in a hyphen", "the whole line counts first", `Content-Type: multipart/mixed; boundary="b-"`, "--b-\n\nbody\n--b---\n", Want{Text: "body"}),
		body("parts: the inner end is missing", keep, head, "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\nbody\n"+image+"--b--\n", both),
		body("parts: no header in a part", "RFC 2046 section 5.1", head, "--b\n\nbody\n--b--\n", Want{Text: "body"}),
		body("parts: a part without an empty line", keep, head, "--b\nContent-Type: text/plain\nbody text\n--b--\n", Want{Text: "body text"}),
		body("parts: an odd line in a part's header", keep, head, "--b\nodd line\nContent-Type: text/plain\n\nbody\n--b--\n", Want{Text: "body"}),
		body("parts: a lost blank", keep, "Content-Type: multipart/mixed;\nboundary=b", "--b\n\nbody\n--b--\n", Want{Text: "body"}),
		body("parts: a header only", keep, head, "--b\nContent-Type: image/png; name=p.png\n--b\n\nbody\n--b--\n", Want{Text: "body", Files: []File{{"p.png", "image/png", ""}}}),
		body("parts: encoded multipart", "RFC 2045 section 6.4: multiparts have no encoding", head+"\nContent-Transfer-Encoding: base64", "--b\n\nbody\n--b--\n", Want{Text: "body"}),
		body("parts: one bad among good", keep, head, "--b\n\nbody\n--b\nContent-Transfer-Encoding: x-odd\nContent-Type: image/png; name=q.png\n\nq\n"+image+"--b--\n", Want{Text: "body", Files: []File{{"q.png", "application/octet-stream", "q"}, png[0]}}),
		body("parts: unknown multipart", "RFC 2046 section 5.1.7: as mixed", "Content-Type: multipart/x-odd; boundary=b", "--b\n\nbody\n"+image+"--b--\n", both),
		body("parts: digest", "RFC 2046 section 5.1.5: messages by default", "Content-Type: multipart/digest; boundary=b", "--b\n\nSubject: in\n\nx\n--b--\n", Want{Files: []File{{"", "message/rfc822", "Subject: in\r\n\r\nx"}}}),
		body("parts: alternative", "RFC 2046 section 5.1.4", "Content-Type: multipart/alternative; boundary=b", "--b\n\nbody\n--b\nContent-Type: text/html\n\n<p>\n--b--\n", Want{Text: "body", HTML: "<p>"}),
		body("parts: alternative, HTML first", "the order does not matter to a reader", "Content-Type: multipart/alternative; boundary=b", "--b\nContent-Type: text/html\n\n<p>\n--b\n\nbody\n--b--\n", Want{Text: "body", HTML: "<p>"}),
		body("parts: alternative, two plain", "one form of each kind is shown", "Content-Type: multipart/alternative; boundary=b", "--b\n\nbody\n--b\n\nother\n--b--\n", Want{Text: "body", Files: []File{{"", "text/plain", "other"}}}),
		body("parts: text after an inline image", "Apple Mail writes it: it is text", head, "--b\n\nbody\n"+image+"--b\n\nmore\n--b--\n", Want{Text: "body\nmore", Files: png}),
		body("parts: HTML around an inline image", "Apple Mail writes it", head, "--b\nContent-Type: text/html\n\n<p>a\n"+image+"--b\nContent-Type: text/html\n\n<p>b\n--b--\n", Want{HTML: "<p>a\n<p>b", Files: png}),
		body("parts: footer of a list", "Mailman writes it", head, "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\nbody\n--c\nContent-Type: text/html\n\n<p>\n--c--\n--b\n\n____\nlist\n--b--\n", Want{Text: "body\n____\nlist", HTML: "<p>"}),
		body("parts: related with a start", "RFC 2387 section 3.2", `Content-Type: multipart/related; boundary=b; start="<r>"`, "--b\nContent-Type: image/png; name=p.png\nContent-ID: <i>\n\npng\n--b\nContent-Type: text/html\nContent-ID: <r>\n\n<p>\n--b--\n", Want{HTML: "<p>", Files: png}),
		body("parts: text in related", "RFC 2387: it is shown by its identifier", "Content-Type: multipart/related; boundary=b", "--b\nContent-Type: text/html\n\n<p>\n--b\nContent-Type: text/html\nContent-ID: <i>\n\n<i>\n--b--\n", Want{HTML: "<p>", Files: []File{{"", "text/html", "<i>"}}}),
		body("parts: named text", "a text with a name is a file", head, "--b\n\nbody\n--b\nContent-Type: text/plain; name=a.txt\n\na\n--b--\n", Want{Text: "body", Files: []File{{"a.txt", "text/plain", "a"}}}),
		body("parts: attached text", "RFC 2183 section 2.2", head, "--b\n\nbody\n--b\nContent-Disposition: ATTACHMENT\n\na\n--b--\n", Want{Text: "body", Files: []File{{"", "text/plain", "a"}}}),
		body("parts: a message within", "RFC 2046 section 5.2.1", head, "--b\n\nbody\n--b\nContent-Type: message/rfc822\n\nSubject: in\n\nx\n--b--\n", Want{Text: "body", Files: []File{{"", "message/rfc822", "Subject: in\r\n\r\nx"}}}),
		body("parts: a message with parts within", "RFC 2046 section 5.2.1: its delimiters are its own", head, "--b\n\nbody\n--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\ninner\n--c--\n\n--b--\n", Want{Text: "body", Files: []File{{"", "message/rfc822", "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\ninner\r\n--c--"}}}),
		body("parts: TNEF", "it is a file to all others", head, "--b\n\nbody\n--b\nContent-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\neJ8+Ig==\n--b--\n", Want{Text: "body", Files: []File{{"winmail.dat", "application/ms-tnef", "x\x9f>\""}}}),
		body("parts: signed", "RFC 1847 section 2.1", "Content-Type: multipart/signed; boundary=b; protocol=\"application/pgp-signature\"", "--b\n\nbody\n--b\nContent-Type: application/pgp-signature\n\nsig\n--b--\n", Want{Text: "body", Files: []File{{"", "application/pgp-signature", "sig"}}}),
	}
}
