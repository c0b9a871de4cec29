package mimeread

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
)

// TestManyTexts: texts that are shown together cost in proportion to their number.
func TestManyTexts(t *testing.T) {
	const few, times = 500, 8
	part := "--b\n\n" + strings.Repeat("x", 2000) + "\n"
	cost := func(n int) uint64 {
		text := []byte("Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat(part, n))
		section := ReadSection(text)
		tree, err := ReadTree(bytes.NewReader(text), int64(len(text)), section, int64(section.Body), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		content, err := tree.ReadContent(bytes.NewReader(text), Limits{})
		runtime.ReadMemStats(&after)
		if err != nil || len(content.Text) != n*2001 {
			t.Fatalf("%d octets, %v", len(content.Text), err)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	if one, many := cost(few), cost(times*few); many > 2*times*one {
		t.Errorf("%d octets of memory for %d parts, and %d for %d", one, few, many, times*few)
	}
}
