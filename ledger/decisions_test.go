package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

// decided is an observer that keeps what was decided.
type decided struct {
	mu   sync.Mutex
	list []string
}

func (o *decided) Begin(context.Context, transport.Mail) func(*transport.Result, error) { return nil }

func (o *decided) Decide(_ context.Context, d transport.Decision) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = append(o.list, fmt.Sprintf("%s %s %d %s %v", d.Kind, transport.KeyOf(d.Mail), d.Recipients, d.State, d.Err))
}

// TestDecisions: what the ledger decides is seen, by Send and by SendAll.
func TestDecisions(t *testing.T) {
	full := errors.New("disk full")
	for name, tc := range map[string]struct {
		before []transport.Mail
		book   broken
		mail   transport.Mail
		want   []string
	}{
		"nothing to decide": {mail: keyed(t, "k", "a@example.org")},
		"a replay": {
			before: []transport.Mail{keyed(t, "k", "a@example.org", "b@example.org")}, mail: keyed(t, "k", "a@example.org", "c@example.org"),
			want: []string{"ledger.replay k 1 accepted <nil>"},
		},
		"another mail with the key": {
			before: []transport.Mail{transport.WithFingerprint(keyed(t, "k", "a@example.org"), "1")},
			mail:   transport.WithFingerprint(keyed(t, "k", "a@example.org"), "2"), want: []string{"ledger.refuse k 1  " + ledger.ErrKeyReused.Error()},
		},
		"no key":                {mail: transport.Raw(env(t, "a@example.org", "b@example.org"), []byte("\r\n\r\n")), want: []string{"ledger.refuse  0  " + ledger.ErrNoKey.Error()}},
		"no ledger":             {book: broken{claim: full}, mail: keyed(t, "k", "a@example.org"), want: []string{"ledger.refuse k 1  disk full"}},
		"an end that is lost":   {book: broken{end: full}, mail: keyed(t, "k", "a@example.org"), want: []string{"ledger.unwritten k 0  disk full"}},
		"another send goes on":  {book: broken{answers: []ledger.Grant{{Answer: ledger.Busy}}}, mail: keyed(t, "k", "a@example.org"), want: []string{"ledger.busy k 1  " + ledger.ErrBusy.Error()}},
		"a replay of two kinds": {book: broken{answers: []ledger.Grant{{Answer: ledger.Replay, Fate: ledger.Fate{Outcome: transport.Accepted}}, {Answer: ledger.Replay, Fate: ledger.Fate{Outcome: transport.Rejected}}}}, mail: keyed(t, "k", "a@example.org", "b@example.org"), want: []string{"ledger.replay k 2  <nil>"}},
	} {
		for _, way := range []string{"Send", "SendAll"} {
			t.Run(name+"/"+way, func(t *testing.T) {
				book := tc.book
				book.Memory = ledger.NewMemory()
				o := &decided{}
				plain := once(t, ledger.Once{Next: stub.New(), Ledger: &book})
				for _, mail := range tc.before {
					if _, err := plain.Send(t.Context(), mail); err != nil {
						t.Fatal(err)
					}
				}
				sender, err := policy.Observe{Next: plain, Observer: o}.Build()
				if err != nil {
					t.Fatal(err)
				}
				if way == "Send" {
					_, _ = sender.Send(t.Context(), tc.mail) // the decisions tell
				} else {
					for range transport.SendAll(t.Context(), sender, func(yield func(transport.Mail) bool) { yield(tc.mail) }) {
					}
				}
				if diff := cmp.Diff(tc.want, o.list); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}
