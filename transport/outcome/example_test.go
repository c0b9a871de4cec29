package outcome_test

import (
	"fmt"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/outcome"
)

// A refusal says who is meant by it, which decides what to do: correct the address, the message, the configuration, or wait.
func ExampleFaultOf() {
	gone := outcome.Reply{Code: 550, Enhanced: "5.1.1", Lines: []string{"no such user"}}
	fmt.Println(outcome.FaultOf(outcome.PhaseRcpt, gone, false))
	denied := outcome.Reply{Code: 554, Lines: []string{"relay access denied"}}
	fmt.Println(outcome.FaultOf(outcome.PhaseRcpt, denied, false))
	tooBig := outcome.Reply{Code: 552, Enhanced: "5.3.4", Lines: []string{"message too big"}}
	fmt.Println(outcome.FaultOf(outcome.PhaseMail, tooBig, false))
	// Output:
	// recipient
	// relay
	// message
}

// Only an address that does not exist may be left out of later mail without asking.
func ExampleRecipientResult_MaySuppress() {
	to, _ := envelope.ParseAddress("gone@example.org")
	for _, code := range []string{"5.1.1", "5.7.1"} {
		reply := outcome.Reply{Code: 550, Enhanced: code}
		r := outcome.RecipientResult{Address: to, Outcome: outcome.Rejected, Reply: reply, Fault: outcome.FaultOf(outcome.PhaseRcpt, reply, false)}
		fmt.Println(code, r.MaySuppress())
	}
	// Output:
	// 5.1.1 true
	// 5.7.1 false
}

// The words of outcomes and faults are those of logs and JSON.
func ExampleOutcome() {
	for _, o := range []outcome.Outcome{outcome.NotSent, outcome.Accepted, outcome.Rejected, outcome.Deferred, outcome.Unknown} {
		fmt.Println(o)
	}
	// Output:
	// not sent
	// accepted
	// rejected
	// deferred
	// unknown
}
