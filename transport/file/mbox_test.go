package file_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/file"
)

// TestMboxBlankLine: whatever a mailbox ends with, a blank line stands before the next message, and not two.
func TestMboxBlankLine(t *testing.T) {
	const first = "From a@example.org Thu Jan  1 00:00:00 2026\nSubject: one\n\ntext"
	for name, end := range map[string]string{"no line end": "", "a line end": "\n", "a blank line": "\n\n"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "mbox")
			if err := os.WriteFile(path, []byte(first+end), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := newTransport(t, file.Mbox, path).Send(t.Context(), raw(t, "a@example.org", "b@example.org", "Subject: two\r\n\r\nx\r\n")); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(path)
			if err != nil || !strings.HasPrefix(string(text), first+"\n\nFrom ") {
				t.Errorf("%v\n%s", err, text)
			}
			if n := len(stored(t, path)); n != 2 {
				t.Errorf("%d messages are read back, want 2", n)
			}
		})
	}
}
