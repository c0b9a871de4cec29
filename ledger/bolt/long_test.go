package bolt_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/ledger/bolt"
	"github.com/depeche-mail/depeche/transport"
)

// TestLongEntry: what a transport says at length does not make the entry, and with it the list of all, unreadable.
func TestLongEntry(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	for name, fate := range map[string]ledger.Fate{
		"reply":    {Outcome: transport.Accepted, Reply: transport.Reply{Code: 250, Lines: []string{long}}, QueueID: "4711"},
		"queue id": {Outcome: transport.Accepted, Reply: transport.Reply{Code: 250, Lines: []string{long}}, QueueID: long},
	} {
		t.Run(name, func(t *testing.T) {
			l := open(t, place(t), bolt.Options{})
			claim := []ledger.Claim{{Key: "k", Recipient: address(t, "a@example.org"), MessageID: "<" + long + ">"}}
			grants, err := l.Claim(t.Context(), claim)
			if err == nil {
				err = l.Ending(t.Context(), grants)
			}
			if err == nil {
				err = l.End(t.Context(), []ledger.Ended{{Grant: grants[0], Fate: fate}})
			}
			if err != nil {
				t.Fatal(err)
			}
			grants, err = l.Claim(t.Context(), claim)
			if err != nil || grants[0].Answer != ledger.Replay || grants[0].Fate.Outcome != transport.Accepted || grants[0].Fate.Reply.Code != 250 {
				t.Errorf("%.300v, %v", grants, err)
			}
			if name == "reply" && grants[0].Fate.QueueID != fate.QueueID {
				t.Errorf("the queue ID is lost, and not the text alone")
			}
		})
	}
}

// TestCutShort: a file that was cut short is an error; to read what is not there would end the process.
func TestCutShort(t *testing.T) {
	path := place(t)
	l, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for i := range 500 {
		keys = append(keys, fmt.Sprintf("%0200d", i))
	}
	accept(t, l, "a@example.org", keys...)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{2 * os.Getpagesize(), 4 * os.Getpagesize(), len(whole) / 4} {
		cut := filepath.Join(t.TempDir(), "cut")
		if err := os.WriteFile(cut, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if l, err := bolt.Open(cut, bolt.Options{}); err == nil {
			_ = l.Close()
			t.Errorf("%d octets of %d were opened", n, len(whole))
		}
	}
	open(t, path, bolt.Options{})
}
