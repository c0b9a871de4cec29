package rig

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// silence is how long a server may store nothing before a test gives it up: a slow machine stores few a second.
const silence = 30 * time.Second

// Stored waits until n messages are in the Maildir below a folder setting and a name, and returns them.
// Delivery goes on after the reply, so this polls, until nothing came for half a minute.
func (r *Rig) Stored(t *testing.T, setting, name string, n int) [][]byte {
	t.Helper()
	pattern := filepath.Join(r.Get(t, setting), name, "new", "*")
	deadline, seen := time.Now().Add(silence), 0
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
		if len(names) > seen {
			deadline, seen = time.Now().Add(silence), len(names)
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d messages in %s, want %d, and none came for %v", len(names), pattern, n, silence)
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
