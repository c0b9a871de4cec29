package markup

import (
	"slices"
	"strings"
)

// textWriter writes words with single spaces and at most one empty line in a row.
type textWriter struct {
	out     strings.Builder
	breaks  int    // line ends that wait for the next word
	space   bool   // a space does
	cell    bool   // the next word begins a cell after another
	item    string // the next word begins an item
	indents []string
	before  []string // the indents of the last line
	held    string   // blanks of a verbatim text, written unless the line ends
	begun   func()   // told before a word is written, after what is before it in its line
}

const blanks = " \t\r\n\f\u00a0"

// words writes text whose blanks only separate words.
func (w *textWriter) words(text string) {
	for text != "" {
		start := 0
		for size := blank(text); size > 0; size = blank(text[start:]) {
			start += size
		}
		w.space = w.space || start > 0
		if start == len(text) {
			return
		}
		end := start + 1
		for end < len(text) && blank(text[end:]) == 0 {
			end++
		}
		w.held = ""
		w.begin()
		w.out.WriteString(text[start:end])
		text = text[end:]
	}
}

// blank returns how many octets the blank has that text begins with; 0 without one. The first octet of a no-break space stands in
// no other character.
func blank(text string) int {
	switch {
	case text == "":
		return 0
	case text[0] == ' ', text[0] == '\t', text[0] == '\r', text[0] == '\n', text[0] == '\f':
		return 1
	case strings.HasPrefix(text, "\u00a0"):
		return len("\u00a0")
	}
	return 0
}

// verbatim writes text whose blanks and line ends are shown.
func (w *textWriter) verbatim(text string) {
	for i, line := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		if i > 0 {
			w.breaks, w.held = min(w.breaks+1, 2), ""
		}
		if strings.Trim(line, blanks) == "" {
			w.held += line
			continue
		}
		held := w.held
		w.held = ""
		w.begin()
		w.out.WriteString(held + line)
	}
}

// begin writes what waits for the next word.
func (w *textWriter) begin() {
	switch {
	case w.out.Len() == 0:
		w.prefix()
	case w.breaks > 0:
		for i := range w.breaks {
			w.out.WriteByte('\n')
			if i < w.breaks-1 {
				w.out.WriteString(strings.TrimRight(strings.Join(common(w.before, w.indents), ""), " "))
			}
		}
		w.prefix()
	case w.cell:
		w.out.WriteString(" | ")
	case w.space:
		w.out.WriteByte(' ')
	}
	w.breaks, w.space, w.cell = 0, false, false
	if w.begun != nil {
		w.begun()
	}
}

// prefix begins a line: with the indents, of which the last one gives its place to the marker of an item.
func (w *textWriter) prefix() {
	indents := w.indents
	if w.item != "" && len(indents) > 0 {
		indents = indents[:len(indents)-1]
	}
	for _, indent := range indents {
		w.out.WriteString(indent)
	}
	w.out.WriteString(w.item)
	w.item = ""
	w.before = append(w.before[:0], w.indents...)
}

// common returns what two lists begin with alike.
func common(a, b []string) []string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

// marker has the next word begin an item.
func (w *textWriter) marker(text string) { w.item, w.breaks = text, max(w.breaks, 1) }

func (w *textWriter) indent(text string) { w.indents = push(w.indents, text) }

// outdent ends the innermost indent of a kind. HTML with end tags that have no beginning changes nothing.
func (w *textWriter) outdent(text string) {
	w.item = ""
	for i, indent := range slices.Backward(w.indents) {
		if indent == text {
			w.indents = slices.Delete(w.indents, i, i+1)
			return
		}
	}
}

// Len is how much is written.
func (w *textWriter) Len() int { return w.out.Len() }

// From returns what was written from a place on.
func (w *textWriter) From(at int) string { return w.out.String()[at:] }

// String returns the text with a line end at its end.
func (w *textWriter) String() string {
	if w.out.Len() == 0 {
		return ""
	}
	return w.out.String() + "\n"
}
