package policy_test

import (
	"context"
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
)

// A relay that says that it is too much gets the mail again, at the time that it asks for.
func ExamplePace() {
	relay := stub.Named("relay").Next(stub.Reject(transport.PhaseMail, 450, "4.7.1 too many mails, try again in 1 seconds"))
	sender, err := policy.Pace{
		Next:   relay,
		Start:  policy.Rate{Count: 20},    // a second; without it the search begins with one
		WarmUp: []int{1000, 5000, 20_000}, // of a new address, day by day
		Max:    policy.Rate{Count: 100},   // whatever the relay takes
	}.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = transport.Close(sender) }()
	result, err := sender.Send(context.Background(), note("hei@example.org"))
	fmt.Println(result.Count(transport.Accepted), "accepted after", len(relay.Calls()), "attempts,", err)
	// Output: 1 accepted after 2 attempts, <nil>
}

// Two transports of one account, one for newsletters and one for passwords, send at one rate together.
func ExampleSharedPace() {
	together := new(policy.SharedPace)
	newsletter, err := policy.Pace{Next: stub.Named("relay"), Max: policy.Rate{Count: 50}, With: together}.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = transport.Close(newsletter) }()
	passwords, err := policy.Pace{Next: stub.Named("relay"), With: together}.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = transport.Close(passwords) }()
	result, err := passwords.Send(context.Background(), note("hei@example.org"))
	fmt.Println(result.Recipients[0].Outcome, err)
	// Output: accepted <nil>
}

// A quota is kept without waiting: what is beyond it is for a queue, which knows when to come again.
func ExampleQuota() {
	sender, err := policy.Quota{Next: stub.New(), Messages: 2}.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		result, _ := sender.Send(context.Background(), note("hei@example.org"))
		r := result.Recipients[0]
		fmt.Println(r.Outcome, r.RetryAfter.Round(time.Hour))
	}
	// Output:
	// accepted 0s
	// accepted 0s
	// deferred 24h0m0s
}
