package policy_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

// list is a suppression list in memory.
type list struct {
	mu    sync.Mutex
	dead  []string
	asked int
	err   error
}

func (l *list) Suppressed(_ context.Context, address envelope.Address) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	return slices.Contains(l.dead, address.String()), l.err
}

func (l *list) Suppress(_ context.Context, address envelope.Address, _ transport.Reply) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = append(l.dead, address.String())
	return nil
}

// TestSuppress holds that those on the list get nothing and say why, that the others get the mail, and that a list that
// cannot be asked stops the mail.
func TestSuppress(t *testing.T) {
	a, b := "a@example.com", "b@example.com"
	broken := errors.New("the table is gone")
	for name, c := range map[string]struct {
		list  *list
		want  map[string]transport.Outcome
		cause error
	}{
		"none is listed": {&list{}, map[string]transport.Outcome{a: transport.Accepted, b: transport.Accepted}, nil},
		"one is":         {&list{dead: []string{b}}, map[string]transport.Outcome{a: transport.Accepted, b: transport.NotSent}, policy.ErrSuppressed},
		"all are":        {&list{dead: []string{a, b}}, map[string]transport.Outcome{a: transport.NotSent, b: transport.NotSent}, policy.ErrSuppressed},
		"it is broken":   {&list{err: broken}, map[string]transport.Outcome{a: transport.NotSent, b: transport.NotSent}, broken},
	} {
		t.Run(name, func(t *testing.T) {
			relay := stub.New()
			retry := build(t, policy.Retry{Next: build(t, policy.Suppress{Next: relay, List: c.list}), InitialBackoff: 1})
			result, err := retry.Send(t.Context(), mail(t, a, b))
			if !errors.Is(err, c.cause) {
				t.Error(err)
			}
			var got []string
			for _, r := range result.Recipients {
				if r.Outcome != c.want[r.Address.String()] {
					t.Errorf("%v: %v", r.Address, r.Outcome)
				}
				if r.Outcome == transport.Accepted {
					got = append(got, r.Address.String())
				}
				if wantFault := errors.Is(c.cause, policy.ErrSuppressed) && r.Outcome == transport.NotSent; wantFault != (r.Fault == transport.FaultRecipient) {
					t.Errorf("%v: fault %v", r.Address, r.Fault)
				}
			}
			var sent []string
			for _, m := range relay.Messages() {
				for i := range m.Envelope.Len() {
					sent = append(sent, m.Envelope.At(i).Address.String())
				}
			}
			if diff := cmp.Diff(got, sent); diff != "" {
				t.Error(diff)
			}
			if c.list.err == nil && c.list.asked > 2 { // what is on the list is not tried again
				t.Errorf("the list was asked %d times", c.list.asked)
			}
		})
	}
}

// TestSuppressedIsNotTriedAgain: a Retry sends to those who were deferred, and leaves out those on the list.
func TestSuppressedIsNotTriedAgain(t *testing.T) {
	dead := &list{dead: []string{"b@example.com"}}
	relay := stub.New().NextFor("a@example.com", stub.Reject(transport.PhaseRcpt, 450, "4.2.1 busy"))
	retry := build(t, policy.Retry{Next: build(t, policy.Suppress{Next: relay, List: dead}), InitialBackoff: 1})
	result, err := retry.Send(t.Context(), mail(t, "a@example.com", "b@example.com"))
	if !errors.Is(err, policy.ErrSuppressed) || result.Recipients[0].Outcome != transport.Accepted {
		t.Errorf("%v, %v", result.Recipients, err)
	}
	if r := result.Recipients[1]; r.Outcome != transport.NotSent || r.Fault != transport.FaultRecipient {
		t.Errorf("%v", r)
	}
	if dead.asked != 3 { // for two, and for the one who was deferred
		t.Errorf("the list was asked %d times", dead.asked)
	}
}

// finalError is an error that says of itself that it stays.
type finalError struct{ error }

func (finalError) Temporary() bool { return false }

// TestSuppressListFails: a list that cannot be asked now is asked again, unless its error says that this is of no use.
func TestSuppressListFails(t *testing.T) {
	broken := errors.New("the table is gone")
	for name, tc := range map[string]struct {
		err       error
		temporary bool
	}{
		"any error":             {broken, true},
		"a refused connection":  {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		"one that is temporary": {context.DeadlineExceeded, true},
		"one that is not":       {fmt.Errorf("list: %w", finalError{broken}), false},
	} {
		t.Run(name, func(t *testing.T) {
			dead := &list{err: tc.err}
			suppress := build(t, policy.Suppress{Next: stub.New(), List: dead})
			_, err := suppress.Send(t.Context(), mail(t, "a@example.com"))
			failed, ok := errors.AsType[*transport.SendError](err)
			if !ok || failed.Temporary() != tc.temporary || !errors.Is(err, tc.err) || !strings.Contains(err.Error(), "suppression list: ") {
				t.Errorf("%v", err)
			}
			_, err = build(t, policy.Retry{Next: suppress, InitialBackoff: 1, MaxAttempts: 3}).Send(t.Context(), mail(t, "a@example.com"))
			if want := map[bool]int{true: 4, false: 2}[tc.temporary]; err == nil || dead.asked != want {
				t.Errorf("asked %d times, want %d: %v", dead.asked, want, err)
			}
		})
	}
}

// TestSuppressLearns holds that only an address that does not exist gets on the list: no full mailbox, no policy, no
// broken relay.
func TestSuppressLearns(t *testing.T) {
	relay := stub.New().
		AlwaysFor("gone@example.com", stub.Reject(transport.PhaseRcpt, 550, "5.1.1 no such user")).
		AlwaysFor("full@example.com", stub.Reject(transport.PhaseRcpt, 552, "5.2.2 mailbox full")).
		AlwaysFor("spam@example.com", stub.Reject(transport.PhaseRcpt, 550, "5.7.1 we do not like you"))
	dead := &list{}
	sender := build(t, policy.Suppress{Next: relay, List: dead})
	for range 2 {
		_, err := sender.Send(t.Context(), mail(t, "gone@example.com", "full@example.com", "spam@example.com", "ok@example.com"))
		if err == nil {
			t.Error("no error")
		}
	}
	if diff := cmp.Diff([]string{"gone@example.com"}, dead.dead); diff != "" {
		t.Error(diff)
	}
}

func TestSuppressNeedsAList(t *testing.T) {
	if _, err := (policy.Suppress{Next: stub.New()}).Build(); err == nil {
		t.Error("built without a list")
	}
}

func ExampleSuppress() {
	relay := stub.New().AlwaysFor("gone@example.com", stub.Reject(transport.PhaseRcpt, 550, "5.1.1 no such user"))
	sender, err := policy.Suppress{Next: relay, List: &list{}}.Build() // a list of the program's own
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		_, err = sender.Send(context.Background(), note("gone@example.com"))
		fmt.Println(errors.Is(err, policy.ErrSuppressed))
	}
	// Output:
	// false
	// true
}
