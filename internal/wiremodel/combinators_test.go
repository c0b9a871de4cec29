package wiremodel_test

import (
	"slices"
	"testing"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
)

// wrappers are the transports that send a mail again by themselves.
func wrappers() []wrapper {
	type t = transport.Transport
	return []wrapper{
		{name: "Failover", build: func(first, second t) (t, error) {
			return policy.Failover{Relays: []t{first, second}, On: policy.FailoverOnDeferred}.Build()
		}},
		{name: "RoundRobin", build: func(first, second t) (t, error) {
			return policy.Balance{Relays: []t{first, second}, Weights: []int{1000, 1}}.Build()
		}},
		{name: "Retry", build: func(first, second t) (t, error) {
			over, err := policy.Retry{Next: first}.Build()
			return both{over, second}, err
		}},
		{name: "Failover over Retry", build: func(first, second t) (t, error) {
			over, err := policy.Retry{Next: first, MaxAttempts: 2}.Build()
			if err != nil {
				return nil, err
			}
			return policy.Failover{Relays: []t{over, second}}.Build()
		}},
		{name: "Retry at least once", again: true, build: func(first, second t) (t, error) {
			over, err := policy.Retry{Next: first, Guarantee: policy.DangerousAtLeastOnce}.Build()
			return both{over, second}, err
		}},
	}
}

// both closes a transport together with one that it does not use.
type both struct {
	transport.Transport
	unused transport.Transport
}

func (b both) Close() error {
	_ = transport.Close(b.unused) // never fails
	return transport.Close(b.Transport)
}

// TestCombinators plays the dialogues with at most two odd answers through the transports that send again:
// what the first relay has stored is never given to the second, nor to the first once more.
func TestCombinators(t *testing.T) {
	var tasks []task
	for _, wrap := range wrappers() {
		for _, form := range slices.Concat(forms(), windows()) {
			switch {
			case form.begin:
			case form.mails > 1:
				form.mails = 2
				tasks = append(tasks, task{form: form, state: state{name: "open", skip: 2}, wrap: &wrap, odd: odds(t, 0, 1)})
			default:
				for _, state := range states()[:2] {
					tasks = append(tasks, task{form: form, state: state, wrap: &wrap, odd: odds(t, 1-fewer, 2)})
				}
			}
		}
	}
	explore(t, tasks)
}
