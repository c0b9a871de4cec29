// Package rig starts real mail servers on loopback ports for tests, by the scripts in interop/servers, and
// reads what they stored. It needs root on Debian. Elsewhere tests skip and say so, unless the environment
// variable DEPECHE_INTEROP is "require": then they fail, so that CI cannot skip in silence.
package rig

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Rig is the running servers of one test process.
type Rig struct {
	base string
	port int
	hold net.Listener // on the first port of the block: other test processes take another block
	mu   sync.Mutex
	up   map[string]bool
	env  map[string]string
}

var process Rig

// Main runs the tests of a package and stops the servers that they have started.
func Main(m *testing.M) int {
	defer process.stop()
	return m.Run()
}

// Start starts servers by the names of their scripts, once per process, and returns the rig. The package
// calls Main from its TestMain.
func Start(t testing.TB, servers ...string) *Rig {
	t.Helper()
	if reason := missing(); reason != "" {
		if os.Getenv("DEPECHE_INTEROP") == "require" {
			t.Fatalf("real servers are required, but %s", reason)
		}
		t.Skipf("SKIPPED, NOT TESTED: real servers are needed, but %s", reason)
	}
	r := &process
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.start(servers); err != nil {
		t.Fatal(err)
	}
	return r
}

// Install installs programs by their names in the script install.sh, where they are missing.
func Install(t testing.TB, programs ...string) {
	t.Helper()
	Start(t) // for the requirements
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(folder(), "install.sh"), programs...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("install %v: %v\n%s", programs, err, out)
	}
}

// Programs returns the folder in which install.sh puts programs that are not the system's.
func Programs() string {
	if folder := os.Getenv("RIG_OPT"); folder != "" {
		return folder
	}
	return "/var/tmp/mail-rig/opt"
}

// missing says what this machine lacks.
func missing() string {
	if os.Geteuid() != 0 {
		return "this process is not root"
	}
	if _, err := os.Stat("/etc/debian_version"); err != nil {
		return "this is not Debian"
	}
	return ""
}

func (r *Rig) start(servers []string) error {
	if r.base == "" {
		base, err := os.MkdirTemp("/var/tmp", "rig") // short, because paths of Unix sockets are
		if err != nil {
			return err
		}
		if err := os.Chmod(base, 0o755); err != nil { // the daemons drop privileges
			return err
		}
		r.base, r.up, r.env = base, map[string]bool{}, map[string]string{}
		if r.hold, err = freePorts(); err != nil {
			return err
		}
		r.port = r.hold.Addr().(*net.TCPAddr).Port
	}
	news := false
	for _, server := range servers {
		if r.up[server] {
			continue
		}
		news = true
		if out, err := r.script(server, "start"); err != nil {
			_, _ = r.script(server, "stop") // what is left of it
			return fmt.Errorf("%s did not start: %w\n%s", server, err, out)
		}
		r.up[server] = true
	}
	if !news {
		return nil
	}
	out, err := r.script("rig", "env") // of all servers, also those that others have started
	if err != nil {
		return fmt.Errorf("settings: %w\n%s", err, out)
	}
	for line := range strings.Lines(out) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			r.env[name] = strings.TrimSuffix(strings.TrimPrefix(value, "'"), "'")
		}
	}
	return nil
}

func folder() string {
	_, file, _, _ := runtime.Caller(0) //nolint:dogsled // only the file matters
	return filepath.Join(filepath.Dir(filepath.Dir(file)), "servers")
}

func (r *Rig) script(server, verb string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(folder(), server+".sh"), verb, r.base)
	cmd.Env = append(os.Environ(), "RIG_PORT_BASE="+strconv.Itoa(r.port))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func (r *Rig) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.base == "" {
		return
	}
	// Dovecot always, because Postfix and Exim start it by themselves.
	for _, server := range []string{"sink", "gosmtp", "haraka", "nodesmtp", "aiosmtpd", "opensmtpd", "exim", "postfix", "dovecot"} {
		if !r.up[server] && server != "dovecot" {
			continue
		}
		if out, err := r.script(server, "stop"); err != nil {
			fmt.Fprintf(os.Stderr, "%s did not stop: %v\n%s", server, err, out)
		}
	}
	_ = os.RemoveAll(r.base)
	_ = r.hold.Close()
}

// Restart stops a server and starts it again. wait, if it is not nil, is called while it is down.
func (r *Rig) Restart(t testing.TB, server string, wait func()) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if out, err := r.script(server, "stop"); err != nil {
		t.Fatalf("%s did not stop: %v\n%s", server, err, out)
	}
	if wait != nil {
		wait()
	}
	if out, err := r.script(server, "start"); err != nil {
		t.Fatalf("%s did not start: %v\n%s", server, err, out)
	}
}

// Reload makes Postfix read its settings again: its processes end after the session they have.
func (r *Rig) Reload(t testing.TB) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.base, "postfix", "spool", "pid", "master.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

// Get returns a setting that the scripts print, such as POSTFIX_SMTP_ADDR.
func (r *Rig) Get(t testing.TB, name string) string {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	value, ok := r.env[name]
	if !ok {
		t.Fatalf("the rig has no %s", name)
	}
	return value
}

// HostPort returns the parts of an address setting.
func (r *Rig) HostPort(t testing.TB, name string) (host string, port int) {
	t.Helper()
	host, text, err := net.SplitHostPort(r.Get(t, name))
	if err != nil {
		t.Fatal(err)
	}
	port, err = strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

// TLS returns the settings of a client that trusts the servers.
func (r *Rig) TLS(t testing.TB) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(r.Get(t, "RIG_CA"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: pool}
}
