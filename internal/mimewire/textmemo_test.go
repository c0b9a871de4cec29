package mimewire

import (
	"strings"
	"testing"
)

// TestTextMemo: whatever texts came before, the facts are those of the text; and the same text a third time is not looked at.
func TestTextMemo(t *testing.T) {
	texts := []string{"", "a\n", "b\n", "ü\n", "a \n", "a", "\x00\n", "From a\n", strings.Repeat("x", 9<<10), strings.Repeat("ü", 9<<9)}
	var memo TextMemo
	for i := range len(texts) * len(texts) * len(texts) {
		for _, at := range []int{i % len(texts), i / len(texts) % len(texts), i / len(texts) / len(texts)} {
			if text := texts[at]; memo.Scan(text) != ScanText(text) {
				t.Fatalf("%.20q: %+v, want %+v", text, memo.Scan(text), ScanText(text))
			}
		}
	}
	memo = TextMemo{}
	memo.Scan("same\n")
	memo.Scan("same\n")
	memo.facts.Longest = -1
	if got := memo.Scan("same\n").Longest; got != -1 {
		t.Errorf("the third time it was looked at: %d", got)
	}
}
