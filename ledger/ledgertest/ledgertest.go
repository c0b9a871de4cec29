// Package ledgertest is the suite that every store of package ledger passes, ours and yours.
//
//	func TestConformance(t *testing.T) {
//		ledgertest.Run(t, ledgertest.Store{
//			Open:    func(t *testing.T) ledger.Ledger { ... },
//			Restart: func(t *testing.T, l ledger.Ledger) ledger.Ledger { ... },
//		})
//	}
package ledgertest

import (
	"testing"

	"github.com/depeche-mail/depeche/ledger"
)

// Store is how the suite gets at the ledger under test.
type Store struct {
	// Open returns an empty ledger. The suite leaves closing to t.Cleanup.
	Open func(t *testing.T) ledger.Ledger
	// Restart returns the ledger as it is after the process that held l was killed: what was durable is there,
	// and the claims of l are void. l is not used any more, but for calls that must be refused.
	Restart func(t *testing.T, l ledger.Ledger) ledger.Ledger
	// Fenced says that l may be used after Restart, because two processes can have the store open: the suite
	// then checks that it is refused. A store of one process leaves it false.
	Fenced bool
}

// Case is one rule.
type Case struct {
	// Name is the name of the subtest.
	Name string
	// Explanation says which promise is broken when the case fails.
	Explanation string

	run func(t *testing.T, s Store)
}

// Run checks every rule against ledgers that s opens. A ledger that is a [ledger.Book] is checked as one.
func Run(t *testing.T, s Store) {
	if s.Open == nil || s.Restart == nil {
		t.Fatal("ledgertest: Store.Open and Store.Restart are needed")
	}
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Log("why this matters: " + c.Explanation)
				}
			}()
			c.run(t, s)
		})
	}
}

// Cases returns all rules.
func Cases() []Case {
	return []Case{
		{"what is found", "the table of states decides whether a mail goes a second time after a crash", testFound},
		{"in doubt, at least once", "a mail that may have arrived stays in doubt until a copy is accepted", testAgain},
		{"fate", "a replayed outcome is the first one in all its parts", testFate},
		{"one of many", "of all who claim the same entry at the same time one may send", testRace},
		{"twice in a batch", "the same key twice in one call is one mail", testTwice},
		{"all or none", "no content leaves when one of its grants was taken over", testAllOrNone},
		{"after the end", "a fence is of no use after its claim has ended", testAfterEnd},
		{"taken over", "a process that was taken for dead and wakes must not send", testTakenOver},
		{"keys", "keys and recipients that look alike are different entries", testKeys},
		{"many", "a batch of any size is answered in its order", testMany},
		{"ctx", "a call whose ctx has ended changes nothing", testContext},
		{"book", "an operator reads and corrects what the ledger knows", testBook},
		{"erase", "a recipient who wants to be forgotten is forgotten, and no other", testErase},
	}
}
