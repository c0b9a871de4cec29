package send_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/depeche-mail/depeche/interop/rig"
	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// TestAttachmentThroughPostfix sends an attachment of several megabytes to Postfix over STARTTLS with a
// login, and lets Python compare it with what was sent.
func TestAttachmentThroughPostfix(t *testing.T) {
	r := rig.Start(t, "postfix")
	folder := t.TempDir()
	content := make([]byte, 5<<20+7)
	_, _ = rand.Read(content) // never fails
	attachment, secret, command := filepath.Join(folder, "Größe.bin"), filepath.Join(folder, "secret"), filepath.Join(folder, "send")
	for name, data := range map[string][]byte{attachment: content, secret: []byte(r.Get(t, "RIG_PASS") + "\n")} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", command, ".")
	build.Dir = "../../cmd/depeche"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	send := exec.CommandContext(t.Context(), command,
		"send", "--url", "smtp+starttls://alice%40rig.test@"+r.Get(t, "POSTFIX_SUBMISSION_ADDR"),
		"--from", "Alice <alice@rig.test>", "--to", "Bob <bigfile@rig.test>", "--subject", "Größe", "--text", "see the file", "--attach", attachment)
	send.Env = append(os.Environ(), "MAIL_PASSWORD_FILE="+secret, "SSL_CERT_FILE="+r.Get(t, "RIG_CA"))
	if out, err := send.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("bigfile@rig.test\taccepted")) {
		t.Fatalf("%v: %s", err, out)
	}
	stored := r.Stored(t, "POSTFIX_MAIL", "bigfile", 1)
	sum := sha256.Sum256(content)
	want := []rig.Attachment{{Name: "Größe.bin", Type: "application/octet-stream", Size: len(content), SHA256: hex.EncodeToString(sum[:])}}
	if diff := cmp.Diff(want, rig.Attachments(t, stored[0])); diff != "" {
		t.Error(diff)
	}
}
