package wire_test

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/interop/rig"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// TestProbe: what the probe finds out about each server that offers CHUNKING.
func TestProbe(t *testing.T) {
	for _, p := range peers() {
		if len(p.forms) < 2 || p.forms[len(p.forms)-2] != "window" {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			r := rig.Start(t, p.server, "dovecot") // whose settings name the CA and the account
			conn := p.dial(t, r, client.ChunkingAuto)
			local := "discard"
			if p.lmtp {
				local = "alice" // an account
			}
			if receipt := conn.Send(t.Context(), mail(t, "alice@rig.test", "Subject: probe\r\n\r\nx\r\n", local+"@rig.test")); receipt.Err != nil {
				t.Fatal(receipt.Err)
			}
			if err := conn.Noop(t.Context()); err != nil { // the replies to the probe come before this one
				t.Fatal(err)
			}
			// go-smtp answers a BDAT without recipients with 502, as a server answers that does not know BDAT: no proof,
			// so mail goes by DATA there.
			want := !strings.HasPrefix(p.name, "go-smtp")
			if safe, known := conn.ChunkingSafe(); safe != want || !known {
				t.Errorf("safe %v, known %v, want safe %v", safe, known, want)
			}
		})
	}
}

// TestProbeFindsBadServer: go-smtp v0.24.0 reads the content of a BDAT that it refuses as commands. The
// probe finds out, and every mail arrives by DATA.
func TestProbeFindsBadServer(t *testing.T) {
	conn, err := client.Dial(t.Context(), client.Config{Address: gosmtp24(t), TLS: client.TLSNone})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for i := range 3 {
		if receipt := conn.Send(t.Context(), mail(t, "alice@rig.test", short, "bob@rig.test")); receipt.Err != nil {
			t.Fatalf("mail %d: %v", i, receipt.Err)
		}
	}
	if safe, known := conn.ChunkingSafe(); safe || !known {
		t.Errorf("safe %v, known %v", safe, known)
	}
}

// gosmtp24 builds and starts the server and returns its address.
func gosmtp24(t *testing.T) string {
	t.Helper()
	command := filepath.Join(t.TempDir(), "gosmtp24")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", command, ".")
	build.Dir = "../servers/impl/gosmtp24"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	server := exec.CommandContext(t.Context(), command)
	in, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = server.Wait() // killed when the context of the test has ended first
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(address)
}
