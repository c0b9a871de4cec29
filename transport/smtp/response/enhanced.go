package response

import (
	"bytes"
	"strconv"
)

// Enhanced is an enhanced status code, class.subject.detail (RFC 3463 section 2). The zero value
// means that there was none.
type Enhanced struct{ Class, Subject, Detail uint16 }

// IsZero reports whether there was no enhanced status code.
func (e Enhanced) IsZero() bool { return e == Enhanced{} }

// String returns the code in dotted form, or "".
func (e Enhanced) String() string {
	switch {
	case e.IsZero():
		return ""
	case e.Class < 10 && e.Subject < 10 && e.Detail < 10:
		at := int(e.Class)*100 + int(e.Subject)*10 + int(e.Detail)
		return short[at*shortLen : (at+1)*shortLen]
	}
	return string(e.appendTo(make([]byte, 0, len("5.999.999"))))
}

// short holds the codes of three digits one after the other, so that the usual ones need no memory of
// their own.
var short = func() string {
	all := make([]byte, 0, 1000*shortLen)
	for at := range uint16(1000) {
		all = Enhanced{at / 100, at / 10 % 10, at % 10}.appendTo(all)
	}
	return string(all)
}()

const shortLen = len("2.0.0")

func (e Enhanced) appendTo(dst []byte) []byte {
	dst = strconv.AppendUint(dst, uint64(e.Class), 10)
	dst = strconv.AppendUint(append(dst, '.'), uint64(e.Subject), 10)
	return strconv.AppendUint(append(dst, '.'), uint64(e.Detail), 10)
}

// cutEnhanced reads an enhanced status code at the start of a text. One whose class contradicts the
// reply code is text: the basic code decides (RFC 2034 section 4).
func cutEnhanced(code Code, text []byte) (e Enhanced, rest []byte) {
	if len(text) < len("2.0.0") || text[0] != '0'+byte(code.Severity()) || text[1] != '.' {
		return Enhanced{}, text
	}
	head, rest, _ := bytes.Cut(text, []byte(" "))
	subject, detail, ok := bytes.Cut(head[2:], []byte("."))
	s, okS := shortNumber(subject)
	d, okD := shortNumber(detail)
	if !ok || !okS || !okD {
		return Enhanced{}, text
	}
	return Enhanced{Class: uint16(code.Severity()), Subject: s, Detail: d}, rest
}

// shortNumber reads one to three digits without leading zeros (RFC 3463 section 2).
func shortNumber(s []byte) (uint16, bool) {
	if len(s) == 0 || len(s) > 3 || len(s) > 1 && s[0] == '0' {
		return 0, false
	}
	var n uint16
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint16(c-'0')
	}
	return n, true
}
