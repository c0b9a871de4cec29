package eml

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// htmlText returns the text that HTML shows, in lines.
func htmlText(source string) string {
	var w textWriter
	hidden := atom.Atom(0) // the element whose content is not shown
	for tokens := html.NewTokenizer(strings.NewReader(source)); ; {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return w.String()
		}
		token := tokens.Token()
		switch {
		case hidden != 0:
			if kind == html.EndTagToken && token.DataAtom == hidden {
				hidden = 0
			}
		case kind == html.TextToken:
			w.words(token.Data)
		case kind == html.StartTagToken && isHidden[token.DataAtom]:
			hidden = token.DataAtom
		case kind == html.StartTagToken || kind == html.SelfClosingTagToken || kind == html.EndTagToken:
			w.tag(kind, token.DataAtom)
		}
	}
}

var isHidden = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Title: true, atom.Template: true, atom.Noscript: true, atom.Head: true,
}

// paragraphs have an empty line around them, and blocks begin a line.
var (
	paragraphs = map[atom.Atom]bool{
		atom.P: true, atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true,
		atom.Ul: true, atom.Ol: true, atom.Blockquote: true, atom.Table: true, atom.Pre: true,
	}
	blocks = map[atom.Atom]bool{
		atom.Div: true, atom.Tr: true, atom.Li: true, atom.Dt: true, atom.Dd: true, atom.Hr: true, atom.Section: true,
		atom.Article: true, atom.Header: true, atom.Footer: true, atom.Center: true, atom.Body: true,
	}
)

// textWriter writes words with single spaces and at most one empty line in a row.
type textWriter struct {
	out    strings.Builder
	breaks int  // line ends that wait for the next word
	space  bool // a space does
}

func (w *textWriter) tag(kind html.TokenType, name atom.Atom) {
	switch {
	case name == atom.Br && kind != html.EndTagToken:
		w.breaks = min(w.breaks+1, 2)
	case paragraphs[name]:
		w.breaks = 2
	case blocks[name]:
		w.breaks = max(w.breaks, 1)
	case name == atom.Td || name == atom.Th:
		w.space = true
	}
	if name == atom.Li && kind == html.StartTagToken {
		w.words("- ")
	}
}

func (w *textWriter) words(text string) {
	for text != "" {
		word := strings.TrimLeft(text, " \t\r\n\f\u00a0")
		w.space = w.space || len(word) < len(text)
		if word == "" {
			return
		}
		end := strings.IndexAny(word, " \t\r\n\f\u00a0")
		if end < 0 {
			end = len(word)
		}
		switch {
		case w.out.Len() == 0:
		case w.breaks > 0:
			w.out.WriteString("\n\n"[:w.breaks])
		case w.space:
			w.out.WriteByte(' ')
		}
		w.breaks, w.space = 0, false
		w.out.WriteString(word[:end])
		text = word[end:]
	}
}

// String returns the text with a line end at its end.
func (w *textWriter) String() string {
	if w.out.Len() == 0 {
		return ""
	}
	return w.out.String() + "\n"
}
