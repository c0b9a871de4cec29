package smtp_test

import (
	"context"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// TestOneRelayInTwoPlaces: a SendAll that waits for mails keeps no connection from another user of the relay.
func TestOneRelayInTwoPlaces(t *testing.T) {
	srv := smtptest.NewServer(t)
	r := build(t, relay(srv).Pool(smtp.Pool{MaxOpen: 2}))
	archive, err := envelope.ParseAddress("archive@example.org")
	if err != nil {
		t.Fatal(err)
	}
	copies, err := policy.RedirectAll{Next: r, To: archive}.Build()
	if err != nil {
		t.Fatal(err)
	}
	both, err := policy.Tee{Next: r, Copy: copies}.Build()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // or it would hang
	defer cancel()
	n := 0
	for _, err := range transport.SendAll(ctx, both, func(yield func(transport.Mail) bool) {
		for range 20 {
			if !yield(mail(t, "b@example.org")) {
				return
			}
		}
	}) {
		if err != nil {
			t.Error(err)
		}
		n++
	}
	if n != 20 || len(srv.Messages()) != 40 {
		t.Errorf("%d results, %d messages", n, len(srv.Messages()))
	}
}

// TestShutdownWhileSendAllWaits: with nothing in flight there is nothing to wait for.
func TestShutdownWhileSendAllWaits(t *testing.T) {
	srv := smtptest.NewServer(t)
	r := build(t, relay(srv).Pool(smtp.Pool{MaxOpen: 1}))
	first, more := make(chan struct{}), make(chan struct{})
	done := make(chan int)
	go func() {
		n := 0
		for range transport.SendAll(t.Context(), r, func(yield func(transport.Mail) bool) {
			if yield(mail(t, "b@example.org")) {
				<-more
			}
		}) {
			n++
			close(first)
		}
		done <- n
	}()
	<-first
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // or it would hang
	defer cancel()
	if err := r.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	close(more)
	if n := <-done; n != 1 {
		t.Errorf("%d results", n)
	}
}

// TestLoopThatPanics: what a SendAll had taken is given back, whatever its caller's loop does.
func TestLoopThatPanics(t *testing.T) {
	srv := smtptest.NewServer(t)
	r := build(t, relay(srv).Pool(smtp.Pool{MaxOpen: 1}))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic came through")
			}
		}()
		for range transport.SendAll(t.Context(), r, func(yield func(transport.Mail) bool) {
			for range 1000 {
				if !yield(mail(t, "b@example.org")) {
					return
				}
			}
		}) {
			panic("the caller's")
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // or it would hang
	defer cancel()
	if _, err := r.Send(ctx, mail(t, "b@example.org")); err != nil {
		t.Error(err)
	}
	if err := r.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}
