package mimewire

import (
	"strings"
	"testing"
)

// TestFlow: lines of at most 78 characters, stuffed where they begin like something else, and what a reader undoes is
// the text (RFC 3676 section 4).
func TestFlow(t *testing.T) {
	for text, want := range map[string]string{
		"short\n": "short\n", " indented\n": "  indented\n", "From x\n": " From x\n", "> quote\n": "> quote\n", "trailing \n": "trailing\n", "-- \n": "-- \n", "-- " + strings.Repeat("x", 80) + "\n": "-- " + strings.Repeat("x", 80) + "\n",
		strings.Repeat("word ", 20) + "end\n": strings.Repeat("word ", 14) + "\n" + strings.Repeat("word ", 6) + "end\n", ">> " + strings.Repeat("x ", 50) + "\n": "",
	} {
		got := Flow(text)
		if want != "" && got != want {
			t.Errorf("%.20q flows as %q, want %q", text, got, want)
		}
		if back := unflow(got); strings.TrimRight(back, " \n") != strings.TrimRight(text, " \n") {
			t.Errorf("%.20q comes back as %q", text, back)
		}
		for line := range strings.Lines(got) {
			if len(line) > 79 && strings.Contains(strings.TrimSpace(line)[3:], " ") {
				t.Errorf("a line of %d: %q", len(line), line)
			}
		}
	}
}

// unflow joins lines as a reader does.
func unflow(text string) string {
	var out strings.Builder
	joined := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		rest := strings.TrimLeft(line, ">")
		quote := line[:len(line)-len(rest)]
		rest = strings.TrimPrefix(rest, " ")
		if !joined {
			out.WriteString(quote)
			if quote != "" {
				out.WriteByte(' ')
			}
		}
		out.WriteString(rest)
		if joined = strings.HasSuffix(rest, " ") && rest != "-- "; !joined {
			out.WriteByte('\n')
		}
	}
	return out.String()
}
