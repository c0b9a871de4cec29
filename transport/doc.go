// Package transport is the one-method interface between what composes mail and what sends it, and
// the vocabulary of what is known afterwards.
//
// For most programs use package smtp, which sends through a relay, and stub or mailtest in tests; this
// package is for the types that they share, and for writing a transport of your own.
//
// A [Transport] takes a [Mail], which is an envelope and a message that can be written again and
// again, and returns a [Result] with one entry per recipient. The error of Send is nil if and only
// if every recipient is [Accepted]; otherwise it is (or wraps) a [*SendError] that carries the same
// Result. No caller has to parse an error text:
//
//	result, err := t.Send(ctx, mail)
//	var failed *transport.SendError
//	switch {
//	case err == nil: // every recipient accepted
//	case errors.As(err, &failed) && failed.Uncertain(): // may be delivered: do not send again blindly
//	case errors.As(err, &failed) && failed.SafeToRetry() && failed.Temporary(): // try again later
//	default: // some accepted, others not: result.Recipients says who, WithEnvelope sends to some, policy.Retry does both
//	}
//
// The rule of the outcomes: a recipient is Accepted only after the server said so for a message
// that had left completely, and NotSent, Deferred or Rejected only while it is certain that the
// server did not take the message. In between lies [Unknown].
//
// Implementations prove that they keep the contract with package transporttest.
//
// Transports over transports (failover, retry, limits, signing ...) are in package policy.
package transport
