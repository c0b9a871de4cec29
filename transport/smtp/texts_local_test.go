package smtp_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/file"
	"github.com/depeche-mail/depeche/transport/sendmail"
)

// local are the ways to fail of the transports of this machine: the command, by its exit status and otherwise, and files.
func local() (list []failing) {
	type ending struct {
		m   func(t *testing.T) transport.Mail
		ctx func(t *testing.T) context.Context
	}
	whole := ending{func(t *testing.T) transport.Mail { return mail(t, "b@example.org", "c@example.org") }, (*testing.T).Context}
	run := func(name string, with ending, s func(t *testing.T) transport.Transport) failing {
		return failing{name, func(t *testing.T) (transport.Mail, *transport.Result, error) {
			m := with.m(t)
			result, err := s(t).Send(with.ctx(t), m)
			return m, result, err
		}}
	}
	canceled := ending{whole.m, func(t *testing.T) context.Context {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return ctx
	}}
	late := ending{whole.m, func(t *testing.T) context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}}
	broken := ending{func(t *testing.T) transport.Mail { return half{whole.m(t)} }, whole.ctx}
	closed := func(s transport.Transport) transport.Transport {
		_ = transport.Close(s) // only that it is closed matters
		return s
	}
	command := func(body string) func(t *testing.T) transport.Transport {
		return func(t *testing.T) transport.Transport { return sendmail.Command(script(t, body)) }
	}
	for code := 64; code <= 78; code++ { // those of sysexits.h
		list = append(list, run(fmt.Sprintf("sendmail/exit %d", code), whole, command(fmt.Sprintf("cat >/dev/null; echo what it says >&2; exit %d", code))))
	}
	list = append(list,
		run("sendmail/exit 1 without a word", whole, command("cat >/dev/null; exit 1")),
		run("sendmail/killed", whole, command("cat >/dev/null; kill -9 $$")),
		run("sendmail/ends before the mail has", whole, command("exit 75")),
		run("sendmail/no command", whole, func(*testing.T) transport.Transport { return sendmail.Command("/no/such/command") }),
		run("sendmail/closed", whole, func(*testing.T) transport.Transport { return closed(sendmail.Command("/bin/true")) }),
		run("sendmail/canceled", canceled, command("cat >/dev/null")),
		run("sendmail/the caller's deadline", late, command("cat >/dev/null; exec sleep 60")),
		run("sendmail/a source that fails", broken, command("cat >/dev/null")),
	)
	stores := map[string]func(dir string) (transport.Transport, error){
		"file": func(dir string) (transport.Transport, error) { return file.New(dir) }, "maildir": func(dir string) (transport.Transport, error) { return file.Maildir(dir) },
		"mbox": func(dir string) (transport.Transport, error) { return file.Mbox(filepath.Join(dir, "mbox")) },
	}
	for _, name := range []string{"file", "maildir", "mbox"} {
		made := func(t *testing.T, then func(dir string, s transport.Transport) error) transport.Transport {
			dir := filepath.Join(t.TempDir(), "out")
			err := os.Mkdir(dir, 0o700)
			if err != nil {
				t.Fatal(err)
			}
			s, err := stores[name](dir)
			if err == nil {
				err = then(dir, s)
			}
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		nothing := func(string, transport.Transport) error { return nil }
		list = append(list,
			run(name+"/folder taken away", whole, func(t *testing.T) transport.Transport {
				return made(t, func(dir string, _ transport.Transport) error { return os.RemoveAll(dir) })
			}),
			run(name+"/closed", whole, func(t *testing.T) transport.Transport {
				return made(t, func(_ string, s transport.Transport) error { return transport.Close(s) })
			}),
			run(name+"/canceled", canceled, func(t *testing.T) transport.Transport { return made(t, nothing) }),
			run(name+"/a source that fails", broken, func(t *testing.T) transport.Transport { return made(t, nothing) }),
		)
	}
	return list
}

// script writes a command. Another process does: one that this process starts elsewhere at the same time could hold the
// file open for writing, and the system does not run such a file.
func script(t *testing.T, body string) string {
	path := filepath.Join(t.TempDir(), "sendmail.sh")
	writer := exec.CommandContext(t.Context(), "/bin/sh", "-c", `cat >"$0" && chmod 700 "$0"`, path)
	writer.Stdin = strings.NewReader("#!/bin/sh\n" + body + "\n")
	if out, err := writer.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}
