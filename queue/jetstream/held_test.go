package jetstream

import (
	"errors"
	"testing"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
)

func claimOne(t *testing.T, l *Ledger, key string) ledger.Grant {
	t.Helper()
	grants, err := l.Claim(t.Context(), claimsOf(t, key))
	if err != nil || len(grants) != 1 {
		t.Fatal(grants, err)
	}
	return grants[0]
}

func endOne(t *testing.T, l *Ledger, g ledger.Grant, outcome transport.Outcome) {
	t.Helper()
	if err := l.End(t.Context(), []ledger.Ended{{Grant: g, Fate: ledger.Fate{Outcome: outcome}}}); err != nil {
		t.Fatal(err)
	}
}

// TestClaimInMemory: in a process that is alone with its ledger a claim on a new key is in memory alone until its mail is ending, and holds all the
// same. One on a key that has a record is written: the record may go by the clock while the mail waits.
func TestClaimInMemory(t *testing.T) {
	l := open(t, Embedded(t.TempDir())).book
	written := func(when string, want bool) {
		t.Helper()
		r, err := l.stream.readOne(t.Context(), l.place("k", claimsOf(t, "k")[0].Recipient))
		if err != nil || !r.deleted() != want {
			t.Errorf("%s: %+v, %v", when, r, err)
		}
	}
	g := claimOne(t, l, "k")
	written("claimed", false)
	if again := claimOne(t, l, "k"); again.Answer != ledger.Busy {
		t.Errorf("claimed twice: %+v", again)
	}
	endOne(t, l, g, transport.NotSent)
	written("not sent", false)
	g = claimOne(t, l, "k")
	if err := l.Ending(t.Context(), []ledger.Grant{g}); err != nil {
		t.Fatal(err)
	}
	written("ending", true)
	if again := claimOne(t, l, "k"); again.Answer != ledger.Busy {
		t.Errorf("claimed while ending: %+v", again)
	}
	endOne(t, l, g, transport.NotSent)
	written("not sent after all", false)
	g = claimOne(t, l, "k") // the mark of that end is a record
	written("claimed again", true)
	endOne(t, l, g, transport.Accepted)
	if len(l.held)+len(l.bare)+len(l.looks) > 0 {
		t.Errorf("left: %v, %v, %v", l.held, l.bare, l.looks)
	}
}

// newAlone is a ledger that no other process can use, over a stream that is the test's.
func newAlone(t *testing.T) (*fake, *Ledger) {
	t.Helper()
	f, s := newFake(t, plainNATS(t), "book")
	l := newFakeLedger(t, f, s)
	l.alone, l.bare, l.looks = true, map[string]*hold{}, map[*look]bool{}
	return f, l
}

// TestClaimReadBefore: what a claim has read is old when it is decided, because the mail ended meanwhile. It is read again: else the mail would
// be given to be sent, and be refused when it is ending, with all that leave beside it.
func TestClaimReadBefore(t *testing.T) {
	f, l := newAlone(t)
	first := claimOne(t, l, "k")
	f.found = func() {
		f.found = nil
		if err := l.Ending(t.Context(), []ledger.Grant{first}); err != nil {
			t.Error(err)
		}
		endOne(t, l, first, transport.Accepted)
	}
	if g := claimOne(t, l, "k"); g.Answer != ledger.Replay || g.Fate.Outcome != transport.Accepted {
		t.Errorf("%+v", g)
	}
}

// TestClaimBetweenEndAndFinish: the end of a mail is written, and its claim is not forgotten yet, when another claim is decided by what was read
// before. That is read again, too.
func TestClaimBetweenEndAndFinish(t *testing.T) {
	f, l := newAlone(t)
	first := claimOne(t, l, "k")
	become := func(s ledger.State) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.held[first.Fence].entry.State = s
	}
	f.found = func() {
		f.found = func() {
			f.found = nil
			become(ledger.Ending)
			endOne(t, l, first, transport.Accepted)
		}
		if err := l.Ending(t.Context(), []ledger.Grant{first}); err != nil {
			t.Error(err)
		}
		become(ledger.Over)
	}
	if g := claimOne(t, l, "k"); g.Answer != ledger.Replay || g.Fate.Outcome != transport.Accepted {
		t.Errorf("%+v", g)
	}
}

// TestBookOfClaimsInMemory: an operator sees them as any other, can't resolve one, and can erase it: then its mail is not sent.
func TestBookOfClaimsInMemory(t *testing.T) {
	l := open(t, Embedded(t.TempDir())).book
	g := claimOne(t, l, "k")
	to := claimsOf(t, "k")[0].Recipient
	records, err := l.Lookup(t.Context(), "k")
	if err != nil || len(records) != 1 || records[0].Key != "k" || records[0].State != "claimed" {
		t.Errorf("%+v, %v", records, err)
	}
	if other, err := l.Lookup(t.Context(), "other"); err != nil || len(other) > 0 {
		t.Errorf("%+v, %v", other, err)
	}
	if err := l.Resolve(t.Context(), "k", to, transport.NotSent); !errors.Is(err, ledger.ErrBusy) {
		t.Error(err)
	}
	if n, err := l.Erase(t.Context(), to); err != nil || n != 1 {
		t.Errorf("erased %d, %v", n, err)
	}
	if err := l.Ending(t.Context(), []ledger.Grant{g}); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("erased, and yet sent: %v", err)
	}
}

// TestEndDuringEnding: a mail ends while it is being written that its content is about to leave. No record stays that says so.
func TestEndDuringEnding(t *testing.T) {
	f, l := newAlone(t)
	g := claimOne(t, l, "k")
	ended := make(chan error, 1)
	f.mu.Lock() // no write is made
	go func() { ended <- l.Ending(t.Context(), []ledger.Grant{g}) }()
	until(t.Context(), t, "the ending is under way", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.held[g.Fence].begun
	})
	over := make(chan error, 1)
	go func() { over <- l.End(t.Context(), []ledger.Ended{{Grant: g}}) }()
	until(t.Context(), t, "the end waits for its write", func() bool {
		l.stream.group.mu.Lock()
		defer l.stream.group.mu.Unlock()
		return len(l.stream.group.waiting) > 0 || len(over) > 0
	})
	f.mu.Unlock()
	<-ended // it may be refused
	if err := <-over; err != nil {
		t.Error(err)
	}
	if again := claimOne(t, l, "k"); again.Answer != ledger.Send {
		t.Errorf("%+v", again)
	}
}
