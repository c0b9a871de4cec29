package outcome

// Phase is the step of an attempt in which something happened.
type Phase string

// The phases in the order in which a relay goes through them. A transport without a connection
// uses those that fit.
const (
	PhaseMessage  Phase = "message"  // checks before anything is said, and reading the message
	PhaseWait     Phase = "wait"     // for a free connection
	PhaseDial     Phase = "dial"     // name resolution and connection
	PhaseTLS      Phase = "tls"      // STARTTLS and handshake
	PhaseGreeting Phase = "greeting" // the server's first line
	PhaseHello    Phase = "hello"    // EHLO, HELO or LHLO
	PhaseAuth     Phase = "auth"
	PhaseMail     Phase = "mail"  // the sender
	PhaseRcpt     Phase = "rcpt"  // the recipients
	PhaseData     Phase = "data"  // the announcement of the content
	PhaseBody     Phase = "body"  // the content
	PhaseFinal    Phase = "final" // the verdict on the content
	PhaseReset    Phase = "reset"
	PhaseQuit     Phase = "quit"
	PhaseCommand  Phase = "command" // a single command of the caller
)
