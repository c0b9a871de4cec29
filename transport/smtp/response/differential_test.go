package response_test

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/transport/smtp/response"
	"github.com/google/go-cmp/cmp"
)

var (
	replyLine    = regexp.MustCompile(`^([2-5][0-9]{2})(?:([ -])(.*))?$`)
	enhancedCode = regexp.MustCompile(`^([245])\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})(?: (.*))?$`)
)

// simpleReplies reads text by lines and regular expressions: the oracle of the parser. It returns
// the replies before the first fault, and whether there was one.
func simpleReplies(text string) (all []response.Response, bad bool) {
	var reply response.Response
	total := 0
	for line := range strings.SplitAfterSeq(text, "\n") {
		total += len(line)
		bare := strings.TrimRight(line, "\r\n")
		m := replyLine.FindStringSubmatch(strings.ToValidUTF8(strings.Map(oneLine, bare), "\xff"))
		switch {
		case len(line) > response.MaxLine || total > response.MaxReply:
			return all, true
		case !strings.HasSuffix(line, "\n"):
			return all, cannotBecome(line)
		case m == nil || reply.Code != 0 && m[1] != reply.Code.String():
			return all, true
		}
		code, _ := strconv.Atoi(m[1])
		text := bare[min(len(bare), 4):]
		enhanced := response.Enhanced{}
		rest := text
		if e := enhancedCode.FindStringSubmatch(text); e != nil && e[1] == m[1][:1] {
			enhanced = response.Enhanced{Class: number(e[1]), Subject: number(e[2]), Detail: number(e[3])}
			rest = e[4]
		}
		if reply.Code == 0 {
			reply.Code, reply.Enhanced = response.Code(code), enhanced
		} else if enhanced != reply.Enhanced {
			rest = text
		}
		reply.Lines = append(reply.Lines, clean(rest))
		if m[2] != "-" {
			all = append(all, reply)
			reply, total = response.Response{}, 0
		}
	}
	return all, false
}

// oneLine keeps the regular expression's dot from stopping at what is text here.
func oneLine(r rune) rune {
	if r == '\n' {
		return ' '
	}
	return r
}

// cannotBecome reports whether an unfinished line cannot begin a reply line.
func cannotBecome(line string) bool {
	return !regexp.MustCompile(`^(?s:|[2-5]|[2-5][0-9]|[2-5][0-9]{2}|[2-5][0-9]{2}[ \r-].*)$`).MatchString(strings.ToValidUTF8(line, "?"))
}

func number(s string) uint16 {
	n, _ := strconv.Atoi(s)
	return uint16(n)
}

func clean(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError || r != ' ' && !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Zs) {
			r = '?'
		}
		b.WriteRune(r)
		s = s[size:]
	}
	return b.String()
}

// FuzzParser compares the parser, fed in pieces, with the simple reader.
func FuzzParser(f *testing.F) {
	for _, text := range []string{
		"250-a\r\n250 b\r\n", "550 5.1.1 x\n", "250\r\n250 2.0.0\r\n", "451-4.7.1 a\r\n451 4.7.1 b\r\n", "250\r\r\n", "25\n", "250-\r\n250\n",
		"SSH-2.0\r\n", "250 2.1.0 Ok\r\n250 2.1.0 Ok\r\n250 2.1.0 Okay\r\n", "250-a\r\n251 b\r\n", "250 \u202e\r\n", "\r\n", "250 a\rb\r\n",
	} {
		f.Add(text, 3)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		want, bad := simpleReplies(text)
		got, _, err := parseAll(text, max(size, 1))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q in pieces of %d:\n%s", text, size, diff)
		}
		var protocol *response.ProtocolError
		if bad != errors.As(err, &protocol) {
			t.Fatalf("%q in pieces of %d: %v, want an error: %v", text, size, err, bad)
		}
	})
}
