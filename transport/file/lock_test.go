//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package file_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/file"
	"github.com/google/go-cmp/cmp"
)

const foreign = "From x Thu Jan  1 00:00:00 2026\nTo: a@b.org\n\nof another program\n\n"

// mailbox makes an mbox file of another program.
func mailbox(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "box")
	if err := os.WriteFile(path, []byte(foreign), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// files returns what lies in the folder of path, with the target of links.
func files(t *testing.T, path string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		name := filepath.Join(filepath.Dir(path), e.Name())
		if target, err := os.Readlink(name); err == nil {
			all[e.Name()] = "-> " + target
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(data)
	}
	return all
}

// ended returns the id of a process that has ended.
func ended(t *testing.T) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func hostname(t *testing.T) string {
	t.Helper()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return host
}

// TestLocksOfOthers: a lock file that does not name a dead process of this host is respected by writers and
// readers, whatever it holds; neither it nor the mailbox changes.
func TestLocksOfOthers(t *testing.T) {
	for name, text := range map[string]string{
		"procmail":           "0",
		"Python":             "",
		"a length":           "12",
		"a living process":   fmt.Sprintf("%d:%s", os.Getpid(), hostname(t)),
		"another host":       fmt.Sprintf("%d:other.example.org", ended(t)),
		"a process, no host": fmt.Sprint(ended(t)),
		"link":               "-> precious",
	} {
		t.Run(name, func(t *testing.T) {
			path := mailbox(t)
			precious := filepath.Join(filepath.Dir(path), "precious")
			if err := os.WriteFile(precious, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
			tr := newTransport(t, file.Mbox, path)
			var err error
			if target, ok := strings.CutPrefix(text, "-> "); ok {
				err = os.Symlink(target, path+".lock")
			} else {
				err = os.WriteFile(path+".lock", []byte(text), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			before := files(t, path)
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				result, err := tr.Send(t.Context(), raw(t, "a@b.org", "c@d.org", "x\r\n"))
				if !errors.Is(err, file.ErrLocked) || result.Recipients[0].Outcome != transport.NotSent || !strings.Contains(err.Error(), path+".lock") {
					t.Errorf("sent: %v, %v", result, err)
				}
				if waited := time.Since(start); waited < time.Minute || waited > 2*time.Minute {
					t.Errorf("waited %v", waited)
				}
				store, err := file.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				for s, err := range store.All() {
					if !errors.Is(err, file.ErrLocked) {
						t.Errorf("read %v, %v", s, err)
					}
				}
			})
			if diff := cmp.Diff(before, files(t, path)); diff != "" {
				t.Error(diff)
			}
			if err := os.Remove(path + ".lock"); err != nil {
				t.Fatal(err)
			}
			if _, err := tr.Send(t.Context(), raw(t, "a@b.org", "c@d.org", "x\r\n")); err != nil {
				t.Error(err)
			}
			if n := len(stored(t, path)); n != 2 {
				t.Errorf("%d messages", n)
			}
		})
	}
}

// TestLockOfTheDead: the lock of a dead process does not keep readers out, and the next that writes removes
// it and gives its own back.
func TestLockOfTheDead(t *testing.T) {
	path := mailbox(t)
	tr := newTransport(t, file.Mbox, path)
	if err := os.WriteFile(path+".lock", fmt.Appendf(nil, "%d:%s\n", ended(t), hostname(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	before := files(t, path)
	if n := len(stored(t, path)); n != 1 {
		t.Errorf("%d messages", n)
	}
	if diff := cmp.Diff(before, files(t, path)); diff != "" {
		t.Errorf("reading has changed: %s", diff)
	}
	if _, err := tr.Send(t.Context(), raw(t, "a@b.org", "c@d.org", "x\r\n")); err != nil {
		t.Fatal(err)
	}
	if all := files(t, path); len(all) != 1 || !strings.HasPrefix(all["box"], foreign+"From a@b.org ") {
		t.Errorf("%q", all)
	}
}

// TestKernelLocks: each kind of kernel lock keeps writers out as long as it is held, also when the lock
// file is removed, and a shared one does not keep readers out.
func TestKernelLocks(t *testing.T) {
	path := mailbox(t)
	tr := newTransport(t, file.Mbox, path)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH); err != nil {
		t.Fatal(err)
	}
	if n := len(stored(t, path)); n != 1 {
		t.Errorf("%d messages", n)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := tr.Send(ctx, raw(t, "a@b.org", "c@d.org", "x\r\n")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		go func() {
			time.Sleep(time.Second)
			_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
		}()
		start := time.Now()
		if _, err := tr.Send(t.Context(), raw(t, "a@b.org", "c@d.org", "x\r\n")); err != nil || time.Since(start) < time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// TestReplacedMailbox: a mailbox that another program replaces while a writer waits is opened anew.
func TestReplacedMailbox(t *testing.T) {
	path := mailbox(t)
	tr := newTransport(t, file.Mbox, path)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		go func() {
			time.Sleep(time.Second)
			if err := errors.Join(os.WriteFile(path+".new", []byte(foreign+foreign), 0o600), os.Rename(path+".new", path), f.Close()); err != nil {
				t.Error(err)
			}
		}()
		if _, err := tr.Send(t.Context(), raw(t, "a@b.org", "c@d.org", "x\r\n")); err != nil {
			t.Error(err)
		}
	})
	if all := stored(t, path); len(all) != 3 {
		t.Errorf("%d messages", len(all))
	}
}

// TestLinksAreNotFollowed: a link or a pipe in the place of a file is an error and its target is not read.
func TestLinksAreNotFollowed(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("From x\nTo: a@b.org\n\nsecret\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(secret, link); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Mbox(link); err == nil {
		t.Error("a mailbox that is a link can be written")
	}
	mails := filepath.Join(dir, "mails")
	newTransport(t, file.New, mails)
	newTransport(t, file.Maildir, filepath.Join(dir, "maildir"))
	for _, err := range []error{
		os.Symlink(secret, filepath.Join(mails, "a.eml")),
		syscall.Mkfifo(filepath.Join(mails, "b.eml"), 0o600),
		os.WriteFile(filepath.Join(mails, "c.eml"), []byte("To: a@b.org\n\nx\n"), 0o600),
		os.Symlink(secret, filepath.Join(mails, "c.json")),
		os.Symlink(secret, filepath.Join(dir, "maildir", "new", "d")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for path, ids := range map[string][]string{link: {"0"}, mails: {"a", "b", "c"}, filepath.Join(dir, "maildir"): {"d"}} {
		store, err := file.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		for s, err := range store.All() {
			if err == nil {
				t.Errorf("read %v", s)
			}
		}
		for _, id := range ids {
			if s, err := store.Get(id); err == nil {
				t.Errorf("%s: read %v", id, s)
			}
		}
	}
}

// TestLeftovers: files of this package that killed processes have left are removed, and no others.
func TestLeftovers(t *testing.T) {
	path := mailbox(t)
	for name, text := range map[string]string{
		"box.lock.depeche-1-DEAD":  fmt.Sprintf("%d:%s", ended(t), hostname(t)),
		"box.lock.depeche-2-ALIVE": fmt.Sprintf("%d:%s", os.Getpid(), hostname(t)),
		"box.lock.depeche-3-NEW":   "",
		"box.lock.other":           fmt.Sprintf("%d:%s", ended(t), hostname(t)),
	} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	newTransport(t, file.Mbox, path)
	all := files(t, path)
	if _, ok := all["box.lock.depeche-1-DEAD"]; ok || len(all) != 4 {
		t.Errorf("%q", all)
	}
}
