package signed

import (
	"testing"
	"time"

	"github.com/depeche-mail/depeche/dkim"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
)

// way is a transport over the relay of a benchmark.
type way func(transport.Transport) (transport.Transport, error)

// spent is what some mails took: time, and time with a core.
type spent struct{ wall, busy time.Duration }

// compare sends mails in turn by two ways, in rounds, so that a busy machine slows both.
func compare(b *testing.B, one, other way) (of, to spent) {
	b.Helper()
	const mails = 2000
	m := mail(b, octets("prose", 1<<10))
	var senders [2]transport.Transport
	for i, over := range []way{one, other} {
		s, err := over(relay(b))
		if err != nil {
			b.Fatal(err)
		}
		senders[i] = s
	}
	var sums [2]spent
	round := func(i int) {
		begin, beginBusy := time.Now(), busy()
		for sent, err := range transport.SendAll(b.Context(), senders[i], func(yield func(transport.Mail) bool) {
			for n := 0; n < mails && yield(m); n++ {
			}
		}) {
			if err != nil {
				b.Fatal(sent.Index, err)
			}
		}
		sums[i].wall += time.Since(begin)
		sums[i].busy += busy() - beginBusy
	}
	round(0) // connections and windows
	round(1)
	sums = [2]spent{}
	for n := 0; b.Loop(); n++ {
		round(n % 2) // who goes first changes
		round(1 - n%2)
	}
	return sums[0], sums[1]
}

// BenchmarkSendAllRatio compares ways to send, in turn: x is how many times the rate of the second the first has, x-cpu
// the same by the time for which each had a core.
func BenchmarkSendAllRatio(b *testing.B) {
	keys := keys(b)
	plain := func(next transport.Transport) (transport.Transport, error) { return next, nil }
	prepared := func(s *dkim.Signer, ahead int) way {
		return func(next transport.Transport) (transport.Transport, error) {
			return policy.Prepare{Next: next, Sign: s, Ahead: ahead}.Build()
		}
	}
	noStep := func(next transport.Transport) (transport.Transport, error) {
		return policy.Prepare{Next: next, Steps: []policy.Step{keep}}.Build()
	}
	noLimit := func(next transport.Transport) (transport.Transport, error) {
		return policy.Limit{Next: next, Recipients: 100}.Build()
	}
	noRetry := func(next transport.Transport) (transport.Transport, error) {
		return policy.Retry{Next: next, MaxAttempts: 3}.Build()
	}
	noFailover := func(next transport.Transport) (transport.Transport, error) {
		return policy.Failover{Relays: []transport.Transport{next, transport.Discard()}}.Build()
	}
	ed25519, rsa := signer(b, keys["Ed25519"]), signer(b, keys["RSA-2048"])
	for _, c := range []struct {
		name       string
		one, other way
	}{
		{"a step that does nothing to a limit that limits nothing", noStep, noLimit},
		{"a step that does nothing to a retry that is not needed", noStep, noRetry},
		{"a step that does nothing to a failover that is not needed", noStep, noFailover},
		{"RSA on all cores to one mail ahead", prepared(rsa, 0), prepared(rsa, 1)},
		{"Ed25519 to unsigned", prepared(ed25519, 0), plain},
	} {
		b.Run(c.name, func(b *testing.B) {
			of, to := compare(b, c.one, c.other)
			b.ReportMetric(float64(to.wall)/float64(of.wall), "x")
			b.ReportMetric(float64(to.busy)/float64(of.busy), "x-cpu")
		})
	}
}
