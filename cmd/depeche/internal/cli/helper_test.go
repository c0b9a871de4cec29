package cli_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/cmd/depeche/internal/cli"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files")

// golden compares text with a file of testdata.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; go test -update writes it", err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s: %s", path, diff)
	}
}

// ran is what a run printed, and its exit status.
type ran struct {
	status      int
	out, errors string
}

// safe is a buffer that goroutines may write to.
type safe struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *safe) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *safe) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// world returns one with variables "NAME=value".
func world(stdin string, variables ...string) (w cli.World, out, errors *safe) {
	out, errors = &safe{}, &safe{}
	return cli.World{
		Getenv: func(name string) string {
			for _, v := range variables {
				if key, value, _ := strings.Cut(v, "="); key == name {
					return value
				}
			}
			return ""
		},
		Stdin: strings.NewReader(stdin), Stdout: out, Stderr: errors,
	}, out, errors
}

func run(t *testing.T, arguments []string, stdin string, variables ...string) ran {
	t.Helper()
	w, out, errors := world(stdin, variables...)
	status := cli.Run(t.Context(), arguments, w)
	return ran{status, out.String(), errors.String()}
}

// open starts a server without TLS and login, with hooks.
func open(t *testing.T, hooks ...smtptest.Hook) *smtptest.Server {
	t.Helper()
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Security = smtptest.Plaintext
	srv.Config.Mechanisms = map[string]smtptest.Mechanism{}
	srv.Config.Hooks = hooks
	srv.Start()
	return srv
}

// write writes a file in a new folder and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
