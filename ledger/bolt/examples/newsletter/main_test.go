package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestMain runs the program when a test starts this binary as a child.
func TestMain(m *testing.M) {
	if os.Getenv("NEWSLETTER_RUN") != "" || os.Getenv(bookFile) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestNewsletter runs the whole example: killed in the middle, and every row that can become a mail once.
func TestNewsletter(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "NEWSLETTER_RUN=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "kill -9") || strings.Count(string(out), "november/5: send: message: no envelope: To ") != 2 ||
		!strings.Contains(string(out), " subscribers got the mail, 0 of them twice") {
		t.Errorf("%v:\n%s", err, out)
	}
}
