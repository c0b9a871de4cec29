package outcome_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/outcome"
)

// reply reads a reply as a server writes it.
func reply(line string) outcome.Reply {
	code, text, _ := strings.Cut(line, " ")
	var r outcome.Reply
	if _, err := fmt.Sscan(code, &r.Code); err != nil {
		panic(err)
	}
	if first, rest, _ := strings.Cut(text, " "); len(first) > 2 && first[0] == code[0] && first[1] == '.' {
		r.Enhanced, text = first, rest
	}
	if text != "" {
		r.Lines = []string{text}
	}
	return r
}

// TestFaultOf has replies as servers of the field write them, each in the phase in which it comes.
func TestFaultOf(t *testing.T) {
	const (
		unknown, recipient, sender, message = outcome.FaultUnknown, outcome.FaultRecipient, outcome.FaultSender, outcome.FaultMessage
		relay, account, policy              = outcome.FaultRelay, outcome.FaultAccount, outcome.FaultPolicy
	)
	for _, tc := range []struct {
		phase outcome.Phase
		reply string
		want  outcome.Fault
	}{
		// The connection and the login.
		{outcome.PhaseGreeting, "554 no SMTP service here", relay},
		{outcome.PhaseGreeting, "421 4.7.0 too many connections from your address", relay},
		{outcome.PhaseGreeting, "421 busy", relay},
		{outcome.PhaseGreeting, "554 5.7.1 blocked by list.example.org", policy},
		{outcome.PhaseHello, "550 5.1.1 who are you?", relay},
		{outcome.PhaseHello, "504 5.5.2 need a fully-qualified name", relay},
		{outcome.PhaseTLS, "454 4.7.0 TLS not available", relay},
		{outcome.PhaseTLS, "454 TLS not available", relay},
		{outcome.PhaseAuth, "535 5.7.8 bad credentials", account},
		{outcome.PhaseAuth, "535 no", account},
		{outcome.PhaseAuth, "534 5.7.9 application-specific password required", account},
		{outcome.PhaseAuth, "538 5.7.11 encryption required", account},
		{outcome.PhaseAuth, "432 4.7.12 a password transition is needed", account},
		{outcome.PhaseAuth, "454 4.7.0 temporary authentication failure", relay},
		{outcome.PhaseAuth, "550 5.1.1 user is disabled", account},
		{outcome.PhaseAuth, "550 suspended", account},
		// What sounds like a remark on EHLO and is not.
		{outcome.PhaseRcpt, "550 user not found", unknown},
		{outcome.PhaseRcpt, "550 invalid recipient", unknown},
		{outcome.PhaseRcpt, "550 5.1.1 address not found", recipient},
		{outcome.PhaseRcpt, "504 5.5.2 <x>: helo command rejected: need fully-qualified hostname", relay},
		// MAIL never blames a recipient.
		{outcome.PhaseMail, "530 5.7.0 Authentication Required", account},
		{outcome.PhaseMail, "530 5.7.57 client not authenticated to send mail", account},
		{outcome.PhaseMail, "550 5.1.1 unknown", sender},
		{outcome.PhaseMail, "550 5.2.1 mailbox disabled", unknown},
		{outcome.PhaseMail, "553 5.1.7 invalid sender", sender},
		{outcome.PhaseMail, "553 bad sender", sender},
		{outcome.PhaseMail, "550 5.1.8 sender's domain does not exist", sender},
		{outcome.PhaseMail, "550 no", unknown},
		{outcome.PhaseMail, "552 5.3.4 message size exceeds fixed limit", message},
		{outcome.PhaseMail, "552 too big", message},
		{outcome.PhaseMail, "452 4.3.1 insufficient system storage", relay},
		{outcome.PhaseMail, "421 4.3.2 shutting down", relay},
		{outcome.PhaseMail, "503 5.5.1 EHLO first", relay},
		{outcome.PhaseMail, "451 4.7.1 try later", policy},
		{outcome.PhaseMail, "454 Throttling failure: Maximum sending rate exceeded.", account},
		{outcome.PhaseMail, "550 5.4.5 Daily user sending limit exceeded", account},
		// The recipients.
		{outcome.PhaseRcpt, "550 5.1.1 no such user", recipient},
		{outcome.PhaseRcpt, "550 5.1.10 null MX", recipient},
		{outcome.PhaseRcpt, "550 5.2.1 mailbox disabled", recipient},
		{outcome.PhaseRcpt, "452 4.2.2 mailbox is full", recipient},
		{outcome.PhaseRcpt, "552 5.2.2 over quota", recipient},
		{outcome.PhaseRcpt, "550 5.2.3 message length exceeds administrative limit", message},
		{outcome.PhaseRcpt, "551 user not local", recipient},
		{outcome.PhaseRcpt, "556 domain takes no mail", recipient},
		{outcome.PhaseRcpt, "550 user unknown", unknown},
		{outcome.PhaseRcpt, "550 blocked using list.example.org", unknown},
		{outcome.PhaseRcpt, "450 greylisted", unknown},
		{outcome.PhaseRcpt, "552 no room", unknown},
		{outcome.PhaseRcpt, "553 sorry, that domain isn't in my list of allowed rcpthosts", relay},
		{outcome.PhaseRcpt, "553 no", unknown},
		{outcome.PhaseRcpt, "450 4.1.8 sender address rejected: domain not found", sender},
		{outcome.PhaseRcpt, "550 5.7.27 sender domain has a null MX", sender},
		{outcome.PhaseRcpt, "450 4.7.1 greylisted", policy},
		{outcome.PhaseRcpt, "554 5.7.1 <joe@example.org>: Relay access denied", relay},
		{outcome.PhaseRcpt, "550 relay not permitted", relay},
		{outcome.PhaseRcpt, "550 5.7.1 Unable to relay", relay},
		{outcome.PhaseRcpt, "550 5.7.1 Client host rejected", policy},
		{outcome.PhaseRcpt, "504 5.5.2 <pc>: Helo command rejected: need fully-qualified hostname", relay},
		{outcome.PhaseRcpt, "450 4.7.1 <pc>: Helo command rejected: Host not found", relay},
		{outcome.PhaseRcpt, "504 5.5.2 syntax", unknown},
		{outcome.PhaseRcpt, "501 5.5.4 syntax", unknown},
		{outcome.PhaseRcpt, "503 authentication required", account},
		{outcome.PhaseRcpt, "550 Authentication is required for relay", account},
		{outcome.PhaseRcpt, "553 5.7.1 <a@example.org>: Sender address rejected: not owned by user b", account},
		{outcome.PhaseRcpt, "550 5.7.60 SMTP; Client does not have permissions to send as this sender", account},
		{outcome.PhaseRcpt, "451 4.3.0 queue file write error", relay},
		{outcome.PhaseRcpt, "450 4.4.3 DNS failure", relay},
		{outcome.PhaseRcpt, "550 5.4.1 access denied", relay},
		{outcome.PhaseRcpt, "521 host takes no mail", relay},
		{outcome.PhaseRcpt, "421 closing", relay},
		{outcome.PhaseRcpt, "452 too many recipients", relay},
		{outcome.PhaseRcpt, "450 4.9.9 no such subject", unknown},
		// The content.
		{outcome.PhaseData, "554 5.5.1 no valid recipients", relay},
		{outcome.PhaseFinal, "554 5.6.0 not RFC 5322", message},
		{outcome.PhaseFinal, "552 5.3.4 too big", message},
		{outcome.PhaseFinal, "550 5.7.1 looks like spam", policy},
		{outcome.PhaseFinal, "550 5.7.26 unauthenticated mail is rejected", policy},
		{outcome.PhaseFinal, "554 5.2.252 SendAsDenied; a@example.org not allowed to send as b@example.org", account},
		{outcome.PhaseFinal, "550 5.1.1 no such user", recipient}, // LMTP, or a mail to one
		{outcome.PhaseFinal, "554 no", unknown},
		{outcome.PhaseFinal, "451 4.3.0 later", relay},
		{outcome.PhaseFinal, "550 Message rejected: daily message quota exceeded", account},
		// No refusals, and programs.
		{outcome.PhaseFinal, "250 2.0.0 ok", unknown},
		{outcome.PhaseData, "354 go ahead", unknown},
		{outcome.PhaseFinal, "67 no such user", recipient},
		{outcome.PhaseFinal, "65 bad input", message},
		{outcome.PhaseFinal, "75 later", relay},
		{outcome.PhaseFinal, "77 not allowed", account},
		{outcome.PhaseFinal, "1 failed", unknown},
	} {
		if got := outcome.FaultOf(tc.phase, reply(tc.reply), false); got != tc.want {
			t.Errorf("%s: %s: the fault is %s, want %s", tc.phase, tc.reply, got, tc.want)
		}
	}
}

// TestFaultOfAll: over all phases and codes no recipient is blamed before RCPT, none by a reply that several
// share, and a refusal for good and for now mean the same.
func TestFaultOfAll(t *testing.T) {
	early := []outcome.Phase{
		outcome.PhaseDial, outcome.PhaseGreeting, outcome.PhaseHello, outcome.PhaseTLS, outcome.PhaseAuth, outcome.PhaseMail,
	}
	late := []outcome.Phase{outcome.PhaseRcpt, outcome.PhaseData, outcome.PhaseBody, outcome.PhaseFinal}
	for code := 400; code < 600; code++ {
		for subject := range 9 {
			for detail := range 15 {
				r := outcome.Reply{Code: code, Enhanced: fmt.Sprintf("%d.%d.%d", code/100, subject, detail)}
				if subject == 8 {
					r.Enhanced = ""
				}
				for _, phase := range early {
					if got := outcome.FaultOf(phase, r, false); got == outcome.FaultRecipient {
						t.Fatalf("%s: %s blames a recipient", phase, r)
					}
				}
				for _, phase := range late {
					if got := outcome.FaultOf(phase, r, true); got == outcome.FaultRecipient {
						t.Fatalf("%s: %s, which is about several, blames a recipient", phase, r)
					}
				}
			}
		}
	}
}

// TestResolveFaults: what each recipient was refused in the same way, as a matter of protocol, is the relay's.
func TestResolveFaults(t *testing.T) {
	const protocol, user = "504 5.5.2 who?", "550 5.1.1 no such user"
	for name, tc := range map[string]struct {
		replies []string
		want    string
	}{
		"all":             {[]string{protocol, "501 5.5.4 what?"}, "relay relay"},
		"one of two":      {[]string{protocol, "250 2.1.5 ok"}, "unknown unknown"},
		"beside a user":   {[]string{protocol, user}, "unknown recipient"},
		"without a code":  {[]string{"503 bad sequence", "503 bad sequence"}, "relay relay"},
		"another unknown": {[]string{"550 no", "550 no"}, "unknown unknown"},
		"none":            {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var list []outcome.RecipientResult
			for _, line := range tc.replies {
				r := reply(line)
				list = append(list, outcome.RecipientResult{Reply: r, Fault: outcome.FaultOf(outcome.PhaseRcpt, r, false)})
			}
			outcome.ResolveFaults(list)
			var got []string
			for _, r := range list {
				got = append(got, r.Fault.String())
			}
			if text := strings.Join(got, " "); text != tc.want {
				t.Errorf("%s, want %s", text, tc.want)
			}
		})
	}
}

// TestMaySuppress: only what a server said of this mailbox, and for good, takes an address off a list.
func TestMaySuppress(t *testing.T) {
	who, err := envelope.ParseAddress("joe@example.org")
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]bool{
		"550 5.1.1 no such user":     true,
		"556 5.1.10 null MX":         true,
		"550 5.2.1 mailbox disabled": true,
		"550 user unknown":           false,
		"450 4.1.1 not now":          false,
		"552 5.2.2 mailbox full":     false,
		"550 5.7.1 no":               false,
		"550 5.1.0 no":               false,
		"550 5.1.1 relay not permitted, authentication required": false,
	} {
		r := outcome.RecipientResult{Address: who, Outcome: outcome.Rejected, Reply: reply(line)}
		if r.Reply.Code/100 == 4 {
			r.Outcome = outcome.Deferred
		}
		r.Fault = outcome.FaultOf(outcome.PhaseRcpt, r.Reply, false)
		if got := r.MaySuppress(); got != want {
			t.Errorf("%s: %v, want %v", line, got, want)
		}
		r.Fault = outcome.FaultOf(outcome.PhaseMail, r.Reply, false)
		if r.MaySuppress() {
			t.Errorf("%s to MAIL suppresses a recipient", line)
		}
	}
}
