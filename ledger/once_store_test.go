package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/depeche-mail/depeche/transport/stub"
)

// lasting is an error that does not pass.
type lasting struct{}

func (lasting) Error() string   { return "the file is broken" }
func (lasting) Temporary() bool { return false }

// TestOnceStoreMayPass: whether a mail may go later when the ledger failed is what the ledger says, over every transport.
func TestOnceStoreMayPass(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	relays := map[string]func(*testing.T) transport.Transport{
		"stub": func(*testing.T) transport.Transport { return stub.New() },
		"smtp": func(t *testing.T) transport.Transport {
			relay, err := smtp.DangerousPlaintext("127.0.0.1").Port(smtptest.NewServer(t).Port()).Build()
			if err != nil {
				t.Fatal(err)
			}
			return relay
		},
	}
	for name, tc := range map[string]struct {
		err             error
		temporary, book bool // book: the store failed
	}{
		"an error of no kind":   {errors.New("disk full"), true, true},
		"a refused connection":  {fmt.Errorf("ledger: %w", refused), true, true},
		"one that lasts":        {fmt.Errorf("ledger: %w", lasting{}), false, true},
		"the claim was another": {fmt.Errorf("key %q: %w", "k", ledger.ErrFenced), true, false},
	} {
		for step, book := range map[string]broken{"claim": {claim: tc.err}, "ending": {ending: tc.err}} {
			for over, relay := range relays {
				t.Run(name+", "+step+", "+over, func(t *testing.T) {
					book := broken{Memory: ledger.NewMemory(), claim: book.claim, ending: book.ending}
					tr := once(t, ledger.Once{Next: relay(t), Ledger: &book})
					_, one := tr.Send(t.Context(), keyed(t, "k", "a@example.org"))
					all := one
					for _, err := range transport.SendAll(context.Background(), tr, func(yield func(transport.Mail) bool) {
						yield(keyed(t, "k", "a@example.org"))
					}) {
						all = err
					}
					for how, err := range map[string]error{"Send": one, "SendAll": all} {
						var failed *transport.SendError
						var store *ledger.StoreError
						if !errors.As(err, &failed) || !errors.Is(err, tc.err) || failed.Temporary() != tc.temporary || !failed.SafeToRetry() {
							t.Errorf("%s: %v, want temporary %v", how, err, tc.temporary)
						}
						if errors.As(err, &store) != tc.book || tc.book && store.Temporary() != tc.temporary {
							t.Errorf("%s: %v is an error of the store: %v", how, err, !tc.book)
						}
					}
				})
			}
		}
	}
}

// TestOnceStoreAndBreaker: a ledger that fails below a mail does not count against the relay.
func TestOnceStoreAndBreaker(t *testing.T) {
	for _, window := range []int{1, 8} {
		relay, err := smtp.DangerousPlaintext("127.0.0.1").Port(smtptest.NewServer(t).Port()).BulkWindow(window).Build()
		if err != nil {
			t.Fatal(err)
		}
		breaker, err := policy.Breaker{Next: relay, Threshold: 1}.Build()
		if err != nil {
			t.Fatal(err)
		}
		book := broken{Memory: ledger.NewMemory(), ending: errors.New("no route")}
		tr := once(t, ledger.Once{Next: breaker, Ledger: &book})
		if _, err := tr.Send(t.Context(), keyed(t, "k", "a@example.org")); !errors.Is(err, book.ending) {
			t.Errorf("window %d: %v", window, err)
		}
		book.ending = nil
		if _, err := tr.Send(t.Context(), keyed(t, "k", "a@example.org")); err != nil {
			t.Errorf("window %d: the relay has the blame: %v", window, err)
		}
	}
}
