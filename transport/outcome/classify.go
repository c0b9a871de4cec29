package outcome

import (
	"strconv"
	"strings"
)

// FaultOf says who is meant by a refusal, from the phase in which it came, its codes and its text. shared says
// that the reply answers for several recipients at once, as the verdict on the content does in SMTP: such a reply
// never blames one of them. A reply that is not a refusal has no fault.
//
// The rules are in docs/outcomes.md. Where the reply does not say enough the answer is FaultUnknown: a good
// address that is blamed by mistake gets no mail any more.
func FaultOf(phase Phase, reply Reply, shared bool) Fault {
	if class := reply.Code / 100; class != 4 && class != 5 {
		return ofExitStatus(reply, shared)
	}
	s, ok := parseStatus(reply.Enhanced)
	text := strings.ToLower(strings.Join(reply.Lines, " "))
	fault, known := ofException(phase, reply.Code, s, text)
	switch {
	case known:
	case ok:
		fault = ofClass(phase, s, reply.Code)
	default:
		fault = ofCode(phase, reply.Code)
	}
	return inPhase(phase, fault, shared)
}

// inPhase keeps a reply from blaming a recipient who was not yet named, or one of several.
func inPhase(phase Phase, fault Fault, shared bool) Fault {
	if fault != FaultRecipient {
		return fault
	}
	switch phase {
	case PhaseMail:
		return FaultSender
	case PhaseAuth:
		return FaultAccount
	case PhaseGreeting, PhaseHello, PhaseTLS, PhaseDial:
		return FaultRelay
	}
	if shared {
		return FaultUnknown
	}
	return fault
}

// status is the subject and the detail of an enhanced status code (RFC 3463 section 2).
type status struct{ subject, detail int }

func parseStatus(enhanced string) (status, bool) {
	parts := strings.Split(enhanced, ".")
	if len(parts) != 3 {
		return status{}, false
	}
	subject, err := strconv.Atoi(parts[1])
	detail, other := strconv.Atoi(parts[2])
	return status{subject, detail}, err == nil && other == nil
}

// ofException finds replies that mean something else than their class says.
func ofException(phase Phase, code int, s status, text string) (Fault, bool) {
	switch code {
	case 530, 534, 535, 538, 432: // RFC 4954 section 6: logins that are missing, weak or wrong
		return FaultAccount, true
	case 454: // RFC 3207 section 4: no TLS now; RFC 4954 section 6: the login cannot be checked now
		if phase == PhaseTLS || phase == PhaseAuth {
			return FaultRelay, true
		}
	}
	if fault, ok := exceptions[s]; ok {
		return fault, true
	}
	if s == (status{4, 5}) && code/100 == 5 { // Gmail: 550 5.4.5 daily sending limit; 4.4.5 is congestion
		return FaultAccount, true
	}
	for _, form := range forms {
		if form.matches(text) {
			return form.fault, true
		}
	}
	return FaultUnknown, false
}

// exceptions are enhanced codes by their last two numbers.
var exceptions = map[status]Fault{
	{7, 8}:   FaultAccount, // authentication credentials invalid (RFC 4954 section 6)
	{7, 9}:   FaultAccount, // authentication mechanism is too weak
	{7, 11}:  FaultAccount, // encryption required for the mechanism
	{7, 13}:  FaultAccount, // user account disabled (RFC 5248 section 2.4)
	{7, 14}:  FaultAccount, // trust relationship required
	{7, 57}:  FaultAccount, // Exchange Online: client not authenticated
	{7, 60}:  FaultAccount, // Exchange Online: client does not have permissions to send as this sender
	{7, 64}:  FaultAccount, // Exchange Online: no tenant is found for the connection
	{2, 252}: FaultAccount, // Exchange Online: SendAsDenied
	{2, 3}:   FaultMessage, // message length exceeds administrative limit
	{3, 4}:   FaultMessage, // message too big for system
	{1, 7}:   FaultSender,  // bad sender's mailbox address syntax
	{1, 8}:   FaultSender,  // bad sender's system address
	{7, 27}:  FaultSender,  // sender address has null MX (RFC 7505 section 4.2)
}

// form is a way in which servers say something that their codes do not: one of any, and all of all.
type form struct {
	fault Fault
	any   []string
	all   []string
}

func (f form) matches(text string) bool {
	for _, part := range f.all {
		if !strings.Contains(text, part) {
			return false
		}
	}
	for _, part := range f.any {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// usedUp are texts about what a login may send: Gmail, SES, Microsoft, SendGrid, Mailgun, Oracle and hosters.
var usedUp = form{fault: FaultAccount, any: []string{
	"sending limit", "sending quota", "sending rate", "submission quota", "submission rate", "message quota",
	"daily user", "daily limit", "daily quota", "hourly limit", "hourly quota", "message submission rate",
	"credits exceeded", "messaging limits", "relay quota", "relay limit", "outgoing email quota", "per 24 hours", "sent per day reached",
	"sent per minute reached", "messages per hour exceeded", "recipients per hour exceeded", "hour limit",
}}

// tooFast are texts about how fast a relay takes mail, or over how many connections: Postfix, Exim, SES, Microsoft,
// rate limiters such as postfwd and policyd.
var tooFast = form{fault: FaultRelay, any: []string{
	"too much mail", "too many messages", "too many mails", "too many emails", "too many connections", "too many concurrent",
	"too many requests", "too many sessions", "concurrent connection", "connection limit", "connections limit", "connection rate",
	"thread limit", "rate limit", "ratelimit", "throttl", "slow down", "too fast", "messages per second", "messages per minute",
	"too many recipients from", "too many auth commands",
}}

// forms are texts about the account or the route that come with the codes of an unknown user: only these make a
// difference, and none of them blames a recipient.
var forms = []form{
	{fault: FaultAccount, any: []string{ // Postfix, Exim, Microsoft and hosters, to MAIL or RCPT
		"authentication required", "authentication is required", "authentication needed", "auth required",
		"authenticate first", "must authenticate", "please authenticate", "need to authenticate", "requires authentication",
		"not authenticated", "not logged in", "must log in", "must login", "log in first", "login first", "must issue a starttls",
		"sendasdenied", "send as this sender", "not owned by user", "not allowed to send as", "not permitted to send as",
	}},
	usedUp,
	tooFast,
	{fault: FaultRelay, any: []string{ // Postfix, Exim, Sendmail, qmail, Exchange: it does not serve this route
		"relay not permitted", "relaying not permitted", "relaying denied", "relay denied", "relay access denied", "unable to relay",
		"relaying not allowed", "relay not allowed", "relaying is not allowed", "relaying prohibited", "allowed rcpthosts",
		"open relay", "not an open relay", "we do not relay", "does not relay",
	}},
	{fault: FaultRelay, all: []string{"helo"}, any: []string{ // Postfix, to RCPT: what we call ourselves
		"command rejected", "invalid", "not found", "fully-qualified", "fully qualified",
	}},
}

// ofClass goes by the subject of the enhanced code (RFC 3463 section 3).
func ofClass(phase Phase, s status, code int) Fault {
	switch s.subject {
	case 1:
		return FaultRecipient
	case 2:
		if phase == PhaseMail { // a mailbox, and it is not said whose
			return FaultUnknown
		}
		return FaultRecipient
	case 3, 4:
		return FaultRelay
	case 5:
		return ofProtocol(phase)
	case 6:
		return FaultMessage
	case 7:
		return FaultPolicy
	}
	return ofCode(phase, code)
}

// ofProtocol is the fault of a command that the server did not take. To RCPT that may be about this address; what
// every recipient got is about the session, see [ResolveFaults].
func ofProtocol(phase Phase) Fault {
	if phase == PhaseRcpt || phase == PhaseFinal || phase == PhaseBody {
		return FaultUnknown
	}
	return FaultRelay
}

// ofCode goes by phase and basic code, which say less (RFC 5321 section 4.2.3).
func ofCode(phase Phase, code int) Fault {
	switch phase {
	case PhaseDial, PhaseGreeting, PhaseTLS, PhaseHello, PhaseReset:
		return FaultRelay
	case PhaseAuth:
		if code/100 == 4 {
			return FaultRelay
		}
		return FaultAccount
	}
	switch code {
	case 421, 454, 455, 521: // closing, no TLS now, parameters not now, host takes no mail (RFC 7504)
		return FaultRelay
	case 452: // no room, or too many recipients
		return FaultRelay
	case 500, 502, 503, 504, 555:
		return ofProtocol(phase)
	case 551, 556: // user not local, domain takes no mail
		return FaultRecipient
	case 552:
		if phase != PhaseRcpt { // to RCPT: a full mailbox, or too many recipients
			return FaultMessage
		}
	case 553:
		if phase == PhaseMail { // to RCPT it is also how qmail refuses to relay
			return FaultSender
		}
	}
	return FaultUnknown
}

// ofExitStatus reads the exit status of a program that sends mail (sysexits.h), which is small.
func ofExitStatus(reply Reply, shared bool) Fault {
	switch reply.Code {
	case 65, 66: // EX_DATAERR, EX_NOINPUT
		return FaultMessage
	case 67: // EX_NOUSER
		return inPhase(PhaseRcpt, FaultRecipient, shared)
	case 77: // EX_NOPERM
		return FaultAccount
	case 64, 69, 70, 71, 72, 73, 74, 75, 76, 78:
		return FaultRelay
	}
	return FaultUnknown
}

// ResolveFaults decides what one reply alone leaves open: that every recipient got a refusal about the protocol
// (5.5.z, or 500 to 504) is about the session and so about the relay.
func ResolveFaults(recipients []RecipientResult) {
	if len(recipients) == 0 {
		return
	}
	for i := range recipients {
		if r := &recipients[i]; r.Fault != FaultUnknown || !isProtocol(r.Reply) {
			return
		}
	}
	for i := range recipients {
		recipients[i].Fault = FaultRelay
	}
}

func isProtocol(r Reply) bool {
	if s, ok := parseStatus(r.Enhanced); ok {
		return s.subject == 5
	}
	switch r.Code {
	case 500, 502, 503, 504, 555:
		return true
	}
	return false
}

// MaySuppress reports whether the address may be put on a suppression list: the server said for good (5yz) that
// this mailbox does not exist (5.1.1), that its domain takes no mail (5.1.10), or that it is disabled (5.2.1). A
// bare 5yz is not enough, because servers use it for logins, sender addresses, block lists and routes too.
func (r RecipientResult) MaySuppress() bool {
	if r.Outcome != Rejected || r.Fault != FaultRecipient || r.Reply.Code/100 != 5 {
		return false
	}
	switch r.Reply.Enhanced {
	case "5.1.1", "5.1.10", "5.2.1":
		return true
	}
	return false
}
