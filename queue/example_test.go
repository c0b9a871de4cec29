package queue_test

import (
	"context"
	"fmt"

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
