package bolt_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/ledger/bolt"
	"github.com/depeche-mail/depeche/transport"
)

// pageSize is the unit in which the file is written.
func pageSize() int { return os.Getpagesize() }

// TestLostPower cuts the power in the middle of a commit: of the pages that were written since the last sync any
// part is on the disk, and each of them whole or in part. bbolt syncs the data before it writes the one page
// that makes them count, so that page is there only if all others are. Whatever is left opens, knows all that a
// call had returned for, and of the call under way either all or nothing.
func TestLostPower(t *testing.T) {
	path := place(t)
	l := open(t, path, bolt.Options{})
	random := rand.New(rand.NewPCG(1, 2))
	done := map[string]bool{}
	for commit := range 12 {
		before := read(t, path)
		var keys []string
		for i := range 1 + random.IntN(40) {
			keys = append(keys, fmt.Sprintf("%x-%d-%d", random.Uint32(), commit, i))
		}
		acceptAll(t, l, keys)
		after := read(t, path)
		for range 6 {
			lost := tear(random, before, after)
			checkImage(t, lost, done, keys)
		}
		for _, key := range keys {
			done[key] = true
		}
		if t.Failed() {
			t.Fatalf("in commit %d", commit)
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	octets, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return octets
}

// acceptAll ends many sends in one commit.
func acceptAll(t *testing.T, l ledger.Ledger, keys []string) {
	t.Helper()
	var claims []ledger.Claim
	for _, key := range keys {
		claims = append(claims, ledger.Claim{Key: key, Recipient: address(t, "a@example.org"), Digest: digest})
	}
	grants, err := l.Claim(t.Context(), claims)
	if err != nil {
		t.Fatal(err)
	}
	var ends []ledger.Ended
	for _, g := range grants {
		ends = append(ends, ledger.Ended{Grant: g, Fate: ledger.Fate{Outcome: transport.Accepted}})
	}
	if err := l.End(t.Context(), ends); err != nil {
		t.Fatal(err)
	}
}

// tear returns an image between before and after. The first two pages are the ones that make a commit count.
func tear(random *rand.Rand, before, after []byte) []byte {
	size := pageSize()
	image := make([]byte, len(after))
	copy(image, before)
	all := random.IntN(4) == 0
	for at := 2 * size; at < len(after); at += size {
		end := min(at+size, len(after))
		if bytes.Equal(image[at:end], after[at:end]) {
			continue
		}
		switch cut := random.IntN(3); {
		case all || cut == 0:
			copy(image[at:end], after[at:end])
		case cut == 1: // half a page
			copy(image[at:at+(end-at)/2], after[at:])
		}
	}
	if all { // the data were synced, so the last page may be there: whole, in part, or not at all
		head := min(2*size, len(after))
		copy(image[:random.IntN(head+1)], after[:head])
	}
	return image
}

// checkImage opens what a machine finds after the power came back.
func checkImage(t *testing.T, image []byte, done map[string]bool, keys []string) {
	t.Helper()
	path := place(t)
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Errorf("it does not open: %v", err)
		return
	}
	defer func() { _ = l.Close() }()
	for key := range done {
		if got := answer(t, l, "a@example.org", key); got != ledger.Replay {
			t.Errorf("%s was durable, and the answer is %d", key, got)
		}
	}
	known := 0
	for _, key := range keys {
		if answer(t, l, "a@example.org", key) == ledger.Replay {
			known++
		}
	}
	if known != 0 && known != len(keys) {
		t.Errorf("%d of the %d entries of one commit are there", known, len(keys))
	}
}
