package outcome_test

import (
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/transport/outcome"
	"github.com/google/go-cmp/cmp"
)

// TestDialectOfOthers: the words of a rate or a quota that many servers use, and the wait that a reply asks for.
func TestDialectOfOthers(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	const deferred, rejected = outcome.Deferred, outcome.Rejected
	const account, relay, policy, recipient = outcome.FaultAccount, outcome.FaultRelay, outcome.FaultPolicy, outcome.FaultRecipient
	for _, tc := range []struct {
		phase outcome.Phase
		reply string
		want  outcome.Meaning
	}{
		{outcome.PhaseMail, "550 5.4.5 Daily user sending limit exceeded", outcome.Meaning{Outcome: deferred, Fault: account}},
		{outcome.PhaseRcpt, "550 hourly quota of this user is used up", outcome.Meaning{Outcome: deferred, Fault: account}},
		{outcome.PhaseFinal, "552 5.2.2 message would take you over your relay quota of 500", outcome.Meaning{Outcome: deferred, Fault: account}},
		{outcome.PhaseMail, "450 4.7.1 Error: too much mail from 192.0.2.1", outcome.Meaning{Outcome: deferred, Fault: relay}},
		{outcome.PhaseMail, "550 5.7.1 rate limit exceeded, retry in 5 minutes", outcome.Meaning{Outcome: deferred, Fault: relay, RetryAfter: 5 * time.Minute}},
		{outcome.PhaseAuth, "550 too many messages. try again in 92 seconds.", outcome.Meaning{Outcome: deferred, Fault: relay, RetryAfter: 92 * time.Second}},
		{outcome.PhaseGreeting, "421 4.3.2 too many connections", outcome.Meaning{Outcome: deferred, Fault: relay}},
		{outcome.PhaseRcpt, "450 4.7.1 greylisted, try again after (300) seconds", outcome.Meaning{Outcome: deferred, Fault: policy, RetryAfter: 5 * time.Minute}},
		{outcome.PhaseRcpt, "450 4.2.1 wait 2 hours", outcome.Meaning{Outcome: deferred, Fault: recipient, RetryAfter: 2 * time.Hour}},
		{
			outcome.PhaseData, "421 not allowed to send: limit exceeded, try again after Sat, 28 Nov 2026 12:00:30 UTC",
			outcome.Meaning{Outcome: deferred, Fault: relay, RetryAfter: 30 * time.Second},
		},
		{outcome.PhaseData, "421 try again after Sat, 28 Nov 2026 11:59:00 UTC", outcome.Meaning{Outcome: deferred, Fault: relay}},
		{outcome.PhaseData, "421 try again after Fri, 01 Jan 2100 00:00:00 UTC", outcome.Meaning{Outcome: deferred, Fault: relay, RetryAfter: 7 * 24 * time.Hour}},
		{outcome.PhaseData, "451 in 99999999 days", outcome.Meaning{Outcome: deferred, RetryAfter: 7 * 24 * time.Hour}},
		{outcome.PhaseData, "451 in 4294967295 days in 0 seconds in x seconds in 5 lines", outcome.Meaning{Outcome: deferred}},
		// What is not about a rate stays what it is.
		{outcome.PhaseRcpt, "550 5.1.1 no such user, try again in 5 minutes", outcome.Meaning{Outcome: rejected, Fault: recipient}},
		{outcome.PhaseRcpt, "552 5.2.2 mailbox over quota", outcome.Meaning{Outcome: rejected, Fault: recipient}},
		{outcome.PhaseMail, "535 5.7.8 bad credentials", outcome.Meaning{Outcome: rejected, Fault: account}},
		{outcome.PhaseFinal, "250 2.0.0 ok, daily limit exceeded", outcome.Meaning{Outcome: rejected}}, // not a refusal: as it was
	} {
		if diff := cmp.Diff(tc.want, outcome.Dialect(nil).Read(tc.phase, reply(tc.reply), false, now)); diff != "" {
			t.Errorf("%s: %s\n%s", tc.phase, tc.reply, diff)
		}
	}
}

// TestDialectPhrase: a phrase fits by all that it names, the first that fits decides, and what a reply asks for itself
// comes before what the phrase says.
func TestDialectPhrase(t *testing.T) {
	d := outcome.Dialect{
		{Code: 550, Enhanced: "5.4.5", Text: "first", Phase: outcome.PhaseMail, Fault: outcome.FaultAccount, Passes: true, RetryAfter: time.Hour},
		{Code: 550, Enhanced: "5.4.", Fault: outcome.FaultPolicy},
	}
	for line, want := range map[string]string{
		"550 5.4.5 the first":                          "deferred account 1h0m0s",
		"550 5.4.5 the FIRST, try again in 9 seconds":  "deferred account 9s",
		"550 5.4.5 the second, try again in 9 seconds": "rejected policy 0s",
		"550 5.4.50 first":                             "rejected policy 0s",
		"551 5.4.5 first":                              "rejected account 0s",
		"550 5.40.5 first":                             "rejected unknown 0s",
		"450 4.4.5 first":                              "deferred relay 0s",
	} {
		m := d.Read(outcome.PhaseMail, reply(line), false, time.Time{})
		if got := strings.Join([]string{m.Outcome.String(), m.Fault.String(), m.RetryAfter.String()}, " "); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	if m := d.Read(outcome.PhaseData, reply("550 5.4.5 first"), false, time.Time{}); m.Fault != outcome.FaultPolicy {
		t.Errorf("in another phase: %+v", m)
	}
}

// FuzzRetryAfter: whatever a server writes, the wait is between 0 and a week, and a refusal for good has none.
func FuzzRetryAfter(f *testing.F) {
	for _, text := range []string{"try again in 92 seconds", "try again after Sat, 28 Nov 2026 12:00:30 UTC", "wait 1 day.", "in -5 seconds", "after 1 2 3"} {
		f.Add(450, text)
	}
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, code int, text string) {
		m := outcome.Dialect(nil).Read(outcome.PhaseRcpt, outcome.Reply{Code: code, Lines: []string{text}}, false, now)
		if m.RetryAfter < 0 || m.RetryAfter > 7*24*time.Hour || m.RetryAfter > 0 && m.Outcome != outcome.Deferred {
			t.Errorf("%+v", m)
		}
	})
}
