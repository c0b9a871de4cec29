package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/stub"
)

// fatal is a mail that does not let WriteTo return.
type fatal struct {
	transport.Mail

	end func()
}

func (f fatal) Key() string { return transport.KeyOf(f.Mail) }

func (f fatal) WriteTo(io.Writer) (int64, error) {
	f.end()
	return 0, errors.New("it went on")
}

// reluctant is a ledger that writes no end before its test lets it.
type reluctant struct {
	*ledger.Memory

	may    <-chan struct{}
	panics bool
}

func (r *reluctant) End(ctx context.Context, ends []ledger.Ended) error {
	<-r.may
	if r.panics {
		r.panics = false
		panic("a ledger")
	}
	return r.Memory.End(ctx, ends)
}

// TestBulkPanics: code of the caller that panics, or ends its goroutine, in a SendAll does so in the goroutine of the caller. What was
// sent is written down before, no claim is left, and no more mails are taken.
func TestBulkPanics(t *testing.T) {
	for name, tc := range map[string]struct {
		end    func()
		ledger bool
	}{
		"a mail panics":          {end: func() { panic("a mail") }},
		"a mail ends":            {end: runtime.Goexit},
		"the ledger panics once": {end: func() {}, ledger: true},
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				may := make(chan struct{})
				book := &reluctant{Memory: ledger.NewMemory(), may: may, panics: tc.ledger}
				tr := once(t, ledger.Once{Next: stub.New(), Ledger: book})
				mails := func(yield func(transport.Mail) bool) {
					for i := 0; ; i++ { // without an end
						mail := keyed(t, fmt.Sprint("k", i), "a@example.org")
						if i == 100 {
							mail = fatal{mail, func() { close(may); tc.end() }}
						}
						if !yield(mail) {
							return
						}
					}
				}
				returned := make(chan bool, 1)
				go func() {
					done := false
					defer func() { _ = recover(); returned <- done }()
					for range transport.SendAll(t.Context(), tr, mails) {
					}
					done = true
				}()
				if <-returned {
					t.Fatal("the loop went on")
				}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				if err := transport.Shutdown(ctx, tr); err != nil {
					t.Fatalf("mails are still inside: %v", err)
				}
				cancel()
				if tc.ledger { // of the call that panicked nothing is written
					continue
				}
				for r, err := range book.Records(t.Context()) {
					if err != nil || r.State != ledger.Over.String() {
						t.Fatalf("%s is %s, %v", r.Key, r.State, err)
					}
				}
			}
		})
	}
}

// TestObserverPanics: a claim is given back when the observer that is told of it panics.
func TestObserverPanics(t *testing.T) {
	book := ledger.NewMemory()
	tr := once(t, ledger.Once{Next: stub.New(), Ledger: book})
	if _, err := tr.Send(t.Context(), keyed(t, "k", "a@example.org")); err != nil {
		t.Fatal(err)
	}
	ctx := transport.WithObserver(t.Context(), rude{})
	func() {
		defer func() { _ = recover() }()
		_, _ = tr.Send(ctx, keyed(t, "k", "a@example.org", "b@example.org"))
	}()
	result, err := tr.Send(t.Context(), keyed(t, "k", "a@example.org", "b@example.org"))
	if err != nil {
		t.Errorf("%s, %v", fates(result), err)
	}
}

// rude is an observer that panics.
type rude struct{ transport.Observer }

func (rude) Decide(context.Context, transport.Decision) { panic("an observer") }
