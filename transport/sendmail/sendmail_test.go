package sendmail_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/sendmail"
	"github.com/depeche-mail/depeche/transport/transporttest"
	"github.com/google/go-cmp/cmp"
)

// call is one run of the fake command.
type call struct {
	Args []string
	Data string
}

// TestMain is also the fake sendmail command: it notes its arguments and input in the folder FAKE_DIR,
// says FAKE_STDERR, and ends as FAKE_STATUS says; with FAKE_HANG it waits for ever after its input, and with FAKE_CHILD
// a process that it has started goes on.
func TestMain(m *testing.M) {
	folder := os.Getenv("FAKE_DIR")
	if folder == "" {
		os.Exit(m.Run())
	}
	if os.Getenv("FAKE_DEAF") != "" {
		os.Exit(0)
	}
	if address := os.Getenv("FAKE_CHILD"); address != "" {
		if len(os.Args) == 1 {
			stay(address)
		}
		child := exec.Command(os.Args[0])
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		if err := child.Start(); err != nil {
			os.Exit(70)
		}
	}
	data, err := io.ReadAll(os.Stdin)
	if err == nil {
		var note []byte
		note, err = json.Marshal(call{os.Args[1:], string(data)})
		if err == nil && os.Getenv("FAKE_STATUS") == "" {
			err = os.WriteFile(filepath.Join(folder, strconv.Itoa(os.Getpid())), note, 0o600)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(70)
	}
	fmt.Fprint(os.Stderr, os.Getenv("FAKE_STDERR"))
	if pipe := os.Getenv("FAKE_HANG"); pipe != "" {
		_ = os.WriteFile(pipe, nil, 0o600)
		select {}
	}
	status, _ := strconv.Atoi(os.Getenv("FAKE_STATUS"))
	os.Exit(status)
}

// fakes are the variables that tell the fake command what to do.
var fakes = []string{"FAKE_DIR", "FAKE_STATUS", "FAKE_STDERR", "FAKE_HANG", "FAKE_DEAF", "FAKE_CHILD"}

func build(t *testing.T, c sendmail.Config) *sendmail.Transport {
	t.Helper()
	tr, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// fake returns a transport over the fake command and what it has seen.
func fake(t *testing.T) (*sendmail.Transport, func() []call) {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	t.Setenv("FAKE_DIR", folder)
	return build(t, sendmail.Config{Path: path, Env: fakes}), func() (list []call) {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			var c call
			note, err := os.ReadFile(filepath.Join(folder, e.Name()))
			if err == nil {
				err = json.Unmarshal(note, &c)
			}
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, c)
		}
		return list
	}
}

func TestConformance(t *testing.T) {
	var calls func() []call
	transporttest.Run(t, transporttest.Harness{
		New: func(t *testing.T) transport.Transport {
			var tr *sendmail.Transport
			tr, calls = fake(t)
			return tr
		},
		Received: func(t *testing.T) (list []transporttest.Received) {
			for _, c := range calls() {
				end := slices.Index(c.Args, "--")
				from := c.Args[slices.Index(c.Args, "-f")+1]
				if from == "<>" {
					from = ""
				}
				list = append(list, transporttest.Received{
					From: from, To: c.Args[end+1:], Data: []byte(strings.ReplaceAll(c.Data, "\n", "\r\n")),
				})
			}
			return list
		},
	})
}

func address(t *testing.T, s string) (a envelope.Address) {
	t.Helper()
	if err := a.UnmarshalText([]byte(s)); err != nil {
		t.Fatal(err)
	}
	return a
}

func mail(t *testing.T, to []envelope.Recipient, d envelope.Options) transport.Mail {
	t.Helper()
	env, err := envelope.NewWithOptions(address(t, "a@example.org"), to, d)
	if err != nil {
		t.Fatal(err)
	}
	return transport.Raw(env, []byte("Subject: x\r\n\r\n.\r\ntext\r\n"))
}

func plain(t *testing.T) transport.Mail {
	t.Helper()
	return mail(t, []envelope.Recipient{{Address: address(t, "b@example.org")}}, envelope.Options{})
}

func TestStatus(t *testing.T) {
	for status, want := range map[int]transport.Outcome{
		1: transport.Rejected, 64: transport.Rejected, 65: transport.Rejected, 67: transport.Rejected, 69: transport.Deferred,
		70: transport.Deferred, 71: transport.Deferred, 73: transport.Deferred, 74: transport.Deferred, 75: transport.Deferred,
		77: transport.Rejected, 78: transport.Rejected,
	} {
		tr, _ := fake(t)
		t.Setenv("FAKE_STATUS", strconv.Itoa(status))
		t.Setenv("FAKE_STDERR", "sendmail: \x1bno\nmore\n")
		result, err := tr.Send(t.Context(), plain(t))
		var failed *transport.SendError
		reply := transport.Reply{Code: status, Lines: []string{"sendmail: ?no", "more"}}
		if !errors.As(err, &failed) || result.Recipients[0].Outcome != want || failed.Temporary() != (want == transport.Deferred) {
			t.Errorf("status %d: %v, %v", status, result.Recipients[0].Outcome, err)
		}
		if diff := cmp.Diff(reply, result.Recipients[0].Reply); diff != "" {
			t.Errorf("status %d: %s", status, diff)
		}
	}
}

func TestNoSuchCommand(t *testing.T) {
	result, err := sendmail.Command(filepath.Join(t.TempDir(), "none")).Send(t.Context(), plain(t))
	if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, exec.ErrNotFound) || result.Recipients[0].Outcome != transport.NotSent {
		t.Errorf("%v, %v", result.Recipients, err)
	}
}

// TestContext: a command that hangs after the end of the content is killed, and the outcome is in doubt.
func TestContext(t *testing.T) {
	tr, _ := fake(t)
	hangs := filepath.Join(t.TempDir(), "hangs")
	t.Setenv("FAKE_HANG", hangs)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for {
			if _, err := os.Stat(hangs); err == nil || t.Context().Err() != nil {
				cancel()
				return
			}
		}
	}()
	result, err := tr.Send(ctx, plain(t))
	if !errors.Is(err, context.Canceled) || result.Recipients[0].Outcome != transport.Unknown {
		t.Errorf("%v, %v", result.Recipients, err)
	}
}

// stuck is a mail whose source ends with the context.
type stuck struct {
	transport.Mail
	cancel func()
}

func (s stuck) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, "Subject: x\r\n")
	s.cancel()
	return int64(n), errors.Join(err, context.Canceled)
}

func TestContextInContent(t *testing.T) {
	tr, calls := fake(t)
	ctx, cancel := context.WithCancel(t.Context())
	result, err := tr.Send(ctx, stuck{plain(t), cancel})
	if !errors.Is(err, context.Canceled) || result.Recipients[0].Outcome != transport.NotSent || len(calls()) > 0 {
		t.Errorf("%v, %v, %v", result.Recipients, err, calls())
	}
}

// late is a mail whose context ends with its last octet.
type late struct {
	transport.Mail
	cancel func()
}

func (l late) WriteTo(w io.Writer) (int64, error) {
	n, err := l.Mail.WriteTo(w)
	l.cancel()
	return n, err
}

// TestContextAtTheEnd: a context that ends with the content never lets the command take a mail that is
// reported as not sent.
func TestContextAtTheEnd(t *testing.T) {
	for range 20 {
		tr, calls := fake(t)
		ctx, cancel := context.WithCancel(t.Context())
		result, err := tr.Send(ctx, late{plain(t), cancel})
		if !errors.Is(err, context.Canceled) || result.Recipients[0].Outcome == transport.NotSent && len(calls()) > 0 {
			t.Errorf("%v, %v, taken %v", result.Recipients, err, calls())
		}
	}
}

// TestDeafCommand: a command that ends well without reading the mail may have done anything.
func TestDeafCommand(t *testing.T) {
	tr, _ := fake(t)
	t.Setenv("FAKE_DEAF", "1")
	env := plain(t).Envelope()
	big := transport.Raw(env, []byte(strings.Repeat(strings.Repeat("x", 62)+"\r\n", 1<<15)))
	result, err := tr.Send(t.Context(), big)
	if result.Recipients[0].Outcome != transport.Unknown || err == nil {
		t.Errorf("%v, %v", result.Recipients, err)
	}
}

// boastful is a mail that is shorter or longer than it says.
type boastful struct {
	transport.Mail

	more int64
}

func (b boastful) BodyInfo() (transport.BodyInfo, bool) {
	var n counter
	_, _ = b.WriteTo(&n) // it never fails
	return transport.BodyInfo{Size: int64(n) + b.more}, true
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// TestContentIsWhatWasPlanned: a mail that is shorter or longer than it says is never given to the end.
func TestContentIsWhatWasPlanned(t *testing.T) {
	for _, more := range []int64{-1, 1} {
		tr, calls := fake(t)
		result, err := tr.Send(t.Context(), boastful{plain(t), more})
		if err == nil || result.Recipients[0].Outcome != transport.NotSent || len(calls()) > 0 {
			t.Errorf("%v, %v, %v", result.Recipients, err, calls())
		}
	}
	tr, calls := fake(t)
	if _, err := tr.Send(t.Context(), boastful{plain(t), 0}); err != nil || len(calls()) != 1 {
		t.Errorf("%v, %v", err, calls())
	}
}
