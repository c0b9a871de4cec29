package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
	"github.com/google/go-cmp/cmp"
)

var start = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

func over(o transport.Outcome, code int) *ledger.Entry {
	e := &ledger.Entry{Fence: 1, State: ledger.Over, Changed: start}
	e.Fate.Outcome, e.Fate.Reply.Code = o, code
	return e
}

// TestClaim is the table of what is found after a crash.
func TestClaim(t *testing.T) {
	claimed := &ledger.Entry{Fence: 1, State: ledger.Claimed, Changed: start}
	ending := &ledger.Entry{Fence: 1, State: ledger.Ending, Changed: start}
	doubted := &ledger.Entry{Fence: 1, State: ledger.Claimed, Doubt: true, Changed: start}
	deferred := &ledger.Entry{Fence: 1, State: ledger.Claimed, Fate: ledger.Fate{Outcome: transport.Deferred}, Changed: start}
	const day = 24 * time.Hour
	cases := map[string]struct {
		found        *ledger.Entry
		alive, again bool
		digest       byte
		after        time.Duration
		want         string
	}{
		"nothing":                              {want: "send"},
		"claimed, owner gone":                  {found: claimed, want: "send"},
		"claimed, owner gone, another mail":    {found: claimed, digest: 1, want: "send"},
		"claimed, owner alive":                 {found: claimed, alive: true, want: "busy"},
		"claimed, owner alive, another mail":   {found: claimed, alive: true, digest: 1, want: "reused"},
		"ending, owner gone":                   {found: ending, want: "replay unknown"},
		"ending, owner gone, at least once":    {found: ending, again: true, want: "send in doubt"},
		"ending, owner alive":                  {found: ending, alive: true, again: true, want: "busy"},
		"ending, owner gone, another mail":     {found: ending, digest: 1, again: true, want: "reused"},
		"taken over in doubt, owner gone":      {found: doubted, want: "replay unknown"},
		"accepted":                             {found: over(transport.Accepted, 250), want: "replay accepted"},
		"accepted, at least once":              {found: over(transport.Accepted, 250), again: true, want: "replay accepted"},
		"accepted, another mail":               {found: over(transport.Accepted, 250), digest: 1, want: "reused"},
		"rejected":                             {found: over(transport.Rejected, 550), again: true, want: "replay rejected"},
		"deferred":                             {found: over(transport.Deferred, 450), want: "send"},
		"deferred, another mail":               {found: over(transport.Deferred, 450), digest: 1, want: "reused"},
		"deferred, claimed, owner gone":        {found: deferred, want: "send"},
		"deferred, claimed, gone, other":       {found: deferred, digest: 1, want: "reused"},
		"unknown":                              {found: over(transport.Unknown, 0), want: "replay unknown"},
		"unknown, at least once":               {found: over(transport.Unknown, 0), again: true, want: "send in doubt"},
		"unknown, refused since":               {found: over(transport.Unknown, 550), again: true, want: "replay unknown"},
		"accepted, at the end of the window":   {found: over(transport.Accepted, 250), after: 14 * day, want: "replay accepted"},
		"accepted, after the window":           {found: over(transport.Accepted, 250), after: 14*day + time.Second, want: "send"},
		"another mail, after the window":       {found: over(transport.Accepted, 250), digest: 1, after: 15 * day, want: "send"},
		"unknown, after the window":            {found: over(transport.Unknown, 0), after: 1000 * day, want: "replay unknown"},
		"ending, owner gone, after the window": {found: ending, after: 1000 * day, want: "replay unknown"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			next, g := ledger.Rules{}.Claim(tc.found, ledger.Claim{Key: "k", Again: tc.again, Digest: ledger.Digest{tc.digest}},
				ledger.Holder{Alive: tc.alive, Fence: 2, Now: start.Add(tc.after)})
			got := map[ledger.Answer]string{ledger.Busy: "busy", ledger.Send: "send", ledger.Reused: "reused"}[g.Answer]
			switch {
			case g.Answer == ledger.Replay:
				got = "replay " + g.Fate.Outcome.String()
			case g.Doubt:
				got += " in doubt"
			}
			if got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
			if sends := g.Answer == ledger.Send; sends != (next != nil) || sends != (g.Fence == 2) || sends && next.Fence != 2 {
				t.Errorf("writes %+v, grants %+v", next, g)
			}
		})
	}
}

// TestClaimKeepsTheMessageID: the entry has the Message-ID of the copy that may be in doubt, from the claim on.
func TestClaimKeepsTheMessageID(t *testing.T) {
	earlier := func(o transport.Outcome) *ledger.Entry {
		e := over(o, 0)
		e.Fate.MessageID = "<1@x>"
		return e
	}
	for name, tc := range map[string]struct {
		found *ledger.Entry
		id    string
		want  string
	}{
		"a new entry":          {nil, "<2@x>", "<2@x>"},
		"a mail without":       {nil, "", ""},
		"deferred":             {earlier(transport.Deferred), "<2@x>", "<2@x>"},
		"deferred, without":    {earlier(transport.Deferred), "", "<1@x>"},
		"in doubt":             {earlier(transport.Unknown), "<2@x>", "<1@x>"},
		"in doubt, of nothing": {over(transport.Unknown, 0), "<2@x>", "<2@x>"},
	} {
		next, answer := ledger.Rules{}.Claim(tc.found, ledger.Claim{MessageID: tc.id, Again: true}, ledger.Holder{Fence: 2, Now: start})
		if answer.Answer != ledger.Send || next.Fate.MessageID != tc.want {
			t.Errorf("%s: %v, %q", name, answer.Answer, next.Fate.MessageID)
		}
		if ending, err := (ledger.Rules{}).Ending(next, 2, start); err != nil || ending.Record("k", "a", false).MessageID != tc.want {
			t.Errorf("%s, ending: %+v, %v", name, ending, err)
		}
	}
}

// TestEnd says what stays after each end of a claim.
func TestEnd(t *testing.T) {
	fresh := &ledger.Entry{Fence: 1, State: ledger.Ending}
	doubted := &ledger.Entry{Fence: 1, State: ledger.Ending, Doubt: true, Fate: ledger.Fate{Outcome: transport.Unknown, Relay: "old"}}
	deferred := &ledger.Entry{Fence: 1, State: ledger.Claimed, Fate: ledger.Fate{Outcome: transport.Deferred}}
	reply := transport.Reply{Code: 550}
	cases := map[string]struct {
		found *ledger.Entry
		fate  ledger.Fate
		want  *ledger.Fate
	}{
		"accepted":               {fresh, ledger.Fate{Outcome: transport.Accepted, QueueID: "Q"}, &ledger.Fate{Outcome: transport.Accepted, QueueID: "Q"}},
		"rejected":               {fresh, ledger.Fate{Outcome: transport.Rejected, Reply: reply}, &ledger.Fate{Outcome: transport.Rejected, Reply: reply}},
		"not sent":               {fresh, ledger.Fate{}, nil},
		"not sent after defer":   {deferred, ledger.Fate{}, &ledger.Fate{Outcome: transport.Deferred}},
		"in doubt, not sent":     {doubted, ledger.Fate{}, &ledger.Fate{Outcome: transport.Unknown, Relay: "old"}},
		"in doubt, rejected now": {doubted, ledger.Fate{Outcome: transport.Rejected, Reply: reply, Relay: "new"}, &ledger.Fate{Outcome: transport.Unknown, Reply: reply, Relay: "new"}},
		"in doubt, accepted now": {doubted, ledger.Fate{Outcome: transport.Accepted}, &ledger.Fate{Outcome: transport.Accepted}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			next, err := ledger.Rules{}.End(tc.found, 1, tc.fate, start)
			if err != nil || (next == nil) != (tc.want == nil) {
				t.Fatalf("%+v, %v", next, err)
			}
			if next != nil {
				if diff := cmp.Diff(*tc.want, next.Fate); diff != "" || next.State != ledger.Over {
					t.Errorf("%v: %s", next.State, diff)
				}
			}
			if _, err := (ledger.Rules{}).End(tc.found, 2, tc.fate, start); !errors.Is(err, ledger.ErrFenced) {
				t.Errorf("another fence: %v", err)
			}
			if _, err := (ledger.Rules{}).Ending(next, 1, start); !errors.Is(err, ledger.ErrFenced) {
				t.Errorf("ending after the end: %v", err)
			}
		})
	}
}

// TestKeep says what a store may delete, and when: nothing that is in doubt.
func TestKeep(t *testing.T) {
	const day = 24 * time.Hour
	cases := map[string]struct {
		e    ledger.Entry
		want [2]time.Duration // with a window of a day, and the standard one; for ever is 0 for all
	}{
		"claimed":                 {ledger.Entry{}, [2]time.Duration{14 * day, 14 * day}},
		"claimed again, in doubt": {ledger.Entry{Doubt: true}, [2]time.Duration{}},
		"ending":                  {ledger.Entry{State: ledger.Ending}, [2]time.Duration{}},
		"accepted":                {*over(transport.Accepted, 0), [2]time.Duration{day, 14 * day}},
		"deferred":                {*over(transport.Deferred, 0), [2]time.Duration{day, 14 * day}},
		"unknown":                 {*over(transport.Unknown, 0), [2]time.Duration{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, [2]time.Duration{ledger.Rules{Window: day}.Keep(tc.e), ledger.Rules{}.Keep(tc.e)}); diff != "" {
				t.Error(diff)
			}
			if got := (ledger.Rules{Window: ledger.Forever}).Keep(tc.e); got != 0 {
				t.Errorf("for ever is %v", got)
			}
		})
	}
}

// TestResolve says who may settle what, and how.
func TestResolve(t *testing.T) {
	ending := &ledger.Entry{Fence: 1, State: ledger.Ending}
	cases := map[string]struct {
		found *ledger.Entry
		alive bool
		as    transport.Outcome
		want  string
	}{
		"accepted":            {ending, false, transport.Accepted, "accepted"},
		"rejected":            {over(transport.Unknown, 0), false, transport.Rejected, "rejected"},
		"not sent":            {ending, false, transport.NotSent, "deleted"},
		"under way":           {ending, true, transport.Accepted, ledger.ErrBusy.Error()},
		"nothing":             {nil, false, transport.Accepted, ledger.ErrNotFound.Error()},
		"accepted already":    {over(transport.Accepted, 0), false, transport.Rejected, "resolve as rejected: the entry is not in doubt: it is accepted"},
		"as unknown or later": {ending, false, transport.Deferred, "resolve as deferred: an entry is resolved as accepted, rejected or not sent"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			next, err := ledger.Rules{}.Resolve(tc.found, tc.alive, tc.as, start)
			got := "deleted"
			switch {
			case err != nil:
				got = err.Error()
			case next != nil:
				got = next.Fate.Outcome.String()
			}
			if got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

// actor is a process of the model: it holds a fence, or not, and its content has left, or not.
type actor struct {
	fence  uint64
	doubt  bool
	ending bool // the ledger has said that the content may leave
	left   bool // the content is with the server, which has taken it
}

// world is what the model is in.
type world struct {
	entry     *ledger.Entry
	actors    [2]actor
	delivered int
	fence     uint64
}

func (w world) String() string {
	parts := []any{w.delivered}
	known := func(fence uint64) string { // fences are equal or not, so their values do not tell worlds apart
		for i, a := range w.actors {
			if fence != 0 && a.fence == fence {
				return string(rune('A' + i))
			}
		}
		return "-"
	}
	if w.entry != nil {
		parts = append(parts, w.entry.State, w.entry.Doubt, w.entry.Fate.Outcome, w.entry.Fate.Reply.Code, known(w.entry.Fence))
	}
	for _, a := range w.actors {
		parts = append(parts, a.fence != 0, a.doubt, a.ending, a.left, known(a.fence))
	}
	return fmt.Sprint(parts...)
}

// TestModel goes through all courses of two processes that claim, are taken for dead at any moment, rightly
// or wrongly, die at any moment, and send whenever the ledger lets them: at most once, the mail never
// leaves twice; in either way, an entry never says that it did not go when it did.
func TestModel(t *testing.T) {
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprintf("again=%v", again), func(t *testing.T) {
			m := model{t: t, again: again, seen: map[string]bool{}}
			m.visit(world{})
			if m.delivered == 0 || again != (m.delivered > 1) {
				t.Errorf("%d copies at most in %d worlds", m.delivered, len(m.seen))
			}
			t.Logf("%d worlds", len(m.seen))
		})
	}
}

type model struct {
	t         *testing.T
	again     bool
	seen      map[string]bool
	delivered int // the most
}

func (m *model) visit(w world) {
	if m.t.Failed() || m.seen[w.String()] || w.delivered > 3 {
		return
	}
	m.seen[w.String()] = true
	m.delivered = max(m.delivered, w.delivered)
	if !m.again && w.delivered > 1 {
		m.t.Errorf("it left twice: %s", w)
	}
	if e := w.entry; e != nil && e.State == ledger.Over {
		switch says := e.Fate.Outcome; {
		case says == transport.Accepted && w.delivered == 0,
			says == transport.Rejected && w.delivered > 0,
			says == transport.Deferred && w.delivered > 0:
			m.t.Errorf("the entry says %v and %d copies arrived: %s", says, w.delivered, w)
		}
	}
	if w.entry == nil && w.delivered > 0 {
		m.t.Errorf("it left, and there is no entry: %s", w)
	}
	for i := range w.actors {
		m.step(w, i)
	}
}

// step visits what one process may do next.
func (m *model) step(w world, i int) {
	crashed := w
	crashed.actors[i] = actor{}
	m.visit(crashed)
	a := w.actors[i]
	switch {
	case a.fence == 0:
		for _, alive := range []bool{false, true} {
			m.claim(w, i, alive)
		}
	case !a.ending:
		if next, err := (ledger.Rules{}).Ending(w.entry, a.fence, start); err == nil {
			then := w
			then.entry, then.actors[i].ending = next, true
			m.visit(then)
		}
		m.end(w, i, transport.NotSent, 0)
		m.end(w, i, transport.Deferred, 450)
		m.end(w, i, transport.Rejected, 550)
	case !a.left:
		then := w
		then.delivered++
		then.actors[i].left = true
		m.visit(then)
		m.end(w, i, transport.NotSent, 0)
		m.end(w, i, transport.Rejected, 554)
		m.end(w, i, transport.Unknown, 0)
	default:
		m.end(w, i, transport.Accepted, 250)
		m.end(w, i, transport.Unknown, 0)
	}
}

func (m *model) claim(w world, i int, alive bool) {
	w.fence++
	next, g := ledger.Rules{}.Claim(w.entry, ledger.Claim{Again: m.again}, ledger.Holder{Alive: alive, Fence: w.fence, Now: start})
	if g.Answer != ledger.Send {
		if g.Answer == ledger.Reused {
			m.t.Errorf("reused: %s", w)
		}
		return
	}
	if w.delivered > 0 && !g.Doubt {
		m.t.Errorf("it left already, and the ledger grants without a doubt: %s", w)
	}
	w.entry, w.actors[i] = next, actor{fence: g.Fence, doubt: g.Doubt}
	m.visit(w)
}

func (m *model) end(w world, i int, outcome transport.Outcome, code int) {
	fate := ledger.Fate{Outcome: outcome, Reply: transport.Reply{Code: code}}
	next, err := ledger.Rules{}.End(w.entry, w.actors[i].fence, fate, start)
	if err == nil {
		w.entry = next
	}
	w.actors[i] = actor{}
	m.visit(w)
}

// TestMessageIDWhileSending: what a kill in the middle of a mail leaves has its Message-ID.
func TestMessageIDWhileSending(t *testing.T) {
	book := ledger.NewMemory()
	relay := transport.Func(func(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
		records, err := book.Lookup(ctx, "k")
		if err != nil || len(records) != 1 || records[0].MessageID != "<k@example.org>" {
			t.Errorf("%+v, %v", records, err)
		}
		return transport.Discard().Send(ctx, mail)
	})
	if _, err := once(t, ledger.Once{Next: relay, Ledger: book}).Send(t.Context(), keyed(t, "k", "a@example.org")); err != nil {
		t.Fatal(err)
	}
}
