package send_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

const rows = 10_000

// line is the JSON that send prints for a row.
type line struct {
	Row    int
	Key    string
	Result struct {
		Recipients []struct {
			Outcome  string
			Replayed bool
		}
	}
}

// counter counts what each recipient has got.
type counter struct {
	got   chan string
	count map[string]int
}

// drain takes what has come.
func (c *counter) drain() {
	for {
		select {
		case to := <-c.got:
			c.count[to]++
		default:
			return
		}
	}
}

// TestResume sends 10,000 rows, is ended or killed in the middle, and started again: no recipient gets two mails, none is missed, and what is
// printed is what the server has seen. After a kill those in doubt are named, and not sent again.
func TestResume(t *testing.T) {
	path := filepath.Join(t.TempDir(), "depeche")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".")
	build.Dir = "../../cmd/depeche"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var list strings.Builder
	list.WriteString("to,name\n")
	for i := range rows {
		fmt.Fprintf(&list, "r%d@example.org,Reader %d\n", i, i)
	}
	for name, signal := range map[string]syscall.Signal{"ended": syscall.SIGINT, "killed": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			csv := filepath.Join(folder, "list.csv")
			if err := os.WriteFile(csv, []byte(list.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			c := counter{got: make(chan string, 3*rows), count: map[string]int{}}
			var once sync.Once
			middle := make(chan struct{})
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Security, srv.Config.Mechanisms, srv.Config.Forget = smtptest.Plaintext, map[string]smtptest.Mechanism{}, true
			srv.Config.Receive = func(m smtptest.Message) error {
				for _, r := range m.Recipients {
					c.got <- r.Address
				}
				if len(c.got) >= rows/3 {
					once.Do(func() { close(middle) })
				}
				return nil
			}
			srv.Start()
			arguments := []string{
				"send", "--url", "smtp://" + srv.Addr(), "--from", "shop@example.org", "--list", csv, "--subject", "Hi {{.name}}", "--text", "x",
				"--ledger", filepath.Join(folder, "ledger"), "--window", "8", "--json",
			}
			first := exec.CommandContext(t.Context(), path, arguments...)
			if err := first.Start(); err != nil {
				t.Fatal(err)
			}
			<-middle
			if err := first.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := first.Wait(); err == nil {
				t.Fatal("it had ended before")
			} else if signal == syscall.SIGINT && first.ProcessState.ExitCode() != 75 {
				t.Errorf("interrupted: %v", err)
			}
			c.drain()
			before := len(c.count)
			if before >= rows {
				t.Fatal("the first run has sent all")
			}
			second := exec.CommandContext(t.Context(), path, arguments...)
			var out, said bytes.Buffer
			second.Stdout, second.Stderr = &out, &said
			err := second.Run()
			c.drain()
			wanted := 0
			unknown := judge(t, &c, out.Bytes())
			if len(unknown) > 0 {
				wanted = 99
			}
			if code := second.ProcessState.ExitCode(); code != wanted || signal == syscall.SIGINT && code != 0 {
				t.Errorf("status %d, %d unknown: %v: %s", code, len(unknown), err, said.String())
			}
			t.Logf("%d before, %d unknown: %s", before, len(unknown), said.String())
			checkProgress(t, said.String(), before, len(unknown))
		})
	}
}

// judge compares what was printed with what the server has got, and returns who is in doubt.
func judge(t *testing.T, c *counter, out []byte) (unknown []string) {
	t.Helper()
	seen := 0
	for text := range bytes.Lines(out) {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		seen++
		switch got, outcome := c.count[l.Key], l.Result.Recipients[0].Outcome; {
		case outcome == "unknown":
			unknown = append(unknown, l.Key)
		case outcome != "accepted" || got != 1:
			t.Errorf("%s: %s, and the server has %d", l.Key, outcome, got)
		}
	}
	if seen != rows {
		t.Errorf("%d rows have an outcome", seen)
	}
	for to, n := range c.count {
		if n > 1 {
			t.Errorf("%s has got %d mails", to, n)
		}
	}
	return unknown
}

var counts = regexp.MustCompile(`^(\d+) of (\d+) mails, (\d+) accepted(?:, (\d+) unknown)?; (\d+) of them before`)

// checkProgress holds the last line to the truth. What was accepted and not yet written down when the process was killed is unknown.
func checkProgress(t *testing.T, said string, before, unknown int) {
	t.Helper()
	m := counts.FindStringSubmatch(said)
	if m == nil {
		t.Fatalf("no counts: %s", said)
	}
	number := func(i int) int { n, _ := strconv.Atoi("0" + m[i]); return n }
	if number(1) != rows || number(2) != rows || number(3)+number(4) != rows || number(4) != unknown {
		t.Error(said)
	}
	// Replayed are those with an end in the ledger, and those in doubt; at most as many as the server had, and those in doubt.
	if replayed := number(5); replayed > before+unknown || replayed < before-unknown {
		t.Errorf("%d replayed, the server had %d, %d in doubt", replayed, before, unknown)
	}
}
