package client

import (
	"strings"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// How much is kept of the text of replies, in octets. A line counts lineCost beside its text, for the memory of its
// header. A server may say 64 KiB to each recipient; what a person or a rule reads is at the beginning.
const (
	maxReplyText  = 2 << 10 // of one reply
	ownReplyText  = 256     // of the reply to one recipient, whatever was said to others
	maxResultText = 1 << 20 // of all recipients of a mail, beyond what each has of its own
	lineCost      = 16
)

// cutMark ends a text of which the rest was left out.
const cutMark = "..."

// whole reports whether the replies of a step are kept to their end: what a server offers and what a caller has asked
// for. Each is one reply of at most response.MaxReply octets. A challenge is kept for the mechanism.
func whole(s step, r response.Response) bool {
	return s == stepHello || s == stepCommand || s == stepAuth && r.Code == response.AuthContinue
}

// textCost is how much the text of a reply counts.
func textCost(r response.Response) int {
	n := lineCost * len(r.Lines)
	for _, line := range r.Lines {
		n += len(line)
	}
	return n
}

// shorten returns r with the beginning of its text, code and enhanced code always. What it returns holds no memory of
// what was left out.
func shorten(r response.Response, limit int) response.Response {
	if textCost(r) <= limit {
		return r
	}
	limit -= lineCost + len(cutMark)
	var lines []string
	for _, line := range r.Lines {
		if room := limit - lineCost; len(line) > room {
			if room > 0 {
				lines = append(lines, cutText(line, room))
			}
			break
		}
		lines = append(lines, line)
		limit -= lineCost + len(line)
	}
	r.Lines = append(lines, cutMark)
	return r
}

// cutText returns a copy of the beginning of s, without a part of a character.
func cutText(s string, n int) string {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.Clone(s[:n])
}

// replyTexts counts what a Result keeps of the texts of replies.
type replyTexts struct{ shared int }

// keep returns r as it is kept for one recipient.
func (t *replyTexts) keep(r response.Response) response.Response {
	more := textCost(r) - ownReplyText
	switch {
	case more <= 0:
		return r
	case t.shared+more > maxResultText:
		return shorten(r, ownReplyText)
	}
	t.shared += more
	return r
}
