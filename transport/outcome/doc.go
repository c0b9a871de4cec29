// Package outcome has the words for what became of a mail: what is known of each recipient, in which phase
// something happened, what the server answered, who is meant by a refusal, and how long it took.
//
// Programs use them by the names of package transport, which repeats them all (transport.Accepted is
// outcome.Accepted). The package exists so that one connection (package client) and the transports over it
// share one vocabulary.
package outcome
