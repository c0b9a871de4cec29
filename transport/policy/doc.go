// Package policy has transports that send over other transports: over several relays, again after a
// temporary failure, at a limited rate, by domain, with a copy.
//
// Each is a struct that describes it and a Build that checks the description:
//
//	both, err := policy.Failover{Relays: []transport.Transport{primary, backup}}.Build()
//	...
//	sender, err := policy.Retry{Next: both, MaxAttempts: 5}.Build()
//
// Most programs need none of them, or a Failover of two relays, or a Retry for what is refused for now. A policy acts
// on what the policies below it report: a Retry above a Failover asks all relays again, one below it asks each relay
// several times before the next. Each type says where it belongs when that matters.
//
// What Build returns is safe for concurrent use, owns the transports below it, and closes them when it is
// closed. Policies nest in any order, keep the windows of [transport.SendAll], and keep the contract of
// package transport: a recipient who was Accepted is never sent the mail again, and neither is one whose
// outcome is Unknown, unless [DangerousAtLeastOnce] was chosen.
package policy
