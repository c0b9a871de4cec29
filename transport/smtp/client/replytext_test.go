package client

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/transport/smtp/response"
	"github.com/google/go-cmp/cmp"
)

func refusal(lines ...string) response.Response {
	return response.Response{Code: 550, Enhanced: response.Enhanced{Class: 5, Subject: 1, Detail: 1}, Lines: lines}
}

func TestShorten(t *testing.T) {
	for name, tc := range map[string]struct {
		limit     int
		in, lines []string
	}{
		"short":                 {100, []string{"no such user"}, []string{"no such user"}},
		"exactly the limit":     {lineCost + 4, []string{"abcd"}, []string{"abcd"}},
		"one over the limit":    {2*lineCost + 5, []string{"abcdefghijklmnopqrstuv"}, []string{"ab", "..."}},
		"no part of a letter":   {2*lineCost + 6, []string{"aßßßßßßßßßßßßßßßßß"}, []string{"aß", "..."}},
		"whole lines":           {4 * lineCost, []string{"abc", "defg", "hij", "klm", "nop"}, []string{"abc", "defg", "..."}},
		"many empty lines":      {3*lineCost + 3, make([]string, 1000), []string{"", "", "..."}},
		"no room for any":       {lineCost, []string{"abcdefgh", "i"}, []string{"..."}},
		"no text is not longer": {0, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := shorten(refusal(tc.in...), tc.limit)
			if diff := cmp.Diff(refusal(tc.lines...), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestReplyTexts: each recipient has its own share of text, however much was said to others before.
func TestReplyTexts(t *testing.T) {
	var texts replyTexts
	kept := 0
	for i := range 20_000 {
		r := shorten(refusal(fmt.Sprintf("no mailbox %d ", i)+strings.Repeat("é", 3000)), maxReplyText)
		got := texts.keep(r)
		kept += textCost(got)
		if got.Code != r.Code || got.Enhanced != r.Enhanced || !strings.HasPrefix(got.Lines[0], fmt.Sprintf("no mailbox %d ", i)) || !utf8.ValidString(got.Text()) {
			t.Fatalf("%d: %v", i, got)
		}
		short := refusal("no such user")
		if diff := cmp.Diff(short, texts.keep(short)); diff != "" {
			t.Fatal(diff)
		}
	}
	if most := maxResultText + 20_000*ownReplyText; kept > most {
		t.Errorf("%d octets are kept, want %d at most", kept, most)
	}
}

func FuzzShorten(f *testing.F) {
	f.Add("a\nbc", 40)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		r := refusal(strings.Split(text, "\n")...)
		got := shorten(r, limit)
		if textCost(r) > limit && textCost(got) > max(limit, lineCost+len(cutMark)) {
			t.Errorf("%d octets of %q, limit %d", textCost(got), got.Lines, limit)
		}
		if last := len(got.Lines) - 1; textCost(r) > limit && got.Lines[last] != cutMark {
			t.Errorf("%q is not marked", got.Lines)
		}
	})
}
