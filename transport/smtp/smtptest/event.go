package smtptest

import (
	"slices"
	"strings"
)

// The points at which hooks are asked, besides the verbs of commands.
const (
	Connect   = "(connect)"   // after the accept, before anything; no reply of its own
	Greeting  = "(greeting)"  // the 220
	Handshake = "(handshake)" // before the TLS handshake, after the 220 of STARTTLS; no reply of its own
	Secured   = "(secured)"   // after the TLS handshake; no reply of its own
	Challenge = "(challenge)" // each 334 of AUTH
	Chunk     = "(chunk)"     // a BDAT line came, its octets were not read; a reply here leaves them unread
	Body      = "(body)"      // the content begins: after the 354, or with the first chunk; no reply of its own
	End       = "(end)"       // the reply to the end of the content, by dot or BDAT LAST; for LMTP per recipient
)

// The verbs of commands; any other verb works as well.
const (
	Ehlo     = "EHLO"
	Helo     = "HELO"
	Lhlo     = "LHLO"
	StartTLS = "STARTTLS"
	Auth     = "AUTH"
	Mail     = "MAIL"
	Rcpt     = "RCPT"
	Data     = "DATA"
	Bdat     = "BDAT" // the reply to a chunk that is not the last, or that is refused for its place
	Rset     = "RSET"
	Noop     = "NOOP"
	Quit     = "QUIT"
)

// Event is a point in a session at which the server asks what to do.
type Event struct {
	At          string   // one of the points, or an upper-case verb
	Ordinal     int      // the how-many-th At of this session, from 1
	Session     int      // from 1, in the order of the accepts
	Transaction int      // the how-many-th accepted MAIL of this session; 0 before the first
	Line        string   // the command line without its end
	From        string   // the sender of the transaction
	Recipient   string   // for RCPT and for LMTP at End
	Recipients  int      // accepted so far
	To          []string // their addresses; the slice must not be changed
	User        string   // of AUTH
	TLS         bool
	Octets      int64  // content so far
	Reply       string // what the server would say; "" where it says nothing
}

// Hook is asked at each event, by the goroutine of the session, so by several at the same time. The
// zero Action lets the next hook decide, and at last the server itself.
type Hook func(Event) Action

// On returns a hook with one action for every event at a point.
func On(at string, do Action) Hook { return Script(Case{At: at, Do: do}) }

// Case is one case of a script; a zero field fits every event.
type Case struct {
	At          string
	Ordinal     int
	Session     int
	Transaction int
	Recipient   string
	Do          Action
}

// Script returns a hook that does what the first fitting case says.
func Script(cases ...Case) Hook {
	return func(e Event) Action {
		for _, c := range cases {
			if fits(c.At, e.At) && fits(c.Ordinal, e.Ordinal) && fits(c.Session, e.Session) &&
				fits(c.Transaction, e.Transaction) && fits(c.Recipient, e.Recipient) {
				return c.Do
			}
		}
		return Action{}
	}
}

func fits[T comparable](want, got T) bool {
	var zero T
	return want == zero || want == got
}

// ask asks the hooks about an event.
func (s *session) ask(at, own string) Action {
	s.ordinals[at]++
	e := Event{
		At: at, Ordinal: s.ordinals[at], Session: s.info.ID, Transaction: s.transactions, Line: s.command,
		From: s.from.Address, Recipient: s.recipient, Recipients: len(s.recipients), To: slices.Clip(s.accepted),
		User: s.info.User, TLS: s.phase.tls, Reply: strings.TrimRight(own, "\r\n"),
	}
	if s.message != nil {
		e.Octets = s.message.Size
	}
	for _, hook := range *s.server.hooks.Load() {
		if action := hook(e); action.steps != nil {
			return action
		}
	}
	return Action{}
}
