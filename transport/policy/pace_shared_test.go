package policy_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

// TestPacesTogether: two Paces that share send no faster together than one may alone, and each day of a warm-up has its number
// of mails for both.
func TestPacesTogether(t *testing.T) {
	for _, shared := range []bool{true, false} {
		t.Run(fmt.Sprintf("shared: %v", shared), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := stub.New()
				first := policy.Pace{Next: far, Start: policy.Rate{Count: 10}, Max: policy.Rate{Count: 10}, WarmUp: []int{50}, MaxWait: 48 * time.Hour}
				second := first
				if shared {
					first.With = new(policy.SharedPace)
					second = policy.Pace{Next: far, With: first.With, MaxWait: 48 * time.Hour}
				}
				begin := time.Now()
				both := []transport.Transport{build(t, first), build(t, second)}
				var sends sync.WaitGroup
				for i := range 100 {
					sends.Go(func() {
						if _, err := both[i%2].Send(t.Context(), mail(t, "x@example.org")); err != nil {
							t.Error(err)
						}
					})
				}
				sends.Wait()
				within := map[time.Duration]int{3 * time.Second: 0, 23 * time.Hour: 0}
				for _, at := range begins(far, begin, time.Millisecond) {
					for end := range within {
						if at <= end {
							within[end]++
						}
					}
				}
				want := map[time.Duration]int{3 * time.Second: 31, 23 * time.Hour: 50}
				if !shared {
					want = map[time.Duration]int{3 * time.Second: 62, 23 * time.Hour: 100}
				}
				if diff := within[3*time.Second] - want[3*time.Second]; diff < -4 || diff > 4 || within[23*time.Hour] != want[23*time.Hour] {
					t.Errorf("%v, want about %v", within, want)
				}
			})
		})
	}
}

// TestPaceLearnsForOthers: what the relay asked of one Pace holds for the other one, and the end of one is not that of the other.
func TestPaceLearnsForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := stub.New().Next(stub.Reject(transport.PhaseMail, 421, "4.7.0 too many mails, try again in 30 minutes"))
		other, together := stub.New(), new(policy.SharedPace)
		first, second := build(t, policy.Pace{Next: far, With: together}), build(t, policy.Pace{Next: other, With: together})
		begin := time.Now()
		var sends sync.WaitGroup
		for i, p := range []transport.Transport{first, second} {
			sends.Go(func() {
				time.Sleep(time.Duration(i) * time.Second) // of the bubble
				if _, err := p.Send(t.Context(), mail(t, "x@example.org")); err != nil {
					t.Error(err)
				}
			})
		}
		sends.Wait()
		got := [][]time.Duration{begins(far, begin, time.Minute), begins(other, begin, time.Minute)}
		if diff := cmp.Diff([][]time.Duration{{0, 30 * time.Minute}, {30 * time.Minute}}, got); diff != "" {
			t.Error(diff)
		}
		if err := transport.Close(first); err != nil {
			t.Error(err)
		}
		if _, err := second.Send(t.Context(), mail(t, "x@example.org")); err != nil {
			t.Error(err)
		}
	})
}

// TestSharedPaceHasOneSetting: a second Pace cannot set what the first one did.
func TestSharedPaceHasOneSetting(t *testing.T) {
	p := policy.Pace{Next: stub.New(), Start: policy.Rate{Count: 1}, With: new(policy.SharedPace)}
	build(t, p)
	p.Max, p.WarmUp, p.WarmUpFrom = policy.Rate{Count: 2}, []int{1}, time.Now()
	_, err := p.Build()
	var fields []string
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		if fault, ok := errors.AsType[*envelope.FieldError](e); ok {
			fields = append(fields, fault.Field)
		}
	}
	if diff := cmp.Diff([]string{"Start", "Max", "WarmUp", "WarmUpFrom"}, fields); diff != "" {
		t.Error(diff)
	}
}
