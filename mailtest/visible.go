package mailtest

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// visible returns the text that HTML shows, in one line.
func visible(source string) string {
	var text strings.Builder
	hidden := atom.Atom(0) // the element whose content is not shown
	for tokens := html.NewTokenizer(strings.NewReader(source)); ; {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return oneLine(text.String()) // the reader of a string has no other end than io.EOF
		}
		token := tokens.Token()
		switch kind {
		case html.TextToken:
			if hidden == 0 {
				text.WriteString(token.Data)
			}
		case html.StartTagToken:
			if hidden == 0 && isHidden[token.DataAtom] {
				hidden = token.DataAtom
			}
		case html.EndTagToken:
			if token.DataAtom == hidden {
				hidden = 0
			}
		}
		if kind != html.TextToken && kind != html.CommentToken && !isWithinWords[token.DataAtom] {
			text.WriteByte(' ')
		}
	}
}

var isHidden = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Title: true, atom.Template: true, atom.Noscript: true,
}

// isWithinWords has the elements that do not begin a new line or box, so that they can be in a word.
var isWithinWords = map[atom.Atom]bool{
	atom.A: true, atom.Abbr: true, atom.B: true, atom.Code: true, atom.Em: true, atom.Font: true,
	atom.I: true, atom.Mark: true, atom.S: true, atom.Small: true, atom.Span: true, atom.Strong: true,
	atom.Sub: true, atom.Sup: true, atom.U: true, atom.Wbr: true,
}

// oneLine makes every run of white space one space, as a browser does.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
