package markup

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Text returns the plain text that shows what HTML shows: paragraphs with an empty line between them, items of lists
// after "- " or their number, quotes after "> ", cells of a table with a head row separated by " | ", an image by its alt
// text, and after the text of a link its address in brackets, unless they are the same. What the HTML hides, such as a
// preheader with display:none, is left out. It accepts any input, in time linear in its length.
func Text(source string) string {
	r := textReader{}
	r.begun = r.linksBegin
	for tokens := html.NewTokenizer(strings.NewReader(source)); ; {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return r.String()
		}
		token := tokens.Token()
		if kind == html.StartTagToken && token.DataAtom == atom.Noscript {
			tokens.NextIsNotRawText() // readers of mail run no scripts
		}
		if r.hidden != "" {
			if r.skip(kind, token) {
				continue
			}
		}
		switch kind {
		case html.TextToken:
			if r.pre > 0 {
				r.verbatim(token.Data)
			} else {
				r.words(token.Data)
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			r.start(token, kind == html.SelfClosingTagToken)
		case html.EndTagToken:
			r.end(token.DataAtom)
		}
	}
}

// textReader knows where in the HTML the writer is.
type textReader struct {
	textWriter
	hidden string // the element whose content is not shown
	within int    // elements of that name in it
	pre    int
	lists  []list
	links  []link // whose text may have begun
	tables []table
}

// list is one whose items are numbered from next on, or, when next is 0, have a dash.
type list struct {
	next int
	open bool // an item is
}

// table is one that has shown a head cell, or not, and how many cells its row has shown.
type table struct {
	head  bool
	cells int
}

// link is an a element that is open.
type link struct {
	address string
	at      int // where its text begins; -1 before
}

// maxNesting bounds what is kept of open elements, and the octets before a line: what is deeper is shown as if it were
// not nested.
const maxNesting = 16

var isHidden = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Title: true, atom.Template: true, atom.Select: true, atom.Iframe: true,
	atom.Textarea: true, atom.Svg: true,
}

// paragraphs have an empty line around them, and blocks begin a line.
var (
	paragraphs = map[atom.Atom]bool{
		atom.P: true, atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true,
		atom.Ul: true, atom.Ol: true, atom.Dl: true, atom.Blockquote: true, atom.Table: true, atom.Pre: true,
	}
	blocks = map[atom.Atom]bool{
		atom.Div: true, atom.Tr: true, atom.Li: true, atom.Dt: true, atom.Dd: true, atom.Hr: true, atom.Section: true,
		atom.Article: true, atom.Header: true, atom.Footer: true, atom.Center: true, atom.Body: true,
	}
	void = map[atom.Atom]bool{
		atom.Area: true, atom.Base: true, atom.Br: true, atom.Col: true, atom.Embed: true, atom.Hr: true, atom.Img: true,
		atom.Input: true, atom.Link: true, atom.Meta: true, atom.Source: true, atom.Track: true, atom.Wbr: true,
	}
)

// skip passes over an element that is not shown, and reports whether the token belongs to it. An element whose end tag HTML lets
// a writer leave out ends where the next of its kind begins, or where what it stands in ends.
func (r *textReader) skip(kind html.TokenType, token html.Token) bool {
	isSame := token.Data == r.hidden
	ends := mayLackEnd[atom.Lookup([]byte(r.hidden))]
	switch {
	case kind == html.EndTagToken && isSame && r.within == 0:
		r.hidden = ""
	case kind == html.EndTagToken && isSame:
		r.within--
	case kind == html.StartTagToken && isSame && ends == nil:
		r.within++
	case kind == html.StartTagToken && isSame, kind == html.EndTagToken && ends[token.DataAtom]:
		r.hidden = ""
		return false
	}
	return true
}

// mayLackEnd has the elements whose end tag may be missing, and those whose end ends them too.
var mayLackEnd = map[atom.Atom]map[atom.Atom]bool{
	atom.P:  {atom.Div: true, atom.Td: true, atom.Th: true, atom.Li: true, atom.Blockquote: true, atom.Body: true, atom.Section: true, atom.Center: true},
	atom.Li: {atom.Ul: true, atom.Ol: true}, atom.Dt: {atom.Dl: true}, atom.Dd: {atom.Dl: true},
	atom.Td: {atom.Tr: true, atom.Table: true}, atom.Th: {atom.Tr: true, atom.Table: true}, atom.Tr: {atom.Table: true, atom.Tbody: true},
	atom.Tbody: {atom.Table: true},
}

func (r *textReader) start(token html.Token, closed bool) {
	name := token.DataAtom
	if !closed && !void[name] && (isHidden[name] || isConcealed(token)) {
		r.hidden, r.within = token.Data, 0
		return
	}
	r.apart(name)
	switch name {
	case atom.Br:
		r.breaks = min(r.breaks+1, 2)
	case atom.Hr:
		r.words("----------")
		r.breaks = 1
	case atom.Img:
		r.words(attribute(token, "alt"))
	case atom.A:
		r.links = push(r.links, link{address: target(attribute(token, "href")), at: -1})
	case atom.Pre:
		r.pre++
	case atom.Blockquote:
		r.indent("> ")
	case atom.Ul:
		r.lists = push(r.lists, list{})
	case atom.Ol:
		first, err := strconv.Atoi(attribute(token, "start"))
		if err != nil || first < 1 || first > 1e6 {
			first = 1
		}
		r.lists = push(r.lists, list{next: first})
	case atom.Li:
		r.item()
	case atom.Table:
		r.tables = push(r.tables, table{})
	case atom.Tr:
		if n := len(r.tables); n > 0 {
			r.tables[n-1].cells = 0
		}
	case atom.Td, atom.Th:
		r.beginCell(name == atom.Th)
	}
}

func (r *textReader) end(name atom.Atom) {
	switch name {
	case atom.A:
		r.endLink()
	case atom.Pre:
		r.pre = max(r.pre-1, 0)
	case atom.Blockquote:
		r.outdent("> ")
	case atom.Ul, atom.Ol:
		r.endItem()
		r.lists = pop(r.lists)
	case atom.Li:
		r.endItem()
	case atom.Tr:
		r.cell = false
	case atom.Table:
		r.tables = pop(r.tables)
	}
	r.apart(name)
}

// apart separates a block, a paragraph or a cell from what is before and after it.
func (r *textReader) apart(name atom.Atom) {
	switch {
	case paragraphs[name] && (name == atom.Ul || name == atom.Ol) && len(r.lists) > 0:
		r.breaks = max(r.breaks, 1) // a list in an item
	case paragraphs[name]:
		r.breaks = 2
	case blocks[name]:
		r.breaks = max(r.breaks, 1)
	case name == atom.Td || name == atom.Th:
		r.space = true
	}
}

func (r *textReader) item() {
	if len(r.lists) == 0 {
		r.marker("- ")
		return
	}
	r.endItem() // HTML may leave out the end of the item before
	l := &r.lists[len(r.lists)-1]
	marker := "- "
	if l.next > 0 {
		marker = strconv.Itoa(l.next) + ". "
		l.next++
	}
	r.marker(marker)
	r.indent("  ")
	l.open = true
}

func (r *textReader) endItem() {
	if n := len(r.lists); n > 0 && r.lists[n-1].open {
		r.lists[n-1].open = false
		r.outdent("  ")
	}
}

func (r *textReader) beginCell(head bool) {
	n := len(r.tables)
	if n == 0 {
		return
	}
	t := &r.tables[n-1]
	t.head = t.head || head
	r.cell = t.head && t.cells > 0
	t.cells++
}

// endLink writes the address of a link after its text.
func (r *textReader) endLink() {
	if len(r.links) == 0 {
		return
	}
	last := r.links[len(r.links)-1]
	r.links = pop(r.links)
	shown := ""
	if last.at >= 0 {
		shown = strings.TrimSpace(r.From(last.at))
	}
	switch {
	case last.address == "" || shown == last.address || strings.TrimSuffix(last.address, "/") == shown:
	case shown == "":
		r.words(last.address)
	default:
		r.space = r.space || r.breaks == 0
		r.words("(" + last.address + ")")
	}
}

// linksBegin notes where the text of the open links begins.
func (r *textReader) linksBegin() {
	for i := range r.links {
		if r.links[i].at < 0 {
			r.links[i].at = r.Len()
		}
	}
}

// target is the address of a link as a reader of text needs it.
func target(href string) string {
	href = strings.TrimSpace(href)
	scheme, rest, found := strings.Cut(href, ":")
	switch {
	case !found:
		return "" // of a page that a mail has not got
	case strings.EqualFold(scheme, "mailto"):
		address, _, _ := strings.Cut(rest, "?")
		return address
	case strings.EqualFold(scheme, "http"), strings.EqualFold(scheme, "https"), strings.EqualFold(scheme, "tel"):
		return href
	}
	return ""
}

// isConcealed reports whether an element says of itself that it is not shown.
func isConcealed(token html.Token) bool {
	for _, a := range token.Attr {
		switch a.Key {
		case "hidden":
			return true
		case "style":
			style := strings.ToLower(strings.Join(strings.Fields(a.Val), ""))
			if strings.Contains(style, "display:none") || strings.Contains(style, "visibility:hidden") {
				return true
			}
		}
	}
	return false
}

func attribute(token html.Token, name string) string {
	for _, a := range token.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func push[T any](stack []T, value T) []T {
	if len(stack) == maxNesting {
		return stack
	}
	return append(stack, value)
}

func pop[T any](stack []T) []T { return stack[:max(len(stack)-1, 0)] }
