package policy_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
)

// toNobody is a mail without a recipient.
type toNobody struct{ transport.Mail }

func (toNobody) Envelope() envelope.Envelope { return envelope.Envelope{} }

// held returns n mails that SendAll looks at only when all of them have been taken, and so hands on together, and what
// the caller calls then.
func held(t *testing.T, n int) (mails []transport.Mail, taken func()) {
	all := make(chan struct{})
	for range n {
		mails = append(mails, mail(t, "a@example.org"))
	}
	mails[0] = leaving{mails[0], func() { <-all }}
	return mails, sync.OnceFunc(func() { close(all) })
}

// TestPrepareKeepsNoMailBack: mails are handed to the steps several at a time, and those that were collected are handed
// over before SendAll waits for the caller's next mail, also when the last ones were refused at once.
func TestPrepareKeepsNoMailBack(t *testing.T) {
	const good, refused = 37, 40 // the last good ones are not enough to be handed over by their number
	sender := build(t, policy.Prepare{Next: stub.New(), Steps: []policy.Step{keep}, Ahead: 2})
	mails, taken := held(t, good)
	for range refused {
		mails = append(mails, toNobody{mails[1]})
	}
	done := make(chan struct{})
	sent := 0
	for range transport.SendAll(t.Context(), sender, func(yield func(transport.Mail) bool) {
		for _, m := range mails {
			if !yield(m) {
				return
			}
		}
		taken()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Error("mails wait for the caller's next one")
		}
	}) {
		if sent++; sent == good+refused {
			close(done)
		}
	}
	if sent != good+refused {
		t.Errorf("%d ends, want %d", sent, good+refused)
	}
}

// TestPrepareTogetherAndNoReturn: a step ends its goroutine in the middle of mails that were handed to it together. The
// others end all the same, and SendAll does.
func TestPrepareTogetherAndNoReturn(t *testing.T) {
	const n = 60
	var once sync.Once
	leave := func(_ context.Context, m transport.Mail) ([]transport.Mail, error) {
		once.Do(runtime.Goexit)
		return []transport.Mail{m}, nil
	}
	sender := build(t, policy.Prepare{Next: stub.New(), Steps: []policy.Step{leave}, Ahead: 2})
	mails, taken := held(t, n)
	ended := make(chan map[int]int)
	go func() {
		count := map[int]int{}
		defer func() { ended <- count }()
		for sent := range transport.SendAll(t.Context(), sender, func(yield func(transport.Mail) bool) {
			for _, m := range mails {
				if !yield(m) {
					return
				}
			}
			taken()
		}) {
			count[sent.Index]++
		}
	}()
	select {
	case count := <-ended:
		for i, times := range count {
			if times != 1 {
				t.Errorf("mail %d ended %d times", i, times)
			}
		}
	case <-time.After(20 * time.Second):
		t.Fatal("SendAll does not end")
	}
}
