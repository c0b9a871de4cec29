package policy_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

// TestFailoverRestEnds: a relay that failed once is asked first again when its rest is over, although the other
// relays work.
func TestFailoverRestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := stub.Named("a").Next(stub.Fail(transport.PhaseDial, context.DeadlineExceeded)), stub.Named("b")
		f := build(t, policy.Failover{Relays: []transport.Transport{a, b}, RetryPeriod: 15 * time.Second})
		var got []string
		for _, pause := range []time.Duration{0, 14 * time.Second, time.Second} {
			time.Sleep(pause)
			result, _ := f.Send(t.Context(), mail(t, "x@example.org"))
			got = append(got, fates(result)[0])
		}
		if diff := cmp.Diff([]string{"accepted b", "accepted b", "accepted a"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

// TestFailoverOnNoTLSNow: 454 speaks of the relay (RFC 3207 section 4, RFC 4954 section 6), so the recipient goes to
// the next one; 451 without an enhanced code may speak of the recipient and stays.
func TestFailoverOnNoTLSNow(t *testing.T) {
	for code, want := range map[int]string{454: "accepted b", 451: "deferred a"} {
		a, b := stub.Named("a").Always(stub.Reject(transport.PhaseMail, code, "later")), stub.Named("b")
		f := build(t, policy.Failover{Relays: []transport.Transport{a, b}})
		result, _ := f.Send(t.Context(), mail(t, "x@example.org"))
		if got := fates(result)[0]; got != want {
			t.Errorf("%d: %s, want %s", code, got, want)
		}
	}
}

// TestWithheldAfterClosing: a relay that keeps an all-or-nothing mail back because it refused a recipient has judged
// the mail; one that closes the session by 421 has not, so that the others go to the next relay.
func TestWithheldAfterClosing(t *testing.T) {
	for code, want := range map[int][]string{
		421: {"rejected a", "accepted b", "accepted b"},
		452: {"rejected a", "deferred a", "not sent a"},
	} {
		a := transport.Func(func(_ context.Context, m transport.Mail) (*transport.Result, error) {
			refused, later := transport.Reply{Code: 550}, transport.Reply{Code: code}
			result := transport.NewResult(m.Envelope(), transport.NotSent, transport.Reply{})
			result.Relay = "a"
			result.Recipients[0].Outcome, result.Recipients[0].Reply = transport.Rejected, refused
			result.Recipients[1].Outcome, result.Recipients[1].Reply = transport.Deferred, later
			return result, &transport.SendError{Result: result, Phase: transport.PhaseRcpt, Reply: later}
		})
		f := build(t, policy.Failover{Relays: []transport.Transport{a, stub.Named("b")}, On: policy.FailoverOnDeferred})
		result, _ := f.Send(t.Context(), mail(t, "x@example.org", "y@example.org", "z@example.org"))
		if diff := cmp.Diff(want, fates(result)); diff != "" {
			t.Errorf("%d: %s", code, diff)
		}
	}
}

// TestRetryJitter: mails that failed together do not come back together.
func TestRetryJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = time.Hour
		waits := map[time.Duration]bool{}
		for range 20 {
			relay := stub.New().Next(stub.Reject(transport.PhaseMail, 451, "later"))
			sender := build(t, policy.Retry{Next: relay, InitialBackoff: most, MaxBackoff: most})
			begin := time.Now()
			if _, err := sender.Send(t.Context(), mail(t, "x@example.org")); err != nil {
				t.Fatal(err)
			}
			wait := time.Since(begin)
			if wait > most {
				t.Errorf("waited %v, want at most %v", wait, most)
			}
			waits[wait] = true
		}
		if len(waits) < 19 {
			t.Errorf("20 mails came back at %d different times", len(waits))
		}
	})
}
