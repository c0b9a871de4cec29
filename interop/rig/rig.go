// Package rig starts real mail servers on loopback ports for tests, by the scripts in interop/servers, and
// reads what they stored. It needs root on Debian. Elsewhere tests skip and say so, unless the environment
// variable DEPECHE_INTEROP is "require": then they fail, so that CI cannot skip in silence.
package rig

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
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
func Start(t *testing.T, servers ...string) *Rig {
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

// freePorts finds a block of 1,000 ports of which none that servers use is taken, and holds its first one.
func freePorts() (net.Listener, error) {
	for base := 20000; base < 32000; base += 1000 {
		hold, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(base))
		if err != nil {
			continue
		}
		if allFree(base) {
			return hold, nil
		}
		_ = hold.Close()
	}
	return nil, errors.New("no block of free ports")
}

func allFree(base int) bool {
	for _, offset := range []int{
		24, 34, 125, 126, 127, 128, 129, 165, 166, 167, 168, 169, 187, 225, 226, 227, 228, 265, 325, 326,
		424, 425, 465, 524, 525, 565, 625, 626, 627, 628, 629, 630, 631, 632, 633, 634, 635, 724, 725, 765,
	} {
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(base+offset))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
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
	for _, server := range []string{"sink", "gosmtp", "nodesmtp", "aiosmtpd", "opensmtpd", "exim", "postfix", "dovecot"} {
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

// Get returns a setting that the scripts print, such as POSTFIX_SMTP_ADDR.
func (r *Rig) Get(t *testing.T, name string) string {
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
func (r *Rig) HostPort(t *testing.T, name string) (host string, port int) {
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
func (r *Rig) TLS(t *testing.T) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(r.Get(t, "RIG_CA"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: pool}
}

// Stored waits until n messages are in the Maildir below a folder setting and a name, and returns them.
// Delivery goes on after the reply, so this polls, for half a minute at most.
func (r *Rig) Stored(t *testing.T, setting, name string, n int) [][]byte {
	t.Helper()
	pattern := filepath.Join(r.Get(t, setting), name, "new", "*")
	deadline := time.Now().Add(30 * time.Second)
	for {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if len(names) >= n {
			var messages [][]byte
			for _, name := range names {
				data, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				messages = append(messages, data)
			}
			return messages
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d messages in %s, want %d", len(names), pattern, n)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Attachment is a part with a file name, as Python's email package sees it.
type Attachment struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

// Attachments reads a message with Python's email package, which shares no code with ours.
func Attachments(t *testing.T, data []byte) (list []Attachment) {
	t.Helper()
	const program = `
import email, email.policy, hashlib, json, sys
m = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
for part in m.walk():
    for defect in part.defects:
        sys.exit("defect: %r" % defect)
    if part.get_filename():
        body = part.get_payload(decode=True)
        print(json.dumps({"name": part.get_filename(), "type": part.get_content_type(), "size": len(body), "sha256": hashlib.sha256(body).hexdigest()}))
`
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", program)
	cmd.Stdin = bytes.NewReader(data)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, complaint.String())
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		var a Attachment
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		list = append(list, a)
	}
	return list
}
