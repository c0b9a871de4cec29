//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package file

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	older  = "From x Thu Jan  1 00:00:00 2026\nSubject: old\n\nof another program\n"
	ours   = "From a@b.org Thu Jan  1 00:00:00 2026\nSubject: new\n\nours\n\n"
	theirs = "From y Thu Jan  1 00:00:00 2026\nSubject: later\n\nof another program too\n\n"
)

// crashed makes a mailbox as a killed process has left it: a journal for ours after older, and a mailbox
// with content.
func crashed(t *testing.T, content string) (path string, j *journal) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "box")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(ours))
	j = &journal{
		inode: inodeOf(info), length: int64(len(older)), lead: 1, size: int64(len(ours)), digest: sum[:],
		record: func() io.Reader { return bytes.NewReader([]byte(ours)) },
	}
	return path, j
}

// after returns the mailbox once a reader and then a writer have dealt with what was left: what the reader
// may see, and what the writer appends to.
func after(t *testing.T, path string) (seen, kept string) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := newMbox(path)
	err = m.reading(func(f *os.File, length int64) error {
		data, err := io.ReadAll(io.NewSectionReader(f, 0, length))
		seen = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, before) {
		t.Fatalf("reading has changed the mailbox: %v", err)
	}
	h, err := hold(t.Context(), path, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := recoverMailbox(path, h.f); err != nil {
		t.Fatal(err)
	}
	if err := h.release(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Fatalf("left beside the mailbox: %v, %v", entries, err)
	}
	return seen, string(data)
}

// TestJournalCutsItsOwn: whatever part of a record a killed process has left, it is cut off, and not shown
// before; a whole one stays.
func TestJournalCutsItsOwn(t *testing.T) {
	whole := "\n" + ours
	for n := range len(whole) + 1 {
		path, j := crashed(t, older+whole[:n])
		if err := j.write(path); err != nil {
			t.Fatal(err)
		}
		want := older
		if n == len(whole) {
			want += whole
		}
		seen, kept := after(t, path)
		if diff := cmp.Diff([]string{want, want}, []string{seen, kept}); diff != "" {
			t.Fatalf("after %d octets: %s", n, diff)
		}
	}
}

// TestJournalCutsNothingElse: what is not exactly a beginning of the record belongs to other programs.
func TestJournalCutsNothingElse(t *testing.T) {
	whole := "\n" + ours
	for name, content := range map[string]string{
		"a part and more of others":  older + whole[:10] + theirs,
		"all and more of others":     older + whole + theirs,
		"only mail of others":        older + "\n" + theirs,
		"a part with another octet":  older + whole[:10] + "X",
		"shorter than before":        older[:20],
		"rewritten, of equal length": older + whole[:5] + "?",
		"empty":                      "",
	} {
		path, j := crashed(t, content)
		if err := j.write(path); err != nil {
			t.Fatal(err)
		}
		if seen, kept := after(t, path); seen != content || kept != content {
			t.Errorf("%s: seen %q, kept %q", name, seen, kept)
		}
	}
	path, j := crashed(t, older+whole[:10])
	j.inode++
	if err := j.write(path); err != nil {
		t.Fatal(err)
	}
	if seen, kept := after(t, path); seen != older+whole[:10] || kept != seen {
		t.Errorf("another inode: seen %q, kept %q", seen, kept)
	}
}

// TestJournalNotComplete: a process that is killed while it writes the journal has not touched the mailbox.
func TestJournalNotComplete(t *testing.T) {
	path, j := crashed(t, older+"\n"+ours[:10])
	if err := j.write(path); err != nil {
		t.Fatal(err)
	}
	complete, err := os.ReadFile(path + journalName)
	if err != nil {
		t.Fatal(err)
	}
	for n := range complete {
		if err := os.WriteFile(path+journalName, complete[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if seen, kept := after(t, path); seen != older+"\n"+ours[:10] || kept != seen {
			t.Fatalf("%d of %d octets: seen %q, kept %q", n, len(complete), seen, kept)
		}
	}
}

// TestJournalOfOthers: a file that another program has put there is neither believed nor removed, nor is
// one that a link leads to.
func TestJournalOfOthers(t *testing.T) {
	path, _ := crashed(t, older)
	for name, make := range map[string]func() error{
		"text": func() error { return os.WriteFile(path+journalName, []byte("0"), 0o600) },
		"numbers": func() error {
			return os.WriteFile(path+journalName, []byte(journalMagic+"inode -1 length 0\n"), 0o600)
		},
		"link": func() error {
			err := os.WriteFile(path+".other", fmt.Appendf(nil, journalMagic), 0o600)
			if err == nil {
				err = os.Symlink(path+".other", path+journalName)
			}
			return err
		},
	} {
		if err := make(); err != nil {
			t.Fatal(err)
		}
		h, err := hold(t.Context(), path, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := recoverMailbox(path, h.f); err == nil {
			t.Errorf("%s: taken for a journal", name)
		}
		if err := h.release(); err != nil {
			t.Error(err)
		}
		if err := os.Remove(path + journalName); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
