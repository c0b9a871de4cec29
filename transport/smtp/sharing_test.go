package smtp_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// eachTakes is a relay that needs a time for each mail.
func eachTakes(d time.Duration) func(*smtptest.Config) {
	return func(c *smtptest.Config) {
		c.Forget = true
		c.Hooks = []smtptest.Hook{func(e smtptest.Event) smtptest.Action {
			if e.At == smtptest.End {
				time.Sleep(d) // of the bubble
			}
			return smtptest.Action{}
		}}
	}
}

// endless is a newsletter without an end, until ctx ends.
func endless(ctx context.Context, t *testing.T) func(func(transport.Mail) bool) {
	t.Helper()
	m := mail(t, "b@example.org")
	return func(yield func(transport.Mail) bool) {
		for ctx.Err() == nil && yield(m) {
		}
	}
}

// TestSendBesideSendAll: a Send beside a SendAll that uses all connections waits for the mails that are on their way over
// one connection, and no longer.
func TestSendBesideSendAll(t *testing.T) {
	for _, depth := range []int{1, 5} {
		for _, open := range []int{1, 4} {
			t.Run(fmt.Sprintf("window %d, %d connections", depth, open), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					const each = 50 * time.Millisecond
					_, b := inMemory(t, eachTakes(each))
					sender := build(t, b.BulkWindow(depth).Pool(smtp.Pool{MaxOpen: open}))
					ctx, cancel := context.WithCancel(t.Context())
					var newsletter sync.WaitGroup
					sent := 0
					newsletter.Go(func() {
						for range sender.SendAll(ctx, endless(ctx, t)) {
							sent++
						}
					})
					for range 20 {
						time.Sleep(777 * time.Millisecond)
						begin := time.Now()
						// Without an end, a Send that gets no connection would let the newsletter go on for ever.
						bounded, done := context.WithTimeout(ctx, 100*each)
						_, err := sender.Send(bounded, mail(t, "password@example.org"))
						done()
						if err != nil {
							t.Error(err)
							break
						}
						if took, most := time.Since(begin), time.Duration(depth+2)*each; took > most {
							t.Errorf("it took %v, a window takes %v", took, most)
						}
					}
					cancel()
					newsletter.Wait()
					if ideal := int(20 * 777 * time.Millisecond / each); sent < open*ideal*7/10 {
						t.Errorf("%d mails of the newsletter, alone it could have %d", sent, open*ideal)
					}
				})
			})
		}
	}
}

// TestTwoSendAlls: two newsletters have 40 to 60 % of the relay each over a minute, whichever began first.
func TestTwoSendAlls(t *testing.T) {
	for _, open := range []int{1, 3, 10} {
		t.Run(fmt.Sprintf("%d connections", open), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, builder := inMemory(t, eachTakes(20*time.Millisecond))
				sender := build(t, builder.Pool(smtp.Pool{MaxOpen: open}))
				ctx, cancel := context.WithTimeout(t.Context(), 70*time.Second)
				defer cancel()
				var sent [2]atomic.Int64
				var both sync.WaitGroup
				for i := range sent {
					both.Go(func() {
						for range sender.SendAll(ctx, endless(ctx, t)) {
							sent[i].Add(1)
						}
					})
					time.Sleep(5 * time.Second)
				}
				sent[0].Store(0) // what it has alone does not count
				both.Wait()
				a, b := float64(sent[0].Load()), float64(sent[1].Load())
				if share := a / (a + b); share < 0.4 || share > 0.6 {
					t.Errorf("the first has %.0f %% of %.0f mails", 100*share, a+b)
				}
			})
		})
	}
}

// TestHeldMailsGoOut: with fewer connections than workers, each mail that a worker has taken goes out soon although the
// newsletter does not end.
func TestHeldMailsGoOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := inMemory(t, func(c *smtptest.Config) {
			eachTakes(10 * time.Millisecond)(c)
			c.MaxConnections = 2
		})
		sender := build(t, b.Pool(smtp.Pool{MaxOpen: 10}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		seen, last := map[int]bool{}, 0
		for sent, err := range sender.SendAll(ctx, endless(ctx, t)) {
			if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) { // of ctx: a connection may see its end a moment before
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			seen[sent.Index] = true
			last = max(last, sent.Index)
		}
		for i := range last - 2000 { // 2 connections, 100 mails a second each, 10 s
			if !seen[i] {
				t.Fatalf("mail %d has not ended when mail %d has", i, last)
			}
		}
	})
}
