package message_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/message"
)

// bigFile names the file that the process, a child of a test, attaches to a message.
const bigFile = "DEPECHE_TEST_BIG_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(bigFile); path != "" {
		os.Exit(attachBig(path))
	}
	os.Exit(m.Run())
}

func attachBig(path string) int {
	m, err := good().Attach(message.File(os.DirFS(filepath.Dir(path)), filepath.Base(path))).Build()
	if err != nil {
		return 1
	}
	if n, err := m.WriteTo(io.Discard); err != nil || n != m.Size() || n < bigSize()/3*4 {
		return 2
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 3
	}
	_, _ = os.Stdout.Write(status)
	return 0
}

// TestBigAttachment: a program that writes a message with an attachment of 1 GiB needs less than 64 MiB.
func TestBigAttachment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.bin")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(bigSize()), f.Close()); err != nil { // a file with a hole takes no space
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), bigFile+"="+path)
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// The child's own peak: Maxrss of a process begins with what its parent had when it was made.
	var peak float64
	_, rest, _ := strings.Cut(string(out), "VmHWM:")
	if _, err := fmt.Sscanf(rest, "%f kB", &peak); err != nil {
		t.Fatalf("no peak in\n%s", out)
	}
	limit := 64.0 * 1024 // KiB
	if raceEnabled() {
		limit *= 4 // the detector keeps shadow memory
	}
	if peak > limit {
		t.Errorf("%v KiB of memory at the peak", peak)
	}
	t.Logf("%v KiB of memory at the peak", peak)
}

// bigSize is 1 GiB, or what the race detector can do in the same time.
func bigSize() int64 {
	if raceEnabled() {
		return 1 << 27
	}
	return 1 << 30
}
