package queue_test

import (
	"context"
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/stub"
)

// A test of a program that queues mail: what is in the queue, and what goes when it is due.
func ExampleWorker_RunDue() {
	ctx := context.Background()
	q, err := queue.New(queue.NewMemory(), queue.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	from, _ := envelope.ParseAddress("shop@example.org")
	to, _ := envelope.ParseAddress("ann@example.org")
	env, _ := envelope.New(from, to)
	if _, err := q.Enqueue(ctx, transport.Raw(env, []byte("Subject: Hi\r\n\r\nHi\r\n")), queue.Job{Key: "welcome/ann"}); err != nil {
		fmt.Println(err)
		return
	}
	for job := range q.List(ctx) {
		fmt.Println(job.Key, job.State)
	}
	relay := stub.New()
	worker, err := queue.Work(q, relay).Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(worker.RunDue(ctx), len(relay.Messages()))
	// Output:
	// welcome/ann waiting
	// <nil> 1
}

// The waits between attempts double from the first to the longest; half of each is random.
func ExampleExponential() {
	wait := queue.Exponential(time.Minute, time.Hour)
	for _, attempts := range []int{1, 3, 20} {
		fmt.Println(attempts, wait(attempts) > 0, wait(attempts) <= time.Hour)
	}
	// Output:
	// 1 true true
	// 3 true true
	// 20 true true
}

// Two mails may go at once, and one more each second.
func ExampleLimit() {
	limit := queue.Limit{Every: time.Second, Burst: 2}
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	granted, next, _ := limit.Reserve(time.Time{}, now, 5)
	fmt.Println(granted)
	_, _, wait := limit.Reserve(next, now, 1)
	fmt.Println(wait)
	// Output:
	// 2
	// 1s
}
