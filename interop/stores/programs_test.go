package stores_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program is a command that stores one mail in a mailbox.
type program struct {
	name string
	// command returns the command and what it reads.
	command func(b box, id string) (args []string, input string)
}

var (
	procmail = program{"procmail", func(b box, id string) ([]string, string) {
		return []string{"/usr/bin/procmail", "-f", "a@rig.test", "-m", b.file("procmailrc")}, text(id)
	}}
	mutt = program{"mutt", func(b box, id string) ([]string, string) {
		return []string{
			"/usr/bin/mutt", "-n", "-F", "/dev/null", "-e",
			"set sendmail=/bin/true copy=yes from=a@rig.test hostname=rig.test record=" + b.path, "-s", id, "a@rig.test",
		}, body(id)
	}}
	dovecot = program{"dovecot", func(b box, id string) ([]string, string) {
		return []string{
			"/usr/bin/doveadm", "-c", b.file("dovecot.conf"), "-o", "stats_writer_socket_path=", "save", "-m", "INBOX",
		}, text(id)
	}}
)

// text is the mail with an id; the id decides how long it is.
func text(id string) string { return "From: a@rig.test\nSubject: " + id + "\n\n" + body(id) }

func body(id string) string {
	return "begin " + id + "\n" + strings.Repeat("text\n", len(id)*7%60) + "end " + id + "\n"
}

// box is a mailbox and the settings of the programs that share it.
type box struct {
	path string
	dir  string
}

func (b box) file(name string) string { return filepath.Join(b.dir, "etc", name) }

// environ is what programs find in their environment.
func (b box) environ() []string {
	return []string{"PATH=/usr/bin:/bin", "HOME=" + b.dir, "USER=root", "LOGNAME=root", "MAIL=" + b.path}
}

// newBox makes an empty mailbox that also Dovecot, which refuses to read mail as root, may write.
func newBox(t *testing.T) box {
	t.Helper()
	const nobody = 65534
	dir, err := os.MkdirTemp("/var/tmp", "stores") //nolint:usetesting // other users cannot enter that folder
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	b := box{filepath.Join(dir, "box"), dir}
	for _, sub := range []string{"etc", "dovecot"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, content := range map[string]string{
		b.path:               "",
		b.file("procmailrc"): "LOCKSLEEP=1\nDEFAULT=" + b.path + "\n:0:\n" + b.path + "\n",
		b.file("dovecot.conf"): strings.ReplaceAll(`base_dir = DIR/dovecot/run
state_dir = DIR/dovecot/state
ssl = no
protocols =
mail_uid = 65534
mail_gid = 65534
mail_location = mbox:DIR/dovecot:INBOX=DIR/box:INDEX=MEMORY
userdb {
  driver = static
  args = uid=65534 gid=65534 home=DIR
}
`, "DIR", dir),
	} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for path, mode := range map[string]os.FileMode{dir: 0o777, filepath.Join(dir, "dovecot"): 0o777, b.path: 0o666} {
		err := os.Chmod(path, mode) // programs of other users write here
		if err == nil && path != dir {
			err = os.Chown(path, nobody, nobody)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// run runs a command to its end and says whether it ended well.
func (b box) run(ctx context.Context, args []string, input string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdin = b.dir, b.environ(), strings.NewReader(input)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", args[0], err, out.String())
	}
	return nil
}

// store has a program store the mail with an id. Mutt gives up when it finds the lock taken five times, and
// is asked again.
func (b box) store(ctx context.Context, p program, id string) error {
	args, input := p.command(b, id)
	for {
		err := b.run(ctx, args, input)
		if err == nil || p.name != "mutt" || !strings.Contains(err.Error(), "lock") {
			return err
		}
	}
}

// contents is what a mailbox holds, as Python's mailbox sees it.
type contents struct {
	Count            map[string]int
	Broken, Followed []string
}

func (b box) contents(t *testing.T) (c contents) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/python_reader.py", b.path).Output()
	if err == nil {
		err = json.Unmarshal(out, &c)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return c
}
