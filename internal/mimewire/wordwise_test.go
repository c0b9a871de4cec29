package mimewire

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// wordwise writes free text as its rules are told: word by word, each judged octet by octet. Folder looks at as much as it
// can at once.
type wordwise struct{ Folder }

func (f *wordwise) textField(name, text string) {
	f.Begin(name)
	words := strings.Split(text, " ")
	marks := f.mark(words)
	for i := 0; i < len(words) && text != ""; {
		end := i + 1
		if !marks[i] {
			f.Word(words[i])
		} else {
			for end < len(words) && marks[end] {
				end++
			}
			f.encode(strings.Join(words[i:end], " "))
		}
		i = end
	}
	f.End()
}

// mark marks the words that must be encoded: those that need it, the neighbours of an empty one, and short gaps.
func (f *wordwise) mark(words []string) []bool {
	marks := make([]bool, len(words))
	for i, w := range words {
		if w == "" {
			marks[max(i-1, 0)], marks[i], marks[min(i+1, len(words)-1)] = true, true, true
		} else if !f.plain(w) {
			marks[i] = true
		}
	}
	last, gap := -1, 0
	for i, w := range words {
		if !marks[i] {
			gap += len(w) + 1
			continue
		}
		for j := last; last >= 0 && gap <= 14 && j < i; j++ {
			marks[j] = true
		}
		last, gap = i, 0
	}
	return marks
}

// plain is Plain, octet by octet.
func (f *wordwise) plain(text string) bool {
	word, space := 0, true
	for i := range len(text) {
		c := text[i]
		if c == ' ' && space || c == '\t' || c >= utf8.RuneSelf && !f.Raw || c == '=' && i+1 < len(text) && text[i+1] == '?' {
			return false
		}
		if word++; c == ' ' {
			word = 0
		}
		if space = c == ' '; word > TooLong {
			return false
		}
	}
	return !space
}

// compare reports where Folder differs from wordwise.
func compare(t *testing.T, name, text string, raw bool, spare int) {
	t.Helper()
	at := wordwise{Folder{Raw: raw, Spare: spare}}
	at.textField(name, text)
	got := Folder{Raw: raw, Spare: spare}
	got.TextField(name, text)
	if string(got.Dst) != string(at.Dst) {
		t.Fatalf("%q in UTF-8 %v\nat once      %q\nword by word %q", text, raw, got.Dst, at.Dst)
	}
	if got, want := got.Plain(text), at.plain(text); got != want {
		t.Fatalf("Plain(%q) in UTF-8 %v is %v", text, raw, got)
	}
}

// TestWordwise: free text of words of all kinds is written as the rules for a word say.
func TestWordwise(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	kinds := []string{"", "", "a", "to", "ü", "Grüße", "=?x", "=", "?", "a=?b", "a\tb", "日本語", "e\u0301", "^", "`", "👩‍👩‍👧", "\x01", strings.Repeat("x", 75), strings.Repeat("ü", 40), strings.Repeat("y", 30)}
	for range 20_000 {
		words := make([]string, 1+random.IntN(12))
		odd := 1 + random.IntN(len(kinds))
		for i := range words {
			words[i] = "word"
			if random.IntN(3) == 0 {
				words[i] = kinds[random.IntN(odd)]
			}
		}
		compare(t, "Subject"[:1+random.IntN(7)], strings.Join(words, " "), random.IntN(4) == 0, random.IntN(2))
	}
	for _, size := range []int{TooLong - 1, TooLong, TooLong + 1} {
		compare(t, "X", strings.Repeat("x", size), false, 0)
		compare(t, "X", "a "+strings.Repeat("x", size)+" b", false, 0)
	}
}

func FuzzWordwise(f *testing.F) {
	f.Add("Subject", "a  b ü c d e f g h i j k l m n o p", false)
	f.Fuzz(func(t *testing.T, name, text string, raw bool) {
		if utf8.ValidString(text) && len(name) < FoldAt {
			compare(t, name, text, raw, 1)
		}
	})
}

// TestCut: a cut is the longest that its rules allow, found by trying all.
func TestCut(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	kinds := []string{"a", "ü", "語", "e", "\u0301", "\u0308", "👩", "\u200d", "^", " ", "="}
	for range 20_000 {
		var text strings.Builder
		for range random.IntN(30) {
			text.WriteString(kinds[random.IntN(len(kinds))])
		}
		room, step := random.IntN(70), 1+2*random.IntN(2)
		for _, cost := range []*[256]uint8{&qCost, &octetCost} {
			if got, want := cut(text.String(), cost, room, step), longestCut(text.String(), cost, room, step); got != want {
				t.Fatalf("%q in %d, by %d: %d, want %d", text.String(), room, step, got, want)
			}
		}
	}
}

func longestCut(text string, cost *[256]uint8, room, step int) int {
	apart, exact := 0, 0
	for n := 1; n <= len(text); n++ {
		if n < len(text) && !utf8.RuneStart(text[n]) || n%step != 0 || total(text[:n], cost) > room {
			continue
		}
		exact = n
		if last, _ := utf8.DecodeLastRuneInString(text[:n]); n == len(text) || !joins(last, text[n:]) {
			apart = n
		}
	}
	if apart > exact/2 {
		return apart
	}
	return exact
}
