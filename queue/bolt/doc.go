// Package bolt keeps a queue and its ledger in a folder, for one process at a time.
//
//	engine, err := bolt.Open("/var/lib/app/mail", bolt.Options{})
//	...
//	q, err := queue.New(engine, queue.Config{Secrets: secrets})
//
// A job is on the disk when Enqueue returns, and its end when the worker goes on. What was in hand when the process
// was killed is due again at once, and the ledger knows what was sent. The order of jobs is kept in memory, some
// hundred octets for each; the mail is on the disk alone. After a failed write or sync, as on a full disk, every call
// fails until the folder is opened again.
package bolt
