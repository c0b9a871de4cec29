package mimewire

import (
	"encoding/base64"
	"mime"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

var encodedWords = regexp.MustCompile(`=\?utf-8\?([qb])\?([^?]*)\?=`)

// TestEncodedWords: words of at most 75 characters on lines of at most 76, cut between characters, of which no visible one
// is cut, and base64 without padding inside a run (RFC 2047 section 2; GMime stops at padding).
func TestEncodedWords(t *testing.T) {
	for _, text := range []string{
		"Grüße", strings.Repeat("日本語", 100), strings.Repeat("e\u0301", 100), strings.Repeat("a\u0308\u0323", 80), strings.Repeat("👩‍👩‍👧", 20), strings.Repeat("ü", 300), "a" + strings.Repeat("語", 99),
		strings.Repeat("\U0001F389", 70), strings.Repeat("ü x ", 60),
	} {
		lines := field("Subject", text)
		for _, line := range lines {
			if len(line) > 76 && strings.Contains(line, "=?") {
				t.Errorf("a line of %d columns: %s", len(line), line)
			}
		}
		decoder := mime.WordDecoder{}
		decoded, err := decoder.DecodeHeader(strings.TrimPrefix(strings.Join(lines, ""), "Subject: "))
		if err != nil || decoded != text {
			t.Errorf("%q comes back as %q, %v", text, decoded, err)
		}
		words := encodedWords.FindAllStringSubmatch(strings.Join(lines, "\n"), -1)
		for i, word := range words {
			if len(word[0]) > 75 {
				t.Errorf("a word of %d characters", len(word[0]))
			}
			content := string(decodeAny(t, word[1], word[2]))
			first, _ := utf8.DecodeRuneInString(content)
			if !utf8.ValidString(content) || i > 0 && unicode.In(first, unicode.M) {
				t.Errorf("%q is cut before %q", text[:min(len(text), 20)], content[:min(len(content), 8)])
			}
			if word[1] == "b" && i < len(words)-1 && len(content)%3 != 0 {
				t.Errorf("padding inside a run: %s", word[0])
			}
		}
	}
}

func decodeAny(t *testing.T, encoding, content string) []byte {
	t.Helper()
	if encoding == "b" {
		octets, err := base64.StdEncoding.DecodeString(content)
		if err != nil {
			t.Fatal(err)
		}
		return octets
	}
	text, err := new(mime.WordDecoder).Decode("=?utf-8?q?" + content + "?=")
	if err != nil {
		t.Fatal(err)
	}
	return []byte(text)
}

// TestLineWithEncodedWord: a line with an encoded-word has 76 columns, and not the 78 of others, whatever follows the
// word on it (RFC 2047 section 2).
func TestLineWithEncodedWord(t *testing.T) {
	full := 0
	for n := 15; n < 80; n++ {
		for _, line := range field("Subject", "für "+strings.Repeat("a", 20)+" "+strings.Repeat("b", n)) {
			if strings.Contains(line, "=?") && len(line) > 76 {
				t.Errorf("a line of %d columns: %s", len(line), line)
			}
			full = max(full, len(line))
		}
	}
	if full < 76 {
		t.Errorf("the longest line has %d columns: the limit was not met", full)
	}
}

// TestFoldBeforeCut: a word that fits a line of its own is not cut to fill the line before: some readers show a space
// where a name was cut.
func TestFoldBeforeCut(t *testing.T) {
	for n := 1; n < 12; n++ {
		text := strings.Repeat("a", 30) + " " + strings.Repeat("ü", n)
		lines := field("Subject", text)
		if words := encodedWords.FindAllString(strings.Join(lines, "\n"), -1); len(words) != 1 {
			t.Errorf("%d words: %q", len(words), lines)
		}
	}
}

// TestShorterEncoding: the shorter of Q and B for the whole, and Q for ASCII.
func TestShorterEncoding(t *testing.T) {
	for text, want := range map[string]string{"internationalisé": "?q?", "日本語の件名": "?b?", "=?x?=": "?q?", " leading": "?q?"} {
		if got := field("Subject", text)[0]; !strings.Contains(got, want) {
			t.Errorf("%q: %s", text, got)
		}
	}
}
