package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
)

func testRace(t *testing.T, s Store) {
	const claimers, keys = 8, 50
	l := s.Open(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	sends, fences := map[string]int{}, map[uint64]bool{}
	to := address(t, "a@example.org")
	for range claimers {
		all.Go(func() {
			for k := range keys {
				grants, err := l.Claim(t.Context(), []ledger.Claim{{Key: fmt.Sprint("k", k), Recipient: to}})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				switch g := grants[0]; {
				case g.Answer == ledger.Send && fences[g.Fence]:
					t.Errorf("fence %d was given twice", g.Fence)
				case g.Answer == ledger.Send:
					sends[g.Key]++
					fences[g.Fence] = true
				case g.Answer != ledger.Busy:
					t.Errorf("answer %d", g.Answer)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for k := range keys {
		if n := sends[fmt.Sprint("k", k)]; n != 1 {
			t.Errorf("k%d was granted %d times", k, n)
		}
	}
	g := mustSend(t, s.Restart(t, l), newClaim(t, "new", "a@example.org"))
	if fences[g.Fence] {
		t.Errorf("fence %d was given again after a restart", g.Fence)
	}
}

func testTwice(t *testing.T, s Store) {
	l, c := s.Open(t), newClaim(t, "k", "a@example.org")
	grants, err := l.Claim(t.Context(), []ledger.Claim{c, newClaim(t, "other", "a@example.org"), c})
	if err != nil || len(grants) != 3 {
		t.Fatal(grants, err)
	}
	if grants[0].Answer != ledger.Send || grants[1].Answer != ledger.Send || grants[2].Answer != ledger.Busy {
		t.Errorf("%+v", grants)
	}
}

func testAllOrNone(t *testing.T, s Store) {
	l := s.Open(t)
	a, b := newClaim(t, "k", "a@example.org"), newClaim(t, "k", "b@example.org")
	good, gone := mustSend(t, l, a), mustSend(t, l, b)
	end(t, l, gone, outcome(transport.NotSent))
	if err := l.Ending(t.Context(), []ledger.Grant{good, gone}); !errors.Is(err, ledger.ErrFenced) {
		t.Fatalf("Ending: %v", err)
	}
	if g := claim(t, s.Restart(t, l), a); g.Answer != ledger.Send {
		t.Errorf("the grant beside it was written: %+v", g)
	}
	l = s.Open(t)
	good, gone = mustSend(t, l, a), mustSend(t, l, b)
	end(t, l, gone, outcome(transport.NotSent))
	accepted := outcome(transport.Accepted)
	if err := l.End(t.Context(), []ledger.Ended{{Grant: gone, Fate: accepted}, {Grant: good, Fate: accepted}}); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("End: %v", err)
	}
	if g := claim(t, l, a); g.Answer != ledger.Replay {
		t.Errorf("the end beside it was not written: %+v", g)
	}
	if g := claim(t, l, b); g.Answer != ledger.Send {
		t.Errorf("an end without a claim was written: %+v", g)
	}
}

// testTakenOver is about two processes; a store of one process has no second one that could wake.
func testTakenOver(t *testing.T, s Store) {
	old, c := s.Open(t), newClaim(t, "k", "a@example.org")
	stale := mustSend(t, old, c)
	l := s.Restart(t, old)
	fresh := mustSend(t, l, c)
	if fresh.Fence == stale.Fence {
		t.Fatal("the same fence twice")
	}
	for _, at := range []ledger.Ledger{old, l} {
		if at == old && !s.Fenced {
			continue
		}
		if err := at.Ending(t.Context(), []ledger.Grant{stale}); !errors.Is(err, ledger.ErrFenced) {
			t.Errorf("Ending of who was taken over: %v", err)
		}
		if err := at.End(t.Context(), []ledger.Ended{{Grant: stale, Fate: outcome(transport.Accepted)}}); !errors.Is(err, ledger.ErrFenced) {
			t.Errorf("End of who was taken over: %v", err)
		}
	}
	ending(t, l, fresh)
	end(t, l, fresh, outcome(transport.Rejected))
	if g := claim(t, l, c); g.Fate.Outcome != transport.Rejected {
		t.Errorf("in the end: %+v", g)
	}
}

func testContext(t *testing.T, s Store) {
	l, c := s.Open(t), newClaim(t, "k", "a@example.org")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Claim(ctx, []ledger.Claim{c}); !errors.Is(err, context.Canceled) {
		t.Errorf("Claim: %v", err)
	}
	g := mustSend(t, l, c)
	if err := l.Ending(ctx, []ledger.Grant{g}); !errors.Is(err, context.Canceled) {
		t.Errorf("Ending: %v", err)
	}
	if g := claim(t, s.Restart(t, l), c); g.Answer != ledger.Send {
		t.Errorf("an Ending that failed was written: %+v", g)
	}
}
