package jetstream

import (
	"bufio"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// network is a switch and machines, which are network namespaces.
type network struct{ prefix string }

// newNetwork makes it, or skips the test where that cannot be done.
func newNetwork(t *testing.T) network {
	t.Helper()
	n := network{fmt.Sprintf("depeche%d", os.Getpid())}
	t.Cleanup(func() {
		for _, name := range append(strings.Split(machines, ""), "switch") {
			_ = exec.Command("ip", "netns", "del", n.space(name)).Run() // takes its links with it
		}
	})
	if out, err := n.ip("netns", "add", n.space("switch")); err != nil {
		if os.Getenv("DEPECHE_INTEROP") == "require" {
			t.Fatalf("%v: %s", err, out)
		}
		t.Skipf("network namespaces need root and ip (Debian package iproute2): %v: %s", err, out)
	}
	n.must(t, "-n", n.space("switch"), "link", "add", "bridge", "type", "bridge")
	n.must(t, "-n", n.space("switch"), "link", "set", "bridge", "up")
	for name := range strings.SplitSeq(machines, "") {
		n.must(t, "netns", "add", n.space(name))
		n.must(t, "link", "add", "port"+name, "netns", n.space("switch"), "type", "veth", "peer", "name", "eth", "netns", n.space(name))
		n.must(t, "-n", n.space("switch"), "link", "set", "port"+name, "master", "bridge", "up")
		n.must(t, "-n", n.space(name), "addr", "add", address(name)+"/24", "dev", "eth")
		for _, link := range []string{"lo", "eth"} {
			n.must(t, "-n", n.space(name), "link", "set", link, "up")
		}
	}
	return n
}

func (n network) space(machine string) string { return n.prefix + machine }

func (n network) ip(args ...string) ([]byte, error) {
	return exec.Command("ip", args...).CombinedOutput()
}

func (n network) must(t *testing.T, args ...string) {
	t.Helper()
	if out, err := n.ip(args...); err != nil {
		t.Fatalf("ip %v: %v: %s", args, err, out)
	}
}

// plug pulls the cable of a machine, or puts it back.
func (n network) plug(t *testing.T, machine, state string) {
	t.Helper()
	n.must(t, "-n", n.space("switch"), "link", "set", "port"+machine, state)
}

// running is a program on a machine.
type running struct {
	cmd   *exec.Cmd
	input io.Closer

	mu   sync.Mutex
	said map[string]time.Time // when it said something last
}

func (r *running) when(what string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said[what]
}

// start starts the program of the test on a machine.
func (n network) start(t *testing.T, machine, shared string) *running {
	t.Helper()
	r := &running{said: map[string]time.Time{}}
	r.cmd = exec.CommandContext(t.Context(), "ip", "netns", "exec", n.space(machine), os.Args[0])
	r.cmd.Env = append(os.Environ(), machineName+"="+machine, machineFolder+"="+t.TempDir(), machineShared+"="+shared)
	r.cmd.Stderr = os.Stderr
	output, err := r.cmd.StdoutPipe()
	if err == nil {
		r.input, err = r.cmd.StdinPipe()
	}
	if err == nil {
		err = r.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for lines := bufio.NewScanner(output); lines.Scan(); {
			r.mu.Lock()
			r.said[lines.Text()] = time.Now()
			r.mu.Unlock()
		}
	}()
	return r
}

// writeCertificates writes the authority of the cluster and a certificate for all machines.
func writeCertificates(t *testing.T, shared string) {
	t.Helper()
	a := newAuthority(t)
	var all []net.IP
	for name := range strings.SplitSeq(machines, "") {
		all = append(all, net.ParseIP(address(name)))
	}
	cert, key := a.issue(t, &x509.Certificate{IPAddresses: all, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, blocks := range map[string][]*pem.Block{
		clusterFile: {{Type: "CERTIFICATE", Bytes: a.cert.Raw}},
		memberFile:  {{Type: "CERTIFICATE", Bytes: cert.Raw}, {Type: "PRIVATE KEY", Bytes: der}},
	} {
		var text strings.Builder
		for _, b := range blocks {
			if err := pem.Encode(&text, b); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(shared, name), []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMachines: a cluster of three machines with a network between them. The cable of the one that leads is pulled while workers on
// all three send, and put back. The others go on meanwhile, no mail is lost, and none goes twice.
func TestMachines(t *testing.T) {
	wires, shared := newNetwork(t), t.TempDir()
	writeCertificates(t, shared)
	cluster := map[string]*running{}
	for name := range strings.SplitSeq(machines, "") {
		cluster[name] = wires.start(t, name, shared)
	}
	all := func(what string) func() bool {
		return func() bool {
			for _, r := range cluster {
				if r.when(what).IsZero() {
					return false
				}
			}
			return true
		}
	}
	until(t.Context(), t, "all mails are queued", all("queued"))
	until(t.Context(), t, "some mails are sent, and one leads", func() bool { return len(relayed(shared)) >= machineMails/6 && leader(cluster) != "" })
	lead := leader(cluster)
	wires.plug(t, lead, "down")
	cut, before := time.Now(), len(relayed(shared))
	if err := os.WriteFile(filepath.Join(shared, cutFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const inHand = 8 // what each had in hand may end without the cluster
	until(t.Context(), t, "the others go on", func() bool {
		others := 0
		for _, line := range relayed(shared)[before:] {
			if line[0] != lead {
				others++
			}
		}
		return others > 2*inHand
	})
	t.Logf("%s, which led, was cut off; %v later the others had sent what they had in hand and more", lead, time.Since(cut))
	// What the one that is cut off had in hand is in doubt to the others, who look at it and do not send it.
	until(t.Context(), t, "the others have sent the rest", func() bool { return len(relayed(shared)) >= machineMails-inHand })
	wires.plug(t, lead, "up")
	until(t.Context(), t, "no job is left", all("empty"))
	for name, r := range cluster {
		_ = r.input.Close()
		if err := r.cmd.Wait(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	copies := map[string]int{}
	for _, line := range relayed(shared) {
		copies[line[1]]++
	}
	for i := range machineMails {
		if n := copies[recipient(i)]; n != 1 {
			t.Errorf("%s has %d copies", recipient(i), n)
		}
	}
}

// leader is the machine that said last that it leads; "" for none.
func leader(cluster map[string]*running) (lead string) {
	var last time.Time
	for name, r := range cluster {
		if at := r.when("leads"); at.After(last) && at.After(r.when("follows")) {
			lead, last = name, at
		}
	}
	return lead
}
