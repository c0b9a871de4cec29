package jetstream

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
	"github.com/nats-io/nats.go"
)

// newFakeLedger is a ledger of process 1 over a stream that is the test's.
func newFakeLedger(t *testing.T, f *fake, s *stream) *Ledger {
	t.Helper()
	closed := make(chan struct{})
	close(closed) // nothing is written later but by the test
	return &Ledger{stream: s, owners: &owners{self: 1, alone: true}, held: map[uint64]*hold{}, closing: closed}
}

// shortly returns a context that ends while a write waits for its answer.
func shortly(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// TestLateClaim: it is not known whether a claim is written, and a server takes it after this process has given the claim up: it is refused. Else it
// would keep all others from the mail for as long as this process lives. So for a mail that was deferred before.
func TestLateClaim(t *testing.T) {
	for name, before := range map[string]ledger.Fate{"new": {}, "deferred": {Outcome: transport.Deferred}} {
		t.Run(name, func(t *testing.T) {
			conn := plainNATS(t)
			f, s := newFake(t, conn, "book")
			l := newFakeLedger(t, f, s)
			if before.Outcome != transport.NotSent {
				grants, err := l.Claim(t.Context(), claimsOf(t, "k"))
				if err == nil {
					err = l.End(t.Context(), []ledger.Ended{{Grant: grants[0], Fate: before}})
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			var late []*nats.Msg
			f.mu.Lock()
			f.refuse = func(m *nats.Msg) { late = append(late, m) }
			f.mu.Unlock()
			if _, err := l.Claim(t.Context(), claimsOf(t, "k")); err == nil {
				t.Fatal("claimed")
			}
			f.mu.Lock()
			f.refuse = nil
			f.mu.Unlock()
			if err := l.End(t.Context(), l.unwritten); !errors.Is(err, ledger.ErrFenced) {
				t.Errorf("the end of a claim that was not written: %v", err)
			}
			f.mu.Lock()
			for _, m := range late {
				f.put(m)
			}
			f.mu.Unlock()
			if len(late) == 0 {
				t.Error("no claim was written")
			}
			other := newFakeLedger(t, f, s)
			other.owners = &owners{self: 2, seen: map[uint64]sign{1: {at: time.Now()}}, beat: time.Hour}
			if grants, err := other.Claim(t.Context(), claimsOf(t, "k")); err != nil || grants[0].Answer != ledger.Send {
				t.Errorf("another process: %+v, %v", grants, err)
			}
		})
	}
}

// TestEndedBefore: the write of an end has no answer, and was made. What ends it again finds that, and the claim is forgotten.
func TestEndedBefore(t *testing.T) {
	f, s := newFake(t, plainNATS(t), "book")
	l := newFakeLedger(t, f, s)
	grants, err := l.Claim(t.Context(), claimsOf(t, "k"))
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.mute = true
	f.mu.Unlock()
	ends := []ledger.Ended{{Grant: grants[0], Fate: ledger.Fate{Outcome: transport.Accepted}}}
	if err := l.End(shortly(t), ends); err == nil {
		t.Fatal("ended without an answer")
	}
	if err := l.End(t.Context(), ends); !errors.Is(err, ledger.ErrFenced) {
		t.Error(err)
	}
	if len(l.held) != 0 {
		t.Errorf("%d claims are held", len(l.held))
	}
	list, err := l.Lookup(t.Context(), "k")
	if err != nil || len(list) != 1 || !strings.Contains(list[0].Outcome.String(), "accepted") {
		t.Errorf("%+v, %v", list, err)
	}
}
