package queuetest

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLifeOfARun: a run ends at the mail that is due, and what was due at the end of one does not end the next.
func TestLifeOfARun(t *testing.T) {
	var c campaign
	first, end := c.begin(t.Context(), 2)
	defer end()
	c.life.Load().mail()
	if first.Err() != nil {
		t.Error("the first run ended before its second mail")
	}
	c.life.Load().mail()
	if first.Err() == nil {
		t.Error("the first run did not end at its second mail")
	}
	last, end := c.begin(t.Context(), 0)
	defer end()
	for range 3 {
		c.life.Load().mail()
	}
	if last.Err() != nil {
		t.Error("the last run ended")
	}
}

// TestDoubts counts the doubts of a journal.
func TestDoubts(t *testing.T) {
	for journal, want := range map[string]int{
		"":                                   0,
		"ending k 7 1\ncertain k 7 accepted": 0,
		"ending k 7 1":                       1,
		"ending k 7 1\nending k 8 2\ncertain k 8 accepted":                       1,
		"ending k 7 1\ncertain k 8 not sent\nending k 9 3\ncertain k 9 accepted": 1, // the second process was not about to send it
		"ending k 7 1\nending k 7 2\ncertain k 7 accepted":                       1,
		"certain k 7 not sent\nending k 7 1":                                     1,
		"ending kk 7 1\nending k 7 1\ncertain k 7 rejected":                      0,
	} {
		c := campaign{journal: filepath.Join(t.TempDir(), "journal"), lines: map[string][]string{}}
		if err := os.WriteFile(c.journal, []byte(journal), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := c.doubts(t)["k"]; got != want {
			t.Errorf("%q has %d doubts, want %d", journal, got, want)
		}
	}
}
