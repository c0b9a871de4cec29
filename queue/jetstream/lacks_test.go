package jetstream

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/transport"
	"github.com/google/go-cmp/cmp"
)

// lacking is an engine over a cluster whose leader lacks messages that this process has seen confirmed.
type lacking struct {
	*Engine

	jobs, book *fake
	grants     []ledger.Grant // of the keys "sent", "doubt" and "mine"
}

// newLacking has three jobs and three entries of the ledger.
func newLacking(t *testing.T) *lacking {
	t.Helper()
	conn := plainNATS(t)
	l := &lacking{}
	var jobs, book *stream
	l.jobs, jobs = newFake(t, conn, "jobs")
	l.book, book = newFake(t, conn, "book")
	who := &owners{self: 1, alone: true}
	l.Engine = &Engine{jobs: jobs, owners: who, window: time.Hour, index: newIndex(), loaded: make(chan struct{}), change: make(chan struct{})}
	l.Engine.book = &Ledger{stream: book, owners: who, held: map[uint64]*hold{}, closing: make(chan struct{})}
	for _, key := range []string{"first", "cancelled", "last"} {
		put(t, l.Engine, key)
	}
	var claims []ledger.Claim
	for _, key := range []string{"sent", "doubt", "mine"} {
		claims = append(claims, claimsOf(t, key)...)
	}
	var err error
	if l.grants, err = l.Engine.book.Claim(t.Context(), claims); err == nil {
		err = l.Engine.book.Ending(t.Context(), l.grants)
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// newLeader makes b the leader of a stream before the n-th answer of a kind, without some messages, which it has one question later.
func newLeader(f *fake, api string, n, lacks int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	infos := 0
	f.before = func(asked string) {
		switch {
		case asked == "STREAM.INFO" && f.leader == "b":
			if infos++; infos > 1 {
				f.leads("b", 0)
				f.before = nil
			}
		case asked == api:
			if n--; n == 0 {
				f.leads("b", lacks)
			}
		}
	}
}

// TestServerThatLacksMessages: what a leader says that lacks confirmed messages is not believed: it is asked again when it has them. So is a
// leader that was elected in the middle of an answer.
func TestServerThatLacksMessages(t *testing.T) {
	for name, do := range map[string]struct {
		book bool
		do   func(*testing.T, *lacking) error
		want string
	}{
		"list": {do: func(t *testing.T, l *lacking) error {
			return expect(t, state(t, l.Engine), "cancelled waiting 0; first waiting 0; last waiting 0; ")
		}},
		"cancel": {do: func(t *testing.T, l *lacking) error { return l.Cancel(t.Context(), "last") }},
		"a key that is taken": {do: func(t *testing.T, l *lacking) error {
			if errs, err := l.Put(t.Context(), []queue.Entry{{Job: queue.Job{Key: "last"}, Digest: ledger.Digest{1}}}); err != nil || !errors.Is(errs[0], ledger.ErrKeyReused) {
				t.Error(errs, err)
			}
			return nil
		}},
		"records": {book: true, do: func(t *testing.T, l *lacking) error {
			var keys []string
			for r, err := range l.Engine.book.Records(t.Context()) {
				if err != nil || r.State != "ending" {
					t.Errorf("%+v, %v", r, err)
				}
				keys = append(keys, r.Key)
			}
			return expect(t, keys, []string{"doubt", "mine", "sent"})
		}},
		"lookup": {book: true, do: func(t *testing.T, l *lacking) error {
			list, err := l.Engine.book.Lookup(t.Context(), "mine")
			if err == nil && (len(list) != 1 || list[0].State != "ending") {
				t.Errorf("%+v", list)
			}
			return err
		}},
		"the end of a claim in doubt": {book: true, do: func(t *testing.T, l *lacking) error {
			l.Engine.book.held[l.grants[2].Fence].lost = true
			return l.Engine.book.End(t.Context(), endsOf(l.grants[2:]))
		}},
		"resolve": {book: true, do: func(t *testing.T, l *lacking) error {
			clear(l.Engine.book.held)
			return l.Engine.book.Resolve(t.Context(), "mine", l.grants[2].Recipient, transport.Accepted)
		}},
	} {
		for when, lead := range map[string]struct {
			api string
			n   int
		}{"from the start": {"STREAM.INFO", 1}, "before the answer": {"STREAM.MSG.GET", 1}, "in the middle": {"STREAM.MSG.GET", 2}} {
			t.Run(name+"/"+when, func(t *testing.T) {
				t.Parallel()
				l := newLacking(t)
				f := l.jobs
				if do.book {
					f = l.book
				}
				newLeader(f, lead.api, lead.n, 4)
				if err := do.do(t, l); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func expect[T any](t *testing.T, got, want T) error {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	return nil
}

// TestServerThatNeverCatchesUp: the wait for messages that no server has ends with the context, or with patience, and says why.
func TestServerThatNeverCatchesUp(t *testing.T) {
	l := newLacking(t)
	ctx, cancel := context.WithCancel(t.Context())
	l.jobs.mu.Lock()
	l.jobs.leads("b", 1)
	l.jobs.before = func(string) {
		if len(l.jobs.asked) > 9 {
			cancel()
		}
	}
	l.jobs.mu.Unlock()
	if err := l.Cancel(ctx, "last"); !errors.Is(err, context.Canceled) || !errors.Is(err, errBehind) {
		t.Error(err)
	}
	if slices.Contains(l.jobs.asked, "STREAM.MSG.GET") {
		t.Error("a server that lacks messages was asked for one")
	}
}

// TestNoServerLeads: members of a stream without a leader answer for themselves; that is not believed.
func TestNoServerLeads(t *testing.T) {
	l := newLacking(t)
	l.jobs.mu.Lock()
	l.jobs.leads("", 0)
	infos := 0
	l.jobs.before = func(asked string) {
		if infos++; infos > 2 && l.jobs.leader == "" {
			l.jobs.leads("b", 0)
		} else if asked == "STREAM.MSG.GET" && l.jobs.leader == "" {
			t.Error("a server that does not lead was asked")
		}
	}
	l.jobs.mu.Unlock()
	if err := l.Cancel(t.Context(), "last"); err != nil {
		t.Error(err)
	}
}
