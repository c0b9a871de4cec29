package stores_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/interop/rig"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/file"
)

// writeBox tells this process, a child of a test, to send mail to the mailbox until it is killed or done.
const writeBox = "DEPECHE_STORES_BOX"

func TestMain(m *testing.M) {
	if path := os.Getenv(writeBox); path != "" {
		if err := write(path, os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(rig.Main(m))
}

// write sends mails with ids from prefix-from on and prints the id of each that is Accepted.
func write(path, prefix, count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	t, err := file.Mbox(path)
	if err != nil {
		return err
	}
	to, err := envelope.ParseAddress("r@rig.test")
	if err != nil {
		return err
	}
	env, err := envelope.New(to, to)
	if err != nil {
		return err
	}
	for i := range n {
		id := fmt.Sprintf("%s-%d", prefix, i)
		mail := transport.Raw(env, []byte(strings.ReplaceAll(text(id), "\n", "\r\n")))
		if _, err := t.Send(context.Background(), mail); err != nil {
			return err
		}
		fmt.Println(id)
		time.Sleep(time.Duration(rand.N(20)) * time.Millisecond) // others have a turn
	}
	return nil
}

// stored counts how often each mail has to be in the mailbox.
type stored struct {
	mu   sync.Mutex
	want map[string]int
}

func (s *stored) note(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if gone, ok := strings.CutPrefix(id, "-"); ok {
		delete(s.want, gone)
		return
	}
	s.want[id] = 1
}

// check compares the mailbox with what was confirmed. A killed process may have stored one mail that it
// could not confirm any more, or removed it; half a mail is allowed only where a program of others was killed.
func (s *stored) check(t *testing.T, b box, halves bool) {
	t.Helper()
	found := b.contents(t)
	for id := range s.want {
		if found.Count[id] != 1 {
			t.Errorf("%s is there %d times", id, found.Count[id])
		}
	}
	for id, n := range found.Count {
		if n > 1 {
			t.Errorf("%s is there %d times", id, n)
		}
	}
	for _, id := range found.Broken {
		if s.want[id] > 0 || !halves {
			t.Errorf("%s is not whole", id)
		}
	}
	if halves {
		return // the store refuses to guess where half a mail of others ends
	}
	if len(found.Followed) > 0 {
		t.Errorf("after the end of %q follows half a mail", found.Followed)
	}
	store, err := file.Open(b.path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range store.All() {
		if err != nil {
			t.Error(err)
		}
		n++
	}
	all := 0
	for _, k := range found.Count {
		all += k
	}
	if n != all {
		t.Errorf("the store shows %d mails, Python's mailbox %d", n, all)
	}
}

// follow runs a command that prints ids, kills it after a while if it is told to, and notes all it has printed.
func (s *stored) follow(t *testing.T, b box, cmd *exec.Cmd, killAfter int) {
	cmd.Stderr = os.Stderr
	cmd.Env = append(b.environ(), cmd.Env...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Error(err)
		return
	}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		s.note(lines.Text())
		if n == killAfter {
			time.Sleep(time.Duration(rand.N(3000)) * time.Microsecond) // the moment of the kill is what varies
			_ = cmd.Process.Kill()
		}
	}
	if err := cmd.Wait(); err != nil && killAfter < 0 {
		t.Errorf("%v: %v", cmd.Args, err)
	}
}

// ours is a child of this test that sends mail.
func ours(t *testing.T, b box, prefix string, n int) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], prefix, strconv.Itoa(n))
	cmd.Env = []string{writeBox + "=" + b.path}
	return cmd
}

// TestTogether: procmail, mutt, Dovecot, Python's mailbox and this transport, whose processes are killed
// all the time, append to one mbox file. Every confirmed mail is there once and whole. The first three do not meet
// each other: they take the fcntl lock and the lock file in different orders and can wait for each other for
// minutes, without any part of ours.
func TestTogether(t *testing.T) {
	rig.Install(t, "procmail", "mutt", "dovecot", "strace")
	for _, group := range [][]program{{procmail}, {dovecot}, {mutt}} {
		t.Run(group[0].name, func(t *testing.T) {
			b := newBox(t)
			s := &stored{want: map[string]int{}}
			var all, others sync.WaitGroup
			for _, p := range group {
				others.Go(func() {
					for i := range 15 {
						id := fmt.Sprintf("%s-%d", p.name, i)
						if err := b.store(t.Context(), p, id); err != nil {
							t.Errorf("%s: %v", id, err)
							return
						}
						s.note(id)
					}
				})
			}
			others.Go(func() { s.follow(t, b, python(t, b, "120"), -1) })
			s.sendMuch(t, b, &all, &others)
			all.Wait()
			s.check(t, b, false)
			s.checkLeftovers(t, b)
			if len(s.want) < 700 {
				t.Errorf("only %d mails were confirmed", len(s.want))
			}
		})
	}
}

// TestRewritten: Python's mailbox replaces the file by another one each time it removes a mail. (Mutt and Dovecot
// then write to the old one, and lose mail without any part of ours, so they are not asked here.)
func TestRewritten(t *testing.T) {
	rig.Install(t)
	b := newBox(t)
	s := &stored{want: map[string]int{}}
	var all, others sync.WaitGroup
	others.Go(func() { s.follow(t, b, python(t, b, "120", "rewrite"), -1) })
	s.sendMuch(t, b, &all, &others)
	all.Wait()
	s.check(t, b, false)
	s.checkLeftovers(t, b)
}

// python is the program that writes by Python's mailbox.
func python(t *testing.T, b box, more ...string) *exec.Cmd {
	args := append([]string{"testdata/python_writer.py", b.path, "python"}, more...)
	return exec.CommandContext(t.Context(), "/usr/bin/python3", args...)
}

// sendMuch starts processes of this transport, of which some are left alone and others are killed. It goes on
// as long as others write: the lock of a process that was killed is removed by the next one.
func (s *stored) sendMuch(t *testing.T, b box, all, others *sync.WaitGroup) {
	for w := range 2 {
		all.Go(func() { s.follow(t, b, ours(t, b, fmt.Sprintf("ours%d", w), 300), -1) })
	}
	done := make(chan struct{})
	all.Go(func() {
		others.Wait()
		close(done)
	})
	all.Go(func() {
		for i := 0; ; i++ {
			s.follow(t, b, ours(t, b, fmt.Sprintf("killed%d", i), 100), i%9)
			select {
			case <-done:
				return
			default:
			}
		}
	})
}

// checkLeftovers: once a process of this transport has begun after the last that was killed, and has sent a
// mail, only the mailbox is there, and empty files that do not name their process: those go after an hour.
func (s *stored) checkLeftovers(t *testing.T, b box) {
	t.Helper()
	s.follow(t, b, ours(t, b, "last", 1), -1)
	left, err := filepath.Glob(b.path + "?*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range left {
		if info, err := os.Stat(path); err != nil || info.Size() > 0 || !strings.HasPrefix(path, b.path+".lock.depeche-") {
			t.Errorf("left beside the mailbox: %s, %v", path, err)
		}
	}
}

// TestKilledAtEachCall kills each program at each of the system calls by which it stores a mail. What was there
// stays, the next mail of this transport is there once, and what of its own a killed process of this transport
// has left is gone.
func TestKilledAtEachCall(t *testing.T) {
	rig.Install(t, "procmail", "mutt", "dovecot", "strace")
	victims := map[string]func(b box, id string) (args, env []string, input string){
		"ours": func(b box, id string) ([]string, []string, string) {
			return []string{os.Args[0], id, "1"}, []string{writeBox + "=" + b.path, "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1"}, ""
		},
	}
	for _, p := range []program{procmail, mutt, dovecot} {
		victims[p.name] = func(b box, id string) ([]string, []string, string) {
			args, input := p.command(b, id)
			return args, nil, input
		}
	}
	for name, victim := range victims {
		t.Run(name, func(t *testing.T) {
			b := newBox(t)
			s := &stored{want: map[string]int{}}
			kills := 0
			for _, call := range []string{"write", "pwrite64", "fsync", "ftruncate", "link", "unlink", "rename", "openat", "flock", "fcntl"} {
				for when := 1; when < 60; when++ {
					id := fmt.Sprintf("%s-%s-%d", name, call, when)
					args, env, input := victim(b, id)
					killed := b.killAt(t, family(call), when, args, env, input)
					if !killed {
						break
					}
					kills++
					if name != "ours" { // as a person would, who knows that the program is dead
						if err := os.Remove(b.path + ".lock"); err != nil && !errors.Is(err, os.ErrNotExist) {
							t.Fatal(err)
						}
					}
					s.follow(t, b, ours(t, b, "next-"+id, 1), -1)
				}
			}
			s.check(t, b, name != "ours")
			if kills < 20 {
				t.Errorf("only %d kills", kills)
			}
			t.Logf("%d kills", kills)
		})
	}
}

// family is a system call and its sisters.
func family(call string) string {
	switch call {
	case "link":
		return "link,linkat"
	case "unlink":
		return "unlink,unlinkat"
	case "rename":
		return "rename,renameat,renameat2"
	case "ftruncate":
		return "ftruncate,truncate"
	}
	return call
}

// killAt runs a command under strace, which kills it before a system call, and reports whether it did.
func (b box) killAt(t *testing.T, call string, when int, args, env []string, input string) bool {
	t.Helper()
	trace := append([]string{"-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, when)}, args...)
	cmd := exec.CommandContext(t.Context(), "/usr/bin/strace", trace...)
	cmd.Dir, cmd.Stdin = b.dir, strings.NewReader(input)
	cmd.Env = append(b.environ(), env...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return err != nil
}
