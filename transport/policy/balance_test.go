package policy_test

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

func TestRoundRobinTurns(t *testing.T) {
	cases := map[string]struct {
		weights []int
		down    string // relays that are out of order
		want    string
	}{
		"equal":                {nil, "", "abcabcabc"},
		"weighted, mixed":      {[]int{5, 1, 1}, "", "aabacaaaabacaa"},
		"one out of order":     {nil, "b", "acacacac"},
		"heavy out of order":   {[]int{5, 1, 1}, "a", "bcbcbc"},
		"only one is in order": {nil, "ab", "cccc"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var relays []transport.Transport
			for _, name := range []string{"a", "b", "c"} {
				s := stub.Named(name)
				if strings.Contains(tc.down, name) {
					s.Always(stub.Fail(transport.PhaseDial, io.EOF))
				}
				relays = append(relays, s)
			}
			r := build(t, policy.Balance{Relays: relays, Weights: tc.weights})
			if tc.down != "" { // until the relays that are down are known
				for range 3 {
					_, _ = r.Send(t.Context(), mail(t, "x@example.org"))
				}
			}
			counts := map[string]int{}
			var got strings.Builder
			for range len(tc.want) {
				result, err := r.Send(t.Context(), mail(t, "x@example.org"))
				if err != nil {
					t.Fatal(err)
				}
				got.WriteString(result.Relay)
				counts[result.Relay]++
			}
			if tc.down == "" {
				if diff := cmp.Diff(tc.want, got.String()); diff != "" {
					t.Error(diff)
				}
			}
			for _, name := range []string{"a", "b", "c"} {
				if counts[name] != strings.Count(tc.want, name) {
					t.Errorf("turns %s, want as many of each as in %s", got.String(), tc.want)
				}
			}
		})
	}
}

// TestRoundRobinAfterRest: a relay that could not take part for a while does not get all of its turns at once.
func TestRoundRobinAfterRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := stub.Named("a").Next(stub.Fail(transport.PhaseDial, io.EOF)), stub.Named("b")
		r := build(t, policy.Balance{Relays: []transport.Transport{a, b}})
		turns := func(n int) (names string) {
			for range n {
				result, err := r.Send(t.Context(), mail(t, "x@example.org"))
				if err != nil {
					t.Fatal(err)
				}
				names += result.Relay
			}
			return names
		}
		if got := turns(12); got != strings.Repeat("b", 12) {
			t.Errorf("while a rests: %s", got)
		}
		time.Sleep(2 * time.Minute)
		if got := turns(8); strings.Count(got, "a") != 4 || strings.Contains(got, "aa") {
			t.Errorf("after its rest: %s", got)
		}
	})
}

func TestRoundRobinLeastLoaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := stub.Named("slow").Always(stub.Accept().WithDelay(time.Hour))
		fast := stub.Named("fast").Always(stub.Accept().WithDelay(time.Second))
		r := build(t, policy.Balance{Relays: []transport.Transport{slow, fast}, Weights: []int{2, 1}, Strategy: policy.StrategyLeastLoaded})
		var sends sync.WaitGroup
		for i := range 9 {
			sends.Go(func() {
				if _, err := r.Send(t.Context(), mail(t, fmt.Sprintf("x%d@example.org", i))); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		if a, b := len(slow.Calls()), len(fast.Calls()); a != 6 || b != 3 {
			t.Errorf("slow has %d, fast %d of 9 at once; want 2 to 1", a, b)
		}
		time.Sleep(time.Minute) // fast is idle again, slow is not
		for range 3 {
			result, _ := r.Send(t.Context(), mail(t, "x@example.org"))
			if result.Relay != "fast" {
				t.Errorf("sent by %s", result.Relay)
			}
		}
		sends.Wait()
	})
}

func TestRoundRobinMoves(t *testing.T) {
	a, b := stub.Named("a").Next(stub.Reject(transport.PhaseMail, 421)), stub.Named("b")
	r := build(t, policy.Balance{Relays: []transport.Transport{a, b}})
	result, err := r.Send(t.Context(), mail(t, "x@example.org"))
	if err != nil || result.Relay != "b" || len(a.Calls()) != 1 {
		t.Errorf("%v %v", fates(result), err)
	}
}
