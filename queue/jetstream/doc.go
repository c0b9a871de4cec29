// Package jetstream keeps a queue and its ledger in NATS JetStream, for one process or for several machines.
//
//	engine, err := jetstream.Embedded("/var/lib/app/mail").Open(ctx) // in this process, no port
//	...
//	q, err := queue.New(engine, queue.Config{Secrets: secrets})
//
// [Embedded] is a server in this process, whose folder one process at a time may use. [Setup.Cluster] joins it with others, on
// other machines, so that jobs are kept three times and workers on all of them share the work. [Over] uses a NATS that
// exists; several processes may do so.
//
// A job is one record in a stream, and everything that happens to it is one compare-and-set on that record; a process that is alone with its
// folder keeps leases, and claims on new keys, in its memory. The leases,
// the deadlines and the duplicate windows of JetStream's consumers are not used: a late acknowledgement is accepted there, a
// backoff replaces the deadline, and a key is forgotten by the clock. The ledger is records of the same kind: what one call
// writes is written in one atomic batch, so that of two workers who believe that they hold a mail one is refused.
package jetstream
