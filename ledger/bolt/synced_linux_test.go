package bolt_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/ledger/bolt"
	"github.com/depeche-mail/depeche/transport"
)

// unsynced returns how many octets of a file the kernel had not written to the disk: it drops them, as lost power does, and
// counts them (proc(5), cancelled_write_bytes).
func unsynced(t *testing.T, path string) int {
	t.Helper()
	before := cancelledWrites(t)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	return cancelledWrites(t) - before
}

func cancelledWrites(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "cancelled_write_bytes: ")
	n, err := strconv.Atoi(strings.TrimSpace(rest))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestSynced: when Ending or End returns, nothing of what they wrote is in the memory of the kernel alone.
func TestSynced(t *testing.T) {
	for name, do := range map[string]func(l ledger.Ledger, g ledger.Grant) error{
		"Ending": func(l ledger.Ledger, g ledger.Grant) error { return l.Ending(t.Context(), []ledger.Grant{g}) },
		"End": func(l ledger.Ledger, g ledger.Grant) error {
			return l.End(t.Context(), []ledger.Ended{{Grant: g, Fate: ledger.Fate{Outcome: transport.Accepted}}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := place(t)
			l := open(t, path, bolt.Options{})
			grants, err := l.Claim(t.Context(), []ledger.Claim{{Key: "k", Recipient: address(t, "a@example.org")}})
			if err == nil {
				err = do(l, grants[0])
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil { // which syncs nothing
				t.Fatal(err)
			}
			other := path + ".other"
			if err := os.WriteFile(other, make([]byte, 1<<16), 0o600); err != nil {
				t.Fatal(err)
			}
			if unsynced(t, other) == 0 {
				t.Log("NOT CHECKED: this file system does not tell what is not on the disk")
			}
			if n := unsynced(t, path); n > 0 {
				t.Errorf("power lost now would lose %d octets", n)
			}
		})
	}
}
