package bolt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/ledger/bolt"
	"github.com/depeche-mail/depeche/ledger/ledgertest"
	"github.com/depeche-mail/depeche/transport"
)

func open(t *testing.T, path string, o bolt.Options) *bolt.Ledger {
	t.Helper()
	l, err := bolt.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func place(t *testing.T) string { return filepath.Join(t.TempDir(), "mail.ledger") }

func address(t *testing.T, s string) envelope.Address {
	t.Helper()
	a, err := envelope.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestConformance restarts by a copy of the file as it is at that moment: what was not written is lost.
func TestConformance(t *testing.T) {
	for name, o := range map[string]bolt.Options{
		"hashed": {}, "plain": {PlainAddresses: true}, "secret": {Secret: []byte("kept elsewhere")},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[ledger.Ledger]string{}
			add := func(t *testing.T, path string) ledger.Ledger {
				l := open(t, path, o)
				files[l] = path
				return l
			}
			ledgertest.Run(t, ledgertest.Store{
				Open: func(t *testing.T) ledger.Ledger { return add(t, place(t)) },
				Restart: func(t *testing.T, l ledger.Ledger) ledger.Ledger {
					octets, err := os.ReadFile(files[l])
					if err != nil {
						t.Fatal(err)
					}
					copied := place(t)
					if err := os.WriteFile(copied, octets, 0o600); err != nil {
						t.Fatal(err)
					}
					return add(t, copied)
				},
			})
		})
	}
}

// digest is that of all mails here.
var digest = ledger.Digest([]byte("a digest that can be recognised!"))

// accept sends under keys without a transport.
func accept(t *testing.T, l ledger.Ledger, to string, keys ...string) {
	t.Helper()
	for _, key := range keys {
		grants, err := l.Claim(t.Context(), []ledger.Claim{{Key: key, Recipient: address(t, to), Digest: digest}})
		if err != nil || grants[0].Answer != ledger.Send {
			t.Fatal(grants, err)
		}
		if err := l.End(t.Context(), []ledger.Ended{{Grant: grants[0], Fate: ledger.Fate{Outcome: transport.Accepted}}}); err != nil {
			t.Fatal(err)
		}
	}
}

// answer claims one key.
func answer(t *testing.T, l ledger.Ledger, to, key string) ledger.Answer {
	t.Helper()
	grants, err := l.Claim(t.Context(), []ledger.Claim{{Key: key, Recipient: address(t, to), Digest: digest}})
	if err != nil {
		t.Fatal(err)
	}
	return grants[0].Answer
}

// TestOneProcess: who opens second is refused, may wait, and gets the file when the first has closed it.
func TestOneProcess(t *testing.T) {
	path := place(t)
	first, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bolt.Open(path, bolt.Options{}); !errors.Is(err, bolt.ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("the second: %v", err)
	}
	if err := bolt.Compact(path); !errors.Is(err, bolt.ErrLocked) {
		t.Errorf("compacting an open ledger: %v", err)
	}
	waiting := make(chan error)
	go func() {
		second, err := bolt.Open(path, bolt.Options{LockWait: time.Minute})
		if err == nil {
			err = second.Close()
		}
		waiting <- err
	}()
	accept(t, first, "a@example.org", "k")
	if err := errors.Join(first.Close(), first.Close(), <-waiting); err != nil {
		t.Error(err)
	}
	store := ledger.StoreError{Err: first.Err()}
	if err := first.Err(); !errors.Is(err, bolt.ErrClosed) || store.Temporary() {
		t.Errorf("Err of a closed ledger: %v", err)
	}
	if _, err := first.Claim(t.Context(), nil); !errors.Is(err, bolt.ErrClosed) {
		t.Errorf("Claim of a closed ledger: %v", err)
	}
}

// TestSecret: a ledger is opened with the secret that it was made with, and has neither addresses nor the digests by which they could be guessed.
func TestSecret(t *testing.T) {
	for name, made := range map[string][]byte{"its own": nil, "the caller's": []byte("one")} {
		t.Run(name, func(t *testing.T) {
			path := place(t)
			l, err := bolt.Open(path, bolt.Options{Secret: made})
			if err != nil {
				t.Fatal(err)
			}
			accept(t, l, "a@example.org", "k")
			_ = l.Close()
			for _, secret := range [][]byte{nil, []byte("one"), []byte("two")} {
				l, err := bolt.Open(path, bolt.Options{Secret: secret})
				if fits := bytes.Equal(secret, made); fits != (err == nil) || !fits && !errors.Is(err, ledger.ErrSecret) {
					t.Errorf("secret %q: %v", secret, err)
				}
				if err == nil {
					if got := answer(t, l, "a@example.org", "k"); got != ledger.Replay {
						t.Errorf("answer %d", got)
					}
					_ = l.Close()
				}
			}
			octets, err := os.ReadFile(path)
			if err != nil || bytes.Contains(octets, []byte("a@example")) || bytes.Contains(octets, digest[:]) || len(made) > 0 && bytes.Contains(octets, made) {
				t.Errorf("the address, its digest or the secret is in the file, %v", err)
			}
		})
	}
}

// TestForeignFile: another program's file is not touched.
func TestForeignFile(t *testing.T) {
	path := place(t)
	text := []byte(strings.Repeat("not a ledger\n", 1000))
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := bolt.Open(path, bolt.Options{}); err == nil {
		_ = l.Close()
		t.Error("it was opened")
	}
	if octets, _ := os.ReadFile(path); !bytes.Equal(octets, text) {
		t.Error("it was changed")
	}
	if _, err := bolt.Open(filepath.Join(t.TempDir(), "no", "folder"), bolt.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
	if err := bolt.Compact(filepath.Join(t.TempDir(), "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("compacting nothing: %v", err)
	}
}

// TestBackup copies a ledger while it is written, and opens the copy.
func TestBackup(t *testing.T) {
	l := open(t, place(t), bolt.Options{})
	accept(t, l, "a@example.org", "before")
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	to := address(t, "a@example.org")
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				grants, err := l.Claim(t.Context(), []ledger.Claim{{Key: fmt.Sprint(w, " ", i), Recipient: to}})
				if err == nil {
					err = l.End(t.Context(), []ledger.Ended{{Grant: grants[0], Fate: ledger.Fate{Outcome: transport.Accepted}}})
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var octets bytes.Buffer
	err := l.Backup(t.Context(), &octets)
	cancel()
	writers.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Backup(ctx, &octets); !errors.Is(err, context.Canceled) {
		t.Errorf("with a ctx that has ended: %v", err)
	}
	path := place(t)
	if err := os.WriteFile(path, octets.Bytes()[:octets.Len()], 0o600); err != nil {
		t.Fatal(err)
	}
	if got := answer(t, open(t, path, bolt.Options{}), "a@example.org", "before"); got != ledger.Replay {
		t.Errorf("answer %d from the backup", got)
	}
}

// TestErasedOctets: after Erase and Compact nothing of the address is in the file, and the rest is.
func TestErasedOctets(t *testing.T) {
	path := place(t)
	l, err := bolt.Open(path, bolt.Options{PlainAddresses: true})
	if err != nil {
		t.Fatal(err)
	}
	accept(t, l, "forget@example.org", "k", "l")
	accept(t, l, "keep@example.org", "k")
	if n, err := l.Erase(t.Context(), address(t, "forget@example.org")); n != 2 || err != nil {
		t.Errorf("erased %d, %v", n, err)
	}
	if err := errors.Join(l.Close(), bolt.Compact(path)); err != nil {
		t.Fatal(err)
	}
	octets, err := os.ReadFile(path)
	if err != nil || bytes.Contains(octets, []byte("forget@")) || !bytes.Contains(octets, []byte("keep@example.org")) {
		t.Error("the file holds what was erased, or not what was kept", err)
	}
	l = open(t, path, bolt.Options{PlainAddresses: true})
	if got := answer(t, l, "keep@example.org", "k"); got != ledger.Replay {
		t.Errorf("answer %d", got)
	}
}

// TestSweep deletes what is past the window, and never what is in doubt or under way.
func TestSweep(t *testing.T) {
	path := place(t)
	l := open(t, path, bolt.Options{Window: time.Nanosecond})
	const n = 2500
	keys := make([]string, n)
	claims := make([]ledger.Claim, n)
	to := address(t, "a@example.org")
	for i := range keys {
		claims[i] = ledger.Claim{Key: fmt.Sprintf("k%05d", i), Recipient: to}
	}
	grants, err := l.Claim(t.Context(), claims)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Ending(t.Context(), grants[:2]); err != nil {
		t.Fatal(err)
	}
	var ends []ledger.Ended
	for i, g := range grants[1:] {
		outcome := transport.Accepted
		if i == 0 {
			outcome = transport.Unknown
		}
		ends = append(ends, ledger.Ended{Grant: g, Fate: ledger.Fate{Outcome: outcome}})
	}
	if err := l.End(t.Context(), ends); err != nil {
		t.Fatal(err)
	}
	swept := 0
	for deadline := time.Now().Add(time.Minute); swept < n-2 && time.Now().Before(deadline); { // entries are kept to the second
		some, err := l.Sweep(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		swept += some
	}
	var left []string
	for r, err := range l.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, r.Key+" "+r.State)
	}
	if swept != n-2 || fmt.Sprint(left) != "[k00000 ending k00001 over]" {
		t.Errorf("%d swept, left %v", swept, left)
	}
}
