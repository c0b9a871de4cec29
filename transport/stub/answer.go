package stub

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// Answer is how a call ends, or what becomes of one recipient of it. The zero Answer is NotSent
// without a reason; [Accept], [Fail], [Reject] and [LoseReply] make the ones that relays give.
type Answer struct {
	Outcome transport.Outcome
	Phase   transport.Phase // where the attempt ended; not used when Accepted
	Reply   transport.Reply // the relay's answer; zero when it did not speak
	Err     error           // the cause where it is not the reply
	// Delay passes before anything is said: a ctx that ends meanwhile leaves the mail NotSent.
	Delay time.Duration
	// ReplyDelay passes after the message has left: a ctx that ends meanwhile leaves it Unknown.
	ReplyDelay time.Duration
}

// Accept is the answer of a relay that takes the mail.
func Accept() Answer {
	return Answer{Outcome: transport.Accepted, Reply: transport.Reply{Code: 250, Lines: []string{"recorded"}}}
}

// Fail is an attempt that ends before the relay has the message: a dial that fails, a broken
// handshake, a refused login, a connection lost in the middle of the body. The recipients are
// NotSent.
func Fail(phase transport.Phase, cause error) Answer {
	return Answer{Outcome: transport.NotSent, Phase: phase, Err: cause}
}

// Reject is a relay's no in a phase: Deferred for a code of 4yz, Rejected for any other. An enhanced
// code that the text begins with, such as "5.1.1 no such user", goes where that of a relay goes.
func Reject(phase transport.Phase, code int, text ...string) Answer {
	a := Answer{Outcome: transport.Rejected, Phase: phase, Reply: transport.Reply{Code: code, Lines: text}}
	if len(text) > 0 {
		if enhanced := enhancedCode.FindString(text[0]); enhanced != "" && enhanced[0] == byte('0'+code/100) {
			a.Reply.Enhanced = strings.TrimSpace(enhanced)
			a.Reply.Lines = append([]string{text[0][len(enhanced):]}, text[1:]...)
		}
	}
	if code/100 == 4 {
		a.Outcome = transport.Deferred
	}
	return a
}

// enhancedCode is the beginning of a reply text with an enhanced code (RFC 2034 section 4).
var enhancedCode = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}(?: |$)`)

// errHangUp is why the verdict of [LoseReply] is missing.
var errHangUp = fmt.Errorf("stub: the relay hung up before its verdict: %w", io.ErrUnexpectedEOF)

// LoseReply is a connection that breaks after the whole message has left and before the verdict: Unknown.
func LoseReply() Answer {
	return Answer{Outcome: transport.Unknown, Phase: transport.PhaseFinal, Err: errHangUp}
}

// Withhold is the outcome of a recipient that a relay would have taken, in a mail that was not sent
// because another recipient was refused (all or nothing).
func Withhold() Answer { return Answer{Outcome: transport.NotSent, Phase: transport.PhaseRcpt} }

// WithDelay returns a with a pause before anything is said.
func (a Answer) WithDelay(d time.Duration) Answer {
	a.Delay = d
	return a
}

// WithReplyDelay returns a with a pause between the message and the verdict.
func (a Answer) WithReplyDelay(d time.Duration) Answer {
	a.ReplyDelay = d
	return a
}

// reads reports whether the message leaves before the answer comes.
func (a Answer) reads() bool {
	switch a.Outcome {
	case transport.Accepted, transport.Unknown:
		return true
	case transport.NotSent:
		return false
	case transport.Rejected, transport.Deferred:
	}
	return a.Phase == transport.PhaseFinal
}
