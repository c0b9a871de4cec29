// Package otel makes OpenTelemetry spans and metrics of what transports do. It is an observer, for policy.Observe:
//
//	observer, err := otel.New(otel.Config{})
//	...
//	sender, err := policy.Observe{Next: relay, Observer: observer}.Build()
//
// It uses the API packages alone: which exporter there is, and how much is sampled, is decided by the providers of
// the program. A span is made when the mail has ended, from the times in the Result, so nothing is held while
// mails are sent, and windows of bulk mail stay as they are.
//
// No convention for email exists (open-telemetry/semantic-conventions issue 927), so names follow those of HTTP
// clients and of messaging; docs/observing.md has them in one table. No address, no subject, no text of a server and no
// secret is in any span or metric.
package otel
