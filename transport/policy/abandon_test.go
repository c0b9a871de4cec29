package policy_test

import (
	"context"
	"iter"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
)

// forgetful takes three mails of a bulk and reports none of them.
type forgetful struct{ transport.Transport }

func (forgetful) SendAll(_ context.Context, mails iter.Seq[transport.Mail]) iter.Seq2[transport.BulkResult, error] {
	return func(func(transport.BulkResult, error) bool) {
		taken := 0
		for range mails {
			if taken++; taken == 3 {
				return
			}
		}
	}
}

// TestMailsEndOnceWhenTheCallerDoesNotReturn: a transport below forgets its mails, and the caller's function that is asked
// about the first of them ends its goroutine or panics. Each mail ends once, and SendAll ends.
func TestMailsEndOnceWhenTheCallerDoesNotReturn(t *testing.T) {
	for name, leave := range map[string]func(){
		"Goexit": runtime.Goexit,
		"panic":  func() { panic("the caller's") },
	} {
		t.Run(name, func(t *testing.T) {
			sender := build(t, policy.Retry{
				Next: forgetful{transport.Discard()}, Guarantee: policy.DangerousAtLeastOnce,
				ShouldRetry: func(*transport.SendError) bool { leave(); return true },
			})
			mails := []transport.Mail{mail(t, "a@example.org"), mail(t, "b@example.org"), mail(t, "c@example.org")}
			ended := make(chan map[int]int)
			go func() {
				count := map[int]int{}
				defer func() {
					_ = recover()
					ended <- count
				}()
				for sent := range transport.SendAll(t.Context(), sender, slices.Values(mails)) {
					count[sent.Index]++
				}
			}()
			for index, n := range <-ended {
				if n != 1 {
					t.Errorf("mail %d ended %d times", index, n)
				}
			}
		})
	}
}

// leaving is a mail whose envelope is asked for, and the caller's code does not return.
type leaving struct {
	transport.Mail
	leave func()
}

func (l leaving) Envelope() envelope.Envelope { l.leave(); return l.Mail.Envelope() }

// TestBulkEndsWhenTheCallerDoesNotReturn: code of the caller that is run while mails are taken, prepared or judged ends
// its goroutine or panics. The other mails end first, each once, and then SendAll ends as that code did.
func TestBulkEndsWhenTheCallerDoesNotReturn(t *testing.T) {
	for way, leave := range map[string]func(){"Goexit": runtime.Goexit, "panic": func() { panic("the caller's") }} {
		steps := func(at int32) []policy.Step {
			var calls atomic.Int32
			return []policy.Step{func(_ context.Context, m transport.Mail) ([]transport.Mail, error) {
				if calls.Add(1) == at {
					leave()
				}
				return []transport.Mail{m}, nil
			}}
		}
		refusing := func() transport.Transport {
			return stub.New().Always(stub.Reject(transport.PhaseMail, 451, "later").WithDelay(time.Millisecond))
		}
		places := map[string]func() transport.Transport{
			"a step": func() transport.Transport {
				return build(t, policy.Prepare{Next: refusing(), Steps: steps(5), Ahead: 1})
			},
			"a step ahead": func() transport.Transport {
				return build(t, policy.Prepare{Next: refusing(), Steps: steps(5), Ahead: 4})
			},
			"ShouldRetry": func() transport.Transport {
				var calls atomic.Int32
				return build(t, policy.Retry{Next: refusing(), InitialBackoff: 1, MaxBackoff: 1, ShouldRetry: func(*transport.SendError) bool {
					if calls.Add(1) == 5 {
						leave()
					}
					return true
				}})
			},
			"an envelope": func() transport.Transport {
				return build(t, policy.Retry{Next: refusing(), InitialBackoff: 1, MaxBackoff: 1})
			},
		}
		for place, made := range places {
			t.Run(place+"/"+way, func(t *testing.T) {
				for range 20 {
					sender := made()
					var mails []transport.Mail
					for i := range 12 {
						m := mail(t, "a@example.org")
						if place == "an envelope" && i == 6 {
							m = leaving{m, leave}
						}
						mails = append(mails, m)
					}
					ended := make(chan map[int]int)
					go func() {
						count := map[int]int{}
						defer func() {
							_ = recover()
							ended <- count
						}()
						for sent := range transport.SendAll(t.Context(), sender, slices.Values(mails)) {
							count[sent.Index]++
						}
						t.Error("SendAll ended as if all had returned")
					}()
					for index, n := range <-ended {
						if n != 1 {
							t.Errorf("mail %d ended %d times", index, n)
						}
					}
				}
			})
		}
	}
}
