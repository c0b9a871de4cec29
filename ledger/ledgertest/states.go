package ledgertest

import (
	"errors"
	"testing"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
	gocmp "github.com/google/go-cmp/cmp"
)

// history is what happened to an entry before it is looked at.
type history struct {
	name string
	do   func(t *testing.T, l ledger.Ledger, c ledger.Claim)
	// alive and after are the answers to a claim in the same process and after a restart.
	alive, after ledger.Answer
	outcome      transport.Outcome // of a replay
	other        ledger.Answer     // to another mail with the key, after a restart
}

func histories() []history {
	ended := func(o transport.Outcome) func(*testing.T, ledger.Ledger, ledger.Claim) {
		return func(t *testing.T, l ledger.Ledger, c ledger.Claim) {
			g := mustSend(t, l, c)
			ending(t, l, g)
			end(t, l, g, outcome(o))
		}
	}
	return []history{
		{"nothing", func(*testing.T, ledger.Ledger, ledger.Claim) {}, ledger.Send, ledger.Send, 0, ledger.Send},
		{"claimed", func(t *testing.T, l ledger.Ledger, c ledger.Claim) { mustSend(t, l, c) }, ledger.Busy, ledger.Send, 0, ledger.Send},
		{
			"ending", func(t *testing.T, l ledger.Ledger, c ledger.Claim) { ending(t, l, mustSend(t, l, c)) },
			ledger.Busy, ledger.Replay, transport.Unknown, ledger.Reused,
		},
		{"ending twice", func(t *testing.T, l ledger.Ledger, c ledger.Claim) {
			g := mustSend(t, l, c)
			ending(t, l, g)
			ending(t, l, g)
		}, ledger.Busy, ledger.Replay, transport.Unknown, ledger.Reused},
		{"accepted", ended(transport.Accepted), ledger.Replay, ledger.Replay, transport.Accepted, ledger.Reused},
		{"rejected", ended(transport.Rejected), ledger.Replay, ledger.Replay, transport.Rejected, ledger.Reused},
		{"unknown", ended(transport.Unknown), ledger.Replay, ledger.Replay, transport.Unknown, ledger.Reused},
		{"deferred", ended(transport.Deferred), ledger.Send, ledger.Send, 0, ledger.Reused},
		{"not sent", ended(transport.NotSent), ledger.Send, ledger.Send, 0, ledger.Send},
		{"rejected before the content", func(t *testing.T, l ledger.Ledger, c ledger.Claim) {
			end(t, l, mustSend(t, l, c), outcome(transport.Rejected))
		}, ledger.Replay, ledger.Replay, transport.Rejected, ledger.Reused},
		{"deferred, claimed again", func(t *testing.T, l ledger.Ledger, c ledger.Claim) {
			end(t, l, mustSend(t, l, c), outcome(transport.Deferred))
			mustSend(t, l, c)
		}, ledger.Busy, ledger.Send, 0, ledger.Reused},
		{"deferred, then not sent", func(t *testing.T, l ledger.Ledger, c ledger.Claim) {
			end(t, l, mustSend(t, l, c), outcome(transport.Deferred))
			end(t, l, mustSend(t, l, c), outcome(transport.NotSent))
		}, ledger.Send, ledger.Send, 0, ledger.Reused},
	}
}

func testFound(t *testing.T, s Store) {
	check := func(t *testing.T, g ledger.Grant, want ledger.Answer, fate transport.Outcome) {
		t.Helper()
		if g.Answer != want || want == ledger.Replay && g.Fate.Outcome != fate {
			t.Errorf("answer %d with %v, want %d with %v", g.Answer, g.Fate.Outcome, want, fate)
		}
	}
	for _, h := range histories() {
		t.Run(h.name, func(t *testing.T) {
			l, c := s.Open(t), newClaim(t, "k", "a@example.org")
			h.do(t, l, c)
			check(t, claim(t, l, c), h.alive, h.outcome)
			if h.alive == ledger.Send { // that was a claim itself, so begin anew
				l = s.Open(t)
				h.do(t, l, c)
			}
			l = s.Restart(t, l)
			other := c
			other.Digest[0] = 7
			check(t, claim(t, l, other), h.other, 0)
			if h.other != ledger.Reused { // that was a claim itself
				l = s.Restart(t, l)
			}
			check(t, claim(t, l, c), h.after, h.outcome)
		})
	}
}

func testAgain(t *testing.T, s Store) {
	l, c := s.Open(t), newClaim(t, "k", "a@example.org")
	ending(t, l, mustSend(t, l, c))
	c.Again = true
	if g := claim(t, l, c); g.Answer != ledger.Busy {
		t.Errorf("while it is under way: %+v", g)
	}
	for _, o := range []transport.Outcome{transport.NotSent, transport.Deferred, transport.Unknown} {
		l = s.Restart(t, l)
		g := mustSend(t, l, c)
		if !g.Doubt {
			t.Fatalf("before %v: granted without a doubt", o)
		}
		end(t, l, g, outcome(o))
		once := c
		once.Again = false
		if g := claim(t, l, once); g.Answer != ledger.Replay || g.Fate.Outcome != transport.Unknown {
			t.Errorf("after %v: %+v", o, g)
		}
	}
	mustSend(t, l, c)
	l = s.Restart(t, l) // killed before the content of the second copy left
	g := mustSend(t, l, c)
	if !g.Doubt {
		t.Error("the first copy was forgotten")
	}
	ending(t, l, g)
	end(t, l, g, outcome(transport.Accepted))
	if g := claim(t, s.Restart(t, l), c); g.Answer != ledger.Replay || g.Fate.Outcome != transport.Accepted {
		t.Errorf("after Accepted: %+v", g)
	}
	refused := newClaim(t, "refused", "a@example.org")
	refused.Again = true
	l = s.Open(t)
	end(t, l, mustSend(t, l, refused), outcome(transport.Unknown))
	end(t, l, mustSend(t, l, refused), ledger.Fate{Outcome: transport.Rejected, Reply: transport.Reply{Code: 550}})
	if g := claim(t, l, refused); g.Answer != ledger.Replay || g.Fate.Outcome != transport.Unknown || g.Fate.Reply.Code != 550 {
		t.Errorf("refused for good after a copy in doubt: %+v", g)
	}
}

func testFate(t *testing.T, s Store) {
	want := ledger.Fate{
		Outcome: transport.Rejected, Fault: transport.FaultRecipient, Phase: transport.PhaseRcpt, Relay: "mx.example.org:25", QueueID: "4FZ", MessageID: "<1@example.org>",
		Reply: transport.Reply{Code: 550, Enhanced: "5.1.1", Lines: []string{"no such user", "", "see https://example.org/ü"}},
	}
	l, c := s.Open(t), newClaim(t, "k", "a@example.org")
	end(t, l, mustSend(t, l, c), want)
	for range 2 {
		if diff := gocmp.Diff(want, claim(t, l, c).Fate); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		l = s.Restart(t, l)
	}
}

func testAfterEnd(t *testing.T, s Store) {
	l, c := s.Open(t), newClaim(t, "k", "a@example.org")
	for _, o := range []transport.Outcome{transport.NotSent, transport.Deferred, transport.Accepted} {
		g := mustSend(t, l, c)
		end(t, l, g, outcome(o))
		if err := l.Ending(t.Context(), []ledger.Grant{g}); !errors.Is(err, ledger.ErrFenced) {
			t.Errorf("Ending after %v: %v", o, err)
		}
		if err := l.End(t.Context(), []ledger.Ended{{Grant: g, Fate: outcome(transport.Rejected)}}); !errors.Is(err, ledger.ErrFenced) {
			t.Errorf("End after %v: %v", o, err)
		}
	}
	if g := claim(t, l, c); g.Answer != ledger.Replay || g.Fate.Outcome != transport.Accepted {
		t.Errorf("in the end: %+v", g)
	}
}
