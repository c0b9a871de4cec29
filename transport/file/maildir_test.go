package file_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/depeche-mail/depeche/transport/file"
)

// flagged makes a Maildir of messages that a mail program has flagged.
func flagged(t *testing.T, n int) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "box")
	newTransport(t, file.Maildir, path)
	for i := range n {
		name := fmt.Sprintf("%d.M1P2.host:2,S", 1_767_225_600+i)
		if err := os.WriteFile(filepath.Join(path, "cur", name), []byte("From: a@b.org\nTo: e@f.org\n\n1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// TestMaildirIsListedOnce: to read all messages costs in proportion to their number. Memory is counted, because a clock
// also counts other programs.
func TestMaildirIsListedOnce(t *testing.T) {
	const few, times = 50, 8
	cost := func(n int) uint64 {
		path := flagged(t, n)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if got := len(stored(t, path)); got != n {
			t.Fatalf("%d of %d messages", got, n)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	if one, many := cost(few), cost(times*few); many > 2*times*one {
		t.Errorf("%d octets for %d messages, and %d for %d", one, few, many, times*few)
	}
}

// TestMaildirChangesWhileRead: a message that another program flags meanwhile is found under its new name.
func TestMaildirChangesWhileRead(t *testing.T) {
	path := flagged(t, 3)
	store, err := file.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, err := range store.All() {
		if err != nil {
			t.Fatal(err)
		}
		if read++; read > 1 {
			continue
		}
		entries, err := os.ReadDir(filepath.Join(path, "cur"))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if err := os.Rename(filepath.Join(path, "cur", e.Name()), filepath.Join(path, "cur", e.Name()+"T")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if read != 3 {
		t.Errorf("%d messages", read)
	}
}
