package message

import (
	"errors"
	"fmt"
	"html"
	"net/url"
	"strings"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// UncheckedInline leaves out a check of Build: that the HTML shows each inline part, and that each part is there that the
// HTML shows by a cid: address. It is for HTML that a reader's program fills in later, and for tests.
func (b Builder) UncheckedInline() Builder { return b.step(func(s *state) { s.unchecked = true }) }

// checkInline compares what the HTML shows by cid: addresses with the parts that are there.
func (s *state) checkInline(page string) {
	shown := contentIDs(page)
	if len(shown)+len(s.inline) == 0 {
		return
	}
	isShown, there := map[string]bool{}, map[string]bool{}
	for _, id := range shown {
		isShown[id] = true
	}
	for _, p := range s.inline {
		there[p.id] = true
		isCounted := p.id != "" && isVisible(p.id) && len(p.id) <= mimewire.TooLong // other ones are refused where they are written
		if isCounted && !isShown[p.id] && !mentions(page, p.id) {
			s.fault("Inline", p.id, fmt.Errorf("the HTML does not show it: write cid:%s there, or attach the part", p.id))
		}
	}
	for _, p := range s.attached {
		there[p.id] = true
	}
	for _, id := range shown {
		if !there[id] {
			there[id] = true // told once
			s.fault("HTML", "cid:"+id, errors.New("no part has this Content-ID: add it by Inline"))
		}
	}
}

// contentIDs returns the Content-IDs that HTML shows by addresses in attributes and styles (RFC 2392). The same words in a
// text, which may be a user's, show nothing.
func contentIDs(page string) (ids []string) {
	if !hasCID(page) {
		return nil
	}
	var place htmlPlace
	small, large := nextWord{word: "cid:"}, nextWord{word: "CID:"}
	for at := 0; ; {
		next := min(small.after(page, at), large.after(page, at))
		if next == len(page) {
			return ids
		}
		place.pass(page, at, next)
		at = next
		const longest = mimewire.TooLong * 3 // with escapes; longer ones are refused where they are written
		id := page[at+len("cid:"):]
		id = id[:min(len(id), longest)]
		if end := strings.IndexAny(id, "\"')> \t\r\n"); end > 0 && at > 0 && place.isAddress(page[at-1]) {
			ids = append(ids, decodeID(id[:end]))
		}
		place.pass(page, at, at+len("cid:"))
		at += len("cid:")
	}
}

// hasCID reports whether a page may show an inline part.
func hasCID(page string) bool {
	return strings.Contains(page, "cid:") || strings.Contains(page, "CID:")
}

// nextWord finds a word again and again, and looks at each octet once.
type nextWord struct {
	word string
	at   int // where it stands, or the end of the page
	know bool
}

// after returns where the word stands next, from a place on; the length of the page when it does not.
func (w *nextWord) after(page string, from int) int {
	if !w.know || w.at < from {
		w.know, w.at = true, len(page)
		if n := strings.Index(page[from:], w.word); n >= 0 {
			w.at = from + n
		}
	}
	return w.at
}

// htmlPlace knows in which kind of place a reader of HTML is.
type htmlPlace struct{ inTag, inStyle, toStyle bool }

// pass reads on from one place of a page to another.
func (h *htmlPlace) pass(page string, from, to int) {
	for from < to {
		n := strings.IndexAny(page[from:to], "<>")
		if n < 0 {
			return
		}
		from += n
		switch rest := page[from:]; {
		case page[from] == '>':
			h.inStyle = h.inTag && h.toStyle || h.inStyle && !h.inTag
			h.inTag = false
		case len(rest) > 1 && (rest[1]|0x20 >= 'a' && rest[1]|0x20 <= 'z' || rest[1] == '/'):
			const name = "<style"
			h.inTag, h.toStyle = true, len(rest) > len(name) && strings.EqualFold(rest[:len(name)], name)
		}
		from++
	}
}

// isAddress reports whether a cid: after this octet begins an address.
func (h *htmlPlace) isAddress(before byte) bool {
	return h.inTag && strings.IndexByte(`"'=(`, before) >= 0 || h.inStyle && strings.IndexByte(`"'(`, before) >= 0
}

// mentions reports whether a page has a cid: address at another place, such as in a list of sources.
func mentions(page, id string) bool {
	return strings.Contains(page, "cid:"+id) || strings.Contains(page, "cid:"+url.PathEscape(id))
}

func decodeID(address string) string {
	address = html.UnescapeString(address)
	if id, err := url.PathUnescape(address); err == nil {
		return id
	}
	return address
}
