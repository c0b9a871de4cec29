package chaos_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// process is a server in a process of its own, which can be killed and started again with its ledger.
type process struct {
	t      *testing.T
	ledger string
	seed   uint64
	cmd    *exec.Cmd
	in     io.Closer
	smtp   atomic.Pointer[string] // the addresses of the process that runs
	lmtp   atomic.Pointer[string]
}

func startProcess(t *testing.T, ledger string, seed uint64) *process {
	t.Helper()
	p := &process{t: t, ledger: ledger, seed: seed}
	p.start()
	return p
}

func (p *process) start() {
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	p.seed++
	p.cmd = exec.Command(self) // it is killed, or ends with its standard input
	p.cmd.Env = append(os.Environ(), envLedger+"="+p.ledger, envServer+"="+strconv.FormatUint(p.seed, 10))
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		p.t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	addresses := strings.Fields(line)
	if err != nil || len(addresses) != 2 {
		p.t.Fatalf("the server said %q: %v", line, err)
	}
	p.smtp.Store(&addresses[0])
	p.lmtp.Store(&addresses[1])
}

// kill ends the process without a warning and starts the next one.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it runs until it is killed here
	_ = p.cmd.Wait()         // says that it was killed
	p.start()
}

// stop ends the process in order, and returns its ledger.
func (p *process) stop() (lines []string) {
	_ = p.in.Close() // the process ends
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("the server ended with %v", err)
	}
	data, err := os.ReadFile(p.ledger)
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

func TestMain(m *testing.M) {
	if os.Getenv(envLedger) != "" {
		if err := serve(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}
