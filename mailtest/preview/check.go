package preview

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/mailtest"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// clipSize is the size of HTML beyond which Gmail shows "[Message clipped]".
const clipSize = 102 << 10

// maxLine is the longest line that RFC 5322 section 2.1.1 allows, without its end.
const maxLine = 998

// Finding is a mistake in a mail that its readers, or the servers before them, would stumble over. Code is stable, Text is
// for people.
type Finding struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// Check looks for mistakes that are certain: a missing text or alternative text, an image that is not in the mail, HTML that Gmail
// clips, a List-Unsubscribe that no DKIM signature covers, blind recipients in the header, what cannot be read. It does
// not judge words.
func Check(mail *mailtest.Mail) []Finding {
	var c checklist
	view := mail.View()
	for _, fault := range view.Faults {
		c.add("unreadable", "%s", cut(fault, maxValue))
	}
	c.header(view)
	c.body(view)
	c.html(view)
	c.unsubscribe(view)
	c.lines(mail.Source())
	return c.findings
}

type checklist struct{ findings []Finding }

func (c *checklist) add(code, format string, args ...any) {
	c.findings = append(c.findings, Finding{Code: code, Text: fmt.Sprintf(format, args...)})
}

func (c *checklist) header(view *mailtest.View) {
	for _, name := range []string{"From", "Date", "Message-Id", "Subject"} {
		switch n := len(values(view, name)); {
		case n == 0:
			c.add("missing-"+strings.ToLower(name), "There is no %s field.", name)
		case n > 1:
			c.add("repeated-"+strings.ToLower(name), "There are %d %s fields; RFC 5322 section 3.6 allows one.", n, name)
		}
	}
	if bcc := values(view, "Bcc"); len(bcc) > 0 {
		c.add("visible-bcc", "The header has a Bcc field, so every reader sees the blind recipients: %s.", cut(strings.Join(bcc, ", "), maxTitle))
	}
}

func (c *checklist) body(view *mailtest.View) {
	hasText := strings.TrimSpace(view.Text) != ""
	switch {
	case !hasText && view.HTML != "":
		c.add("missing-text", "There is HTML and no plain text: screen readers, watches and filters use the text.")
	case !hasText && len(view.Attachments) == 0:
		c.add("empty", "There is no text and no HTML.")
	}
	if n := len(view.HTML); n > clipSize {
		c.add("clipped", "The HTML has %s; Gmail shows 102 KiB of it and clips the rest.", size(int64(n)))
	}
}

// markup is what Check wants to know of HTML.
type markup struct {
	cids, scripts    []string
	noAlt, elsewhere int
}

func (c *checklist) html(view *mailtest.View) {
	m := readMarkup(view.HTML)
	known := cidLinks(parts(view))
	for _, id := range m.cids {
		if !isKnownCID(known, id) {
			c.add("dangling-cid", "The HTML shows cid:%s, and no part has this Content-ID.", cut(id, maxTitle))
		}
	}
	for _, p := range view.Inline {
		isUsed := slices.ContainsFunc(m.cids, func(id string) bool { return isKnownCID(map[string]string{p.ContentID: "x"}, id) })
		if p.ContentID != "" && !isUsed && view.HTML != "" {
			c.add("unused-inline", "The inline part %s is not shown by the HTML.", cut(p.ContentID, maxTitle))
		}
	}
	if m.noAlt > 0 {
		c.add("missing-alt", "%s without alternative text (alt): readers that block images see nothing there.", plural(m.noAlt, "image"))
	}
	if m.elsewhere > 0 {
		c.add("remote-image", "%s from elsewhere: many mail programs ask before they load them, and this page does not.", plural(m.elsewhere, "image"))
	}
	for _, element := range m.scripts {
		c.add("active", "The HTML has a %s element; mail programs take it out.", element)
	}
}

func isKnownCID(known map[string]string, id string) bool {
	decoded, err := url.PathUnescape(id)
	return known[id] != "" || err == nil && known[decoded] != ""
}

func readMarkup(source string) (m markup) {
	note := func(list *[]string, value string) {
		if !slices.Contains(*list, value) && len(*list) < maxLinks {
			*list = append(*list, value)
		}
	}
	isStyle := false
	for tokens := html.NewTokenizer(strings.NewReader(source)); ; {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return m
		}
		token := tokens.Token()
		switch {
		case kind == html.TextToken && isStyle:
			for _, cid := range cidInStyle.FindAllString(token.Data, -1) {
				note(&m.cids, cid[len("cid:"):])
			}
		case kind == html.StartTagToken || kind == html.SelfClosingTagToken:
			isStyle = token.DataAtom == atom.Style
			if slices.Contains([]atom.Atom{atom.Script, atom.Form, atom.Iframe, atom.Object, atom.Embed}, token.DataAtom) {
				note(&m.scripts, token.Data)
			}
			m.tag(token, func(cid string) { note(&m.cids, cid) })
		case kind == html.EndTagToken:
			isStyle = false
		}
	}
}

// tag notes what an element shows.
func (m *markup) tag(token html.Token, cid func(string)) {
	hasAlt := false
	for _, a := range token.Attr {
		hasAlt = hasAlt || a.Key == "alt"
		scheme, rest, _ := strings.Cut(strings.TrimSpace(a.Val), ":")
		isSource := a.Key == "src" || a.Key == "background" || a.Key == "poster"
		switch {
		case isSource && strings.EqualFold(scheme, "cid"):
			cid(rest)
		case isSource && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https") || strings.HasPrefix(a.Val, "//")):
			m.elsewhere++
		case a.Key == "style":
			for _, found := range cidInStyle.FindAllString(a.Val, -1) {
				cid(found[len("cid:"):])
			}
		}
	}
	if token.DataAtom == atom.Img && !hasAlt {
		m.noAlt++
	}
}

// unsubscribe checks what RFC 8058 asks of mail that can be unsubscribed from by one click.
func (c *checklist) unsubscribe(view *mailtest.View) {
	if len(values(view, "List-Unsubscribe")) == 0 {
		return
	}
	wanted := []string{"list-unsubscribe"}
	if len(values(view, "List-Unsubscribe-Post")) > 0 {
		wanted = append(wanted, "list-unsubscribe-post")
	} else {
		c.add("unsubscribe-post", "There is a List-Unsubscribe and no List-Unsubscribe-Post field; Gmail and Yahoo ask bulk senders for both (RFC 8058).")
	}
	for _, name := range wanted {
		if !slices.ContainsFunc(values(view, "Dkim-Signature"), func(s string) bool { return covers(s, name) }) {
			c.add("unsubscribe-unsigned", "No DKIM signature covers %s, so receivers must not offer to unsubscribe by one click (RFC 8058 section 4).", name)
		}
	}
}

// covers reports whether a DKIM signature is made over a field, by its tag h=.
func covers(signature, name string) bool {
	for tag := range strings.SplitSeq(signature, ";") {
		key, value, _ := strings.Cut(tag, "=")
		if strings.TrimSpace(key) != "h" {
			continue
		}
		for field := range strings.SplitSeq(value, ":") {
			if strings.EqualFold(strings.TrimSpace(field), name) {
				return true
			}
		}
	}
	return false
}

func (c *checklist) lines(source string) {
	long, bare := 0, 0
	for line := range strings.Lines(source) {
		text := strings.TrimSuffix(line, "\n")
		if len(text) < len(line) && !strings.HasSuffix(text, "\r") {
			bare++
		}
		if len(strings.TrimSuffix(text, "\r")) > maxLine {
			long++
		}
	}
	if long > 0 {
		c.add("long-line", "%s of more than 998 octets; servers may break or refuse them (RFC 5321 section 4.5.3.1.6).", plural(long, "line"))
	}
	if bare > 0 {
		c.add("bare-newline", "%s without CR before LF; servers may refuse the mail.", plural(bare, "line end"))
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
