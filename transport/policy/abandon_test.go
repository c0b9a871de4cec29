package policy_test

import (
	"context"
	"iter"
	"runtime"
	"slices"
	"testing"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
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
