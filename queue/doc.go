// Package queue delivers mail later, by workers that may run in other processes and on other machines.
//
//	q, err := queue.New(engine, queue.Config{})
//	key, err := q.Enqueue(ctx, mail, queue.Job{Key: "order-4711/receipt", At: tomorrow})
//
//	worker, err := queue.Work(q, relay).Build()
//	err = worker.Run(ctx) // until ctx ends; what is in flight is ended first
//
// A queue is not a Transport: queued is not Accepted. Each attempt goes through [ledger.Once] over the ledger of the engine,
// so recipients who have had the mail do not get it again, and a worker that was taken for dead and wakes up sends
// nothing: a lease says who should work, only the ledger says who may send.
//
// An [Engine] keeps the jobs. [Memory] is for tests and for programs whose queue may end with them. An engine of
// your own passes queue/queuetest.
package queue
