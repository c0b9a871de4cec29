package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestMain runs the program when a test starts this binary as a child.
func TestMain(m *testing.M) {
	if os.Getenv("CLUSTER_RUN") != "" || os.Getenv(nodeName) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestCluster runs the whole example: one of three is killed, the others go on, and no mail is sent twice.
func TestCluster(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "CLUSTER_RUN=1")
	out, err := cmd.CombinedOutput()
	if t.Logf("%s", out); err != nil || !strings.Contains(string(out), "kill -9") || !strings.Contains(string(out), "0 arrived twice") {
		t.Error(err)
	}
}
