// Package policy has transports that send over other transports: over several relays, again after a
// temporary failure, at a limited rate, by domain, with a copy.
//
// Each is a struct that describes it and a Build that checks the description:
//
//	both, err := policy.Failover{Relays: []transport.Transport{primary, backup}}.Build()
//	...
//	sender, err := policy.Retry{Next: both, MaxAttempts: 5}.Build()
//
// What Build returns is safe for concurrent use, owns the transports below it, and closes them when it is
// closed. Policies nest in any order, keep the windows of [transport.SendAll], and keep the contract of
// package transport: a recipient who was Accepted is never sent the mail again, and neither is one whose
// outcome is Unknown, unless [DangerousAtLeastOnce] was chosen.
package policy
