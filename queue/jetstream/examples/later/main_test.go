package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestMain runs the program when a test starts this binary as a child.
func TestMain(m *testing.M) {
	if os.Getenv("LATER_RUN") != "" || os.Getenv(folder) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestLater runs the whole example: killed in the middle, and no mail twice.
func TestLater(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "LATER_RUN=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "kill -9") || !strings.Contains(string(out), "0 mails twice") {
		t.Errorf("%v:\n%s", err, out)
	}
}
