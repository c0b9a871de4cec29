// Package river keeps a queue and its ledger in PostgreSQL, in the tables of River, so that a mail is queued in the transaction of
// the order that it belongs to.
//
//	engine, err := river.Open(ctx, pool, river.Options{})
//	q, err := queue.New(engine, queue.Config{})
//	...
//	key, err := engine.EnqueueTx(ctx, tx, q, mail, queue.Job{Key: "order-4711/receipt"}) // commits or rolls back with tx
//
// A job is a row of river_job of the kind "depeche_mail" in River's queue "depeche", inserted by River's client and visible to
// River's tools, and a row of depeche_mail with what River has no place for. Workers are those of package queue, on any number
// of machines. A job has a lease of its own, by the clock of the database, so that one of a killed worker is taken soon: River
// by itself leaves it for an hour (RescueStuckJobsAfter).
//
// One session marks each process for as long as it lives: the pool must reach PostgreSQL itself, or a pooler that gives each client a
// session. When it breaks, or the server is started anew, it is opened again; until then the process begins nothing. What the
// process had begun stays its own if no other has taken it over, which fences and tokens decide. Once an hour each process deletes what
// is past its window.
package river
