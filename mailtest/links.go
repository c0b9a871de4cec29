package mailtest

import (
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Links returns the addresses that the HTML links to, each once, in their order; of a mail without HTML, those of
// the web that stand in the text. A test that follows the link of a mail finds it here.
func (v *View) Links() []string {
	if v.HTML == "" {
		return linksInText(v.Text)
	}
	var found unique
	eachTag(v.HTML, func(token html.Token) {
		if token.DataAtom != atom.A && token.DataAtom != atom.Area {
			return
		}
		for _, a := range token.Attr {
			if link := strings.TrimSpace(a.Val); a.Key == "href" && link != "" && !strings.HasPrefix(link, "#") {
				found.add(link)
			}
		}
	})
	return found.list
}

// unique is a list of texts, each once.
type unique struct {
	list []string
	seen map[string]bool
}

func (u *unique) add(text string) {
	if u.seen[text] {
		return
	}
	if u.seen == nil {
		u.seen = map[string]bool{}
	}
	u.seen[text] = true
	u.list = append(u.list, text)
}

// linksInText returns the addresses that begin with https:// or http:// in a text. Punctuation at their end and
// brackets around them belong to the text.
func linksInText(text string) []string {
	var found unique
	for word := range strings.FieldsSeq(text) {
		at := strings.Index(word, "http://")
		if secure := strings.Index(word, "https://"); at < 0 || secure >= 0 && secure < at {
			at = secure
		}
		if at < 0 {
			continue
		}
		link := word[at:]
		if end := strings.IndexAny(link, `<>"`); end >= 0 {
			link = link[:end]
		}
		link = strings.TrimRight(link, ".,;:!?'")
		if strings.HasSuffix(link, ")") && !strings.Contains(link, "(") {
			link = strings.TrimRight(link, ").,;:!?'")
		}
		found.add(link)
	}
	return found.list
}

// shownIDs returns the Content-IDs and addresses by which the HTML shows parts: in src, background, poster, srcset and
// styles.
func shownIDs(source string) (ids unique, addresses map[string]bool) {
	addresses = map[string]bool{}
	cid := func(address string) {
		address = strings.TrimSpace(address)
		addresses[address] = true
		scheme, id, _ := strings.Cut(address, ":")
		if !strings.EqualFold(scheme, "cid") {
			return
		}
		if decoded, err := url.PathUnescape(id); err == nil { // RFC 2392 section 2
			id = decoded
		}
		ids.add(id)
	}
	eachTag(source, func(token html.Token) {
		for _, a := range token.Attr {
			switch a.Key {
			case "src", "background", "poster":
				cid(a.Val)
			case "srcset":
				for candidate := range strings.SplitSeq(a.Val, ",") {
					address, _, _ := strings.Cut(strings.TrimSpace(candidate), " ")
					cid(address)
				}
			}
		}
	})
	for _, found := range inStyle.FindAllStringSubmatch(source, -1) {
		cid(strings.Trim(html.UnescapeString(found[1]), `"' `))
	}
	return ids, addresses
}

// inStyle finds the addresses in styles, of elements and of attributes.
var inStyle = regexp.MustCompile(`(?i)url\(([^)]*)\)`)

// eachTag calls do with the elements of HTML.
func eachTag(source string, do func(html.Token)) {
	for tokens := html.NewTokenizer(strings.NewReader(source)); ; {
		switch tokens.Next() {
		case html.ErrorToken:
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			do(tokens.Token())
		}
	}
}
