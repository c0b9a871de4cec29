//go:build unix

package bolt_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/ledger/bolt"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
)

// order is what a child process is told by its environment.
type order struct {
	Ledger      string // the file
	Port        int    // of the relay
	Prefix      string // of keys and recipients
	Mails       int
	Window      int // of the connection
	Connections int
	Guarantee   policy.Guarantee
	KillAt      int64 // the step at which it kills itself; 0 is never
	FileSize    int64 // the most that a file may grow to; 0 for no limit
}

const orderVariable = "DEPECHE_LEDGER_CHILD"

// TestMain makes a child of the test's own program.
func TestMain(m *testing.M) {
	text := os.Getenv(orderVariable)
	if text == "" {
		os.Exit(m.Run())
	}
	var o order
	err := json.Unmarshal([]byte(text), &o)
	if err == nil {
		err = o.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// steps kills the process with SIGKILL at a step: before or after a call of the ledger or a write to the socket.
type steps struct{ left atomic.Int64 }

func (s *steps) step() {
	if s.left.Add(-1) == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

type stepLedger struct {
	ledger.Ledger

	*steps
}

func (l stepLedger) Claim(ctx context.Context, c []ledger.Claim) ([]ledger.Grant, error) {
	l.step()
	defer l.step()
	return l.Ledger.Claim(ctx, c)
}

func (l stepLedger) Ending(ctx context.Context, g []ledger.Grant) error {
	l.step()
	defer l.step()
	return l.Ledger.Ending(ctx, g)
}

func (l stepLedger) End(ctx context.Context, e []ledger.Ended) error {
	l.step()
	defer l.step()
	return l.Ledger.End(ctx, e)
}

type stepConn struct {
	net.Conn

	*steps
}

func (c stepConn) Write(p []byte) (int, error) {
	c.step()
	defer c.step()
	return c.Conn.Write(p)
}

// run sends the campaign and prints how each mail ended, one a line.
func (o order) run() error {
	s := new(steps)
	s.left.Store(o.KillAt)
	if o.FileSize > 0 {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(o.FileSize), Max: uint64(o.FileSize)}); err != nil {
			return err
		}
	}
	book, err := bolt.Open(o.Ledger, bolt.Options{LockWait: time.Minute})
	if err != nil {
		return err
	}
	relay, err := smtp.DangerousPlaintext("127.0.0.1").Port(o.Port).BulkWindow(o.Window).Pool(smtp.Pool{MaxOpen: o.Connections}).
		Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, address)
			return stepConn{c, s}, err
		}).Build()
	if err != nil {
		return err
	}
	sender, err := ledger.Once{Next: relay, Ledger: stepLedger{book, s}, Guarantee: o.Guarantee}.Build()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	for sent, err := range transport.SendAll(context.Background(), sender, o.mails) {
		text := ""
		if err != nil {
			text = err.Error()
		}
		fmt.Fprintln(out, sent.Index, sent.Result.Recipients[0].Outcome, strings.ReplaceAll(text, "\n", "; "))
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_ = transport.Close(sender)
	return book.Close()
}

// mails is the campaign, the same in each process.
func (o order) mails(yield func(transport.Mail) bool) {
	from, _ := envelope.ParseAddress("from@example.org")
	for i := range o.Mails {
		name := fmt.Sprint(o.Prefix, i)
		to, err := envelope.ParseAddress(name + "@example.org")
		if err != nil {
			return
		}
		env, err := envelope.New(from, to)
		if err != nil {
			return
		}
		content := []byte("Message-ID: <" + name + "@example.org>\r\n\r\nx\r\n")
		if !yield(transport.WithKey(transport.Raw(env, content), name)) {
			return
		}
	}
}

// child is a run of the campaign in a process of its own.
type child struct {
	killed   bool
	outcomes map[int]string
	errors   string
}

// start runs the campaign; kill, if it is not nil, kills the process when it can be received from.
func (o order) start(t *testing.T, kill <-chan time.Time) child {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), orderVariable+"="+string(text))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() {
		select {
		case <-kill:
			_ = cmd.Process.Kill()
		case <-over:
		}
	})
	err = cmd.Wait()
	close(over)
	killer.Wait()
	c := child{outcomes: map[int]string{}, errors: stderr.String()}
	if err != nil {
		status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
		c.killed = status.Signaled() && status.Signal() == syscall.SIGKILL
		if !c.killed {
			t.Fatalf("the child failed: %v\n%s", err, &stderr)
		}
		return c
	}
	for line := range bytes.Lines(stdout.Bytes()) {
		number, rest, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		i, err := strconv.Atoi(string(number))
		if err != nil {
			t.Fatalf("the child said %q", line)
		}
		c.outcomes[i] = string(rest)
	}
	return c
}
