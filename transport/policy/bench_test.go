package policy_test

import (
	"context"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
)

// BenchmarkCombinators is what the transports in between cost: three in one another, over one that
// does nothing.
func BenchmarkCombinators(b *testing.B) {
	over := func(t transport.Transport, err error) transport.Transport {
		if err != nil {
			b.Fatal(err)
		}
		return t
	}
	nothing := transport.Discard()
	guarded := over(policy.Breaker{Next: nothing}.Build())
	both := over(policy.Failover{Relays: []transport.Transport{guarded, transport.Discard()}}.Build())
	nested := over(policy.Retry{Next: both}.Build())

	env, err := envelope.New(envelope.Address{}, parse("x@example.org"))
	if err != nil {
		b.Fatal(err)
	}
	mail := transport.Raw(env, []byte("Subject: x\r\n\r\nx\r\n"))
	for name, t := range map[string]transport.Transport{"nothing": nothing, "nested": nested} {
		b.Run("Send/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := t.Send(context.Background(), mail); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("SendAll/"+name, func(b *testing.B) {
			b.ReportAllocs()
			mails := func(yield func(transport.Mail) bool) {
				for b.Loop() {
					if !yield(mail) {
						return
					}
				}
			}
			for _, err := range transport.SendAll(context.Background(), t, mails) {
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
