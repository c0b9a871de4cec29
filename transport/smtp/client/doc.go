// Package client speaks SMTP over one connection: greeting, EHLO, STARTTLS, AUTH, transactions and
// QUIT.
//
// Most programs use package smtp, which keeps connections in a pool and sends again what a dead one has lost. This is
// the layer below it, for programs that need one session in their own hands. A [Conn] belongs to one goroutine at a time. Every call takes a ctx that ends it at
// once, whatever the server does; each phase has a deadline of its own besides (see [Timeouts]).
//
// After an I/O or protocol error a Conn is broken: it is not known which command the next reply would
// answer, so it can only be closed. A refusal by the server (4yz, 5yz) does not break it.
package client
