package stub_test

import (
	"context"
	"fmt"
	"io"
	"log"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/stub"
)

func Example() {
	relay := stub.New().
		Next(stub.Fail(transport.PhaseDial, io.EOF)).
		AlwaysFor("gone@example.org", stub.Reject(transport.PhaseRcpt, 550, "no such user"))

	var to [2]envelope.Address
	for i, s := range []string{"hei@example.org", "gone@example.org"} {
		a, err := envelope.ParseAddress(s)
		if err != nil {
			log.Fatal(err)
		}
		to[i] = a
	}
	env, err := envelope.New(to[0], to[:]...)
	if err != nil {
		log.Fatal(err)
	}
	mail := transport.Raw(env, []byte("Subject: Be happy!\r\n\r\nBe happy!\r\n"))
	for range 2 {
		result, _ := relay.Send(context.Background(), mail)
		for _, r := range result.Recipients {
			fmt.Println(r.Address, r.Outcome, r.Reply.Code)
		}
	}
	parsed, err := relay.Messages()[0].Parse()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(relay.Calls()), "calls,", parsed.Header.Get("Subject"))
	// Output:
	// hei@example.org not sent 0
	// gone@example.org not sent 0
	// hei@example.org accepted 250
	// gone@example.org rejected 550
	// 2 calls, Be happy!
}

// Answers are played in order, and then every mail is accepted.
func ExampleAnswer() {
	relay := stub.New().Next(stub.Reject(transport.PhaseMail, 451, "try later"), stub.LoseReply())
	env, err := envelope.Parse("app@example.org", "hei@example.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		result, _ := relay.Send(context.Background(), transport.Raw(env, []byte("Subject: x\r\n\r\nx\r\n")))
		fmt.Println(result.Recipients[0].Outcome)
	}
	for _, call := range relay.Calls() {
		fmt.Print(len(call.Data), " ")
	}
	fmt.Println(len(relay.Messages()), "messages")
	// Output:
	// deferred
	// unknown
	// accepted
	// 0 17 17 2 messages
}
