//go:build unix

package file_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/file"
)

// These tell the process, a child of a test, to write messages until it is killed.
const (
	writeLayout = "DEPECHE_TEST_LAYOUT"
	writePath   = "DEPECHE_TEST_PATH"
)

func TestMain(m *testing.M) {
	if layout := os.Getenv(writeLayout); layout != "" {
		if err := writeMany(layouts[layout], os.Getenv(writePath)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// numbered is message i: its length and its lines depend on i.
func numbered(i int) []byte {
	return []byte(fmt.Sprintf("Subject: %d\r\n\r\n", i) + strings.Repeat(fmt.Sprintf("line of message %d\r\n", i), i%300) + "end\r\n")
}

func writeMany(layout func(string) (*file.Transport, error), path string) error {
	t, err := layout(path)
	if err != nil {
		return err
	}
	to, err := envelope.ParseAddress("r@example.org")
	if err != nil {
		return err
	}
	env, err := envelope.New(to, to)
	if err != nil {
		return err
	}
	for i := range 1000 {
		if _, err := t.Send(context.Background(), transport.Raw(env, numbered(i))); err != nil {
			return err
		}
		fmt.Println(i)
	}
	return nil
}

// TestKill kills a process that writes 1,000 messages at many moments. What it has confirmed is there,
// and nothing is there that is not whole.
func TestKill(t *testing.T) {
	for name := range layouts {
		for _, after := range []int{0, 1, 2, 5, 13, 40, 110, 300} {
			t.Run(fmt.Sprintf("%s/%d", name, after), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "box")
				confirmed := writeUntilKilled(t, name, path, after)
				all := stored(t, path)
				if len(all) < confirmed {
					t.Errorf("%d messages of %d confirmed ones", len(all), confirmed)
				}
				for i, s := range all {
					if !bytes.Equal(octets(t, s), numbered(i)) || s.Envelope().Len() != 1 {
						t.Fatalf("message %d is not what was written: %q", i, octets(t, s))
					}
				}
				// The place can be used on.
				tr := newTransport(t, layouts[name], path)
				if _, err := tr.Send(t.Context(), raw(t, "a@b.org", "c@d.org", "x\r\n")); err != nil {
					t.Fatal(err)
				}
				if n := len(stored(t, path)); n != len(all)+1 {
					t.Errorf("%d messages after one more", n)
				}
			})
		}
	}
}

// writeUntilKilled returns how many messages the child has confirmed.
func writeUntilKilled(t *testing.T, layout, path string, after int) int {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), writeLayout+"="+layout, writePath+"="+path)
	var stderr bytes.Buffer
	child.Stderr = &stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	confirmed := 0
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if confirmed++; confirmed == after+1 {
			_ = child.Process.Kill() // and read on: more may have been confirmed meanwhile
		}
	}
	if err := child.Wait(); err == nil || stderr.Len() > 0 {
		t.Fatalf("the child ended by itself: %v\n%s", err, stderr.Bytes())
	}
	return confirmed
}
