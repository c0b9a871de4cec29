package chaos_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// limits are short, so that a stalled connection does not take a minute.
func limits() client.Timeouts {
	const d = 400 * time.Millisecond
	return client.Timeouts{Dial: d, TLS: d, Reply: d, Data: d, Body: d, Final: d, Reset: d}
}

// sender is a way to send.
type sender struct {
	name string
	bulk bool
	make func(*testing.T, *bench) transport.Transport
}

// bench is what the senders of a round send to.
type bench struct {
	smtp, lmtp [2]*proxy
}

type step func(smtp.Builder) smtp.Builder

func relay(t *testing.T, p *proxy, lmtp bool, steps ...step) transport.Transport {
	t.Helper()
	b := smtp.DangerousPlaintext("127.0.0.1")
	if lmtp {
		b = smtp.LMTP("127.0.0.1")
	}
	b = b.Port(p.port()).Pool(smtp.Pool{MaxOpen: 4}).Timeouts(limits())
	for _, s := range steps {
		b = s(b)
	}
	sender, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return sender
}

func window(n int) step { return func(b smtp.Builder) smtp.Builder { return b.BulkWindow(n) } }

func resend(b smtp.Builder) smtp.Builder { return b.ResendUnsent() }

func chunking(use client.Chunking) step {
	return func(b smtp.Builder) smtp.Builder { return b.Chunking(use) }
}

func allOrNothing(b smtp.Builder) smtp.Builder { return b.AllOrNothing() }

func lockstep(b smtp.Builder) smtp.Builder { return b.DisableExtensions("PIPELINING", "CHUNKING") }

// one is a sender over the first server.
func one(name string, bulk, lmtp bool, steps ...step) sender {
	return sender{name, bulk, func(t *testing.T, b *bench) transport.Transport {
		t.Helper()
		if lmtp {
			return relay(t, b.lmtp[0], true, steps...)
		}
		return relay(t, b.smtp[0], false, steps...)
	}}
}

// two is a sender over both servers.
func two(name string, bulk bool, join func(first, second transport.Transport) (transport.Transport, error), steps ...step) sender {
	return sender{name, bulk, func(t *testing.T, b *bench) transport.Transport {
		t.Helper()
		sender, err := join(relay(t, b.smtp[0], false, steps...), relay(t, b.smtp[1], false, steps...))
		if err != nil {
			t.Fatal(err)
		}
		return sender
	}}
}

func senders() []sender {
	type tr = transport.Transport
	failover := func(first, second tr) (tr, error) {
		return policy.Failover{Relays: []tr{first, second}, On: policy.FailoverOnDeferred}.Build()
	}
	balance := func(first, second tr) (tr, error) { return policy.Balance{Relays: []tr{first, second}}.Build() }
	retry := func(first, second tr) (tr, error) {
		over, err := failover(first, second)
		if err != nil {
			return nil, err
		}
		return policy.Retry{Next: over, InitialBackoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond}.Build()
	}
	list := []sender{
		one("Send", false, false),
		one("Send DATA", false, false, chunking(client.ChunkingOff)),
		one("Send BDAT", false, false, chunking(client.ChunkingTrusted)),
		one("Send lockstep", false, false, lockstep),
		one("Send all or nothing", false, false, allOrNothing),
		one("Send LMTP", false, true),
		one("SendAll LMTP", true, true, window(20), resend),
		one("SendAll DATA", true, false, window(20), resend, chunking(client.ChunkingOff)),
		two("Failover", false, failover),
		two("Balance", false, balance),
		two("Retry over Failover", false, retry),
		two("Failover SendAll", true, failover, window(20), resend),
		two("Retry over Failover SendAll", true, retry, window(20), resend),
	}
	for _, n := range []int{1, 20, 64, 1000} {
		list = append(list, one(fmt.Sprint("SendAll ", n), true, false, window(n)))
		list = append(list, one(fmt.Sprint("SendAll resend ", n), true, false, window(n), resend))
	}
	return list
}

// run sends until stop, over a transport that is closed in the end.
func (s sender) run(t *testing.T, b *bench, r *round, stop <-chan struct{}) {
	sender := s.make(t, b)
	var workers sync.WaitGroup
	each := 3
	if s.bulk {
		each = 1
	}
	for range each {
		workers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if s.bulk {
					s.sendAll(t, sender, r)
				} else {
					s.send(t, sender, r)
				}
			}
		})
	}
	workers.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := transport.Shutdown(ctx, sender); err != nil {
		t.Errorf("%s: Shutdown: %v", s.name, err)
	}
}

// impatient returns a context that now and then ends soon.
func impatient(r *round) (context.Context, context.CancelFunc) {
	switch r.pick(12) {
	case 0:
		return context.WithTimeout(context.Background(), time.Duration(r.pick(3000))*time.Microsecond)
	case 1:
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Duration(r.pick(50_000))*time.Microsecond, cancel)
		return ctx, cancel
	}
	return context.WithTimeout(context.Background(), 30*time.Second)
}

// caught runs send, in which a mail may panic.
func (s sender) caught(t *testing.T, send func()) {
	defer func() {
		if v := recover(); v != nil && !strings.HasPrefix(fmt.Sprint(v), panicked) {
			t.Errorf("%s: panic: %v", s.name, v)
		}
	}()
	send()
}

func (s sender) send(t *testing.T, sender transport.Transport, r *round) {
	ctx, cancel := impatient(r)
	defer cancel()
	n, m := r.mail(s.name, true)
	s.caught(t, func() {
		result, err := sender.Send(ctx, m)
		s.end(t, r, n, result, err)
	})
}

func (s sender) end(t *testing.T, r *round, n int, result *transport.Result, err error) {
	if (err == nil) != result.AllAccepted() {
		t.Errorf("%s: mail %d: %v, and %v", s.name, n, result.Recipients, err)
	}
	if r.end(n, result) {
		t.Errorf("%s: mail %d ended twice", s.name, n)
	}
}

func (s sender) sendAll(t *testing.T, sender transport.Transport, r *round) {
	ctx, cancel := impatient(r)
	defer cancel()
	left := r.pick(2000)
	moody := r.pick(4) == 0 // a panic ends all of them
	if moody {
		left = r.pick(100)
	}
	var numbers sync.Map
	s.caught(t, func() {
		for sent, err := range transport.SendAll(ctx, sender, func(yield func(transport.Mail) bool) {
			for range left {
				n, m := r.mail(s.name, moody)
				numbers.Store(m, n)
				if !yield(m) {
					return
				}
			}
		}) {
			n, _ := numbers.Load(sent.Mail.(*mail))
			s.end(t, r, n.(int), sent.Result, err)
		}
	})
}
