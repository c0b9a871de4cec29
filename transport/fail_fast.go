package transport

import "context"

type failFastKey struct{}

// WithFailFast returns a ctx whose SendAll does not wait for a relay that is down: its mails fail at once, because the
// caller has another relay to go to, or counts failures.
func WithFailFast(ctx context.Context) context.Context {
	return context.WithValue(ctx, failFastKey{}, true)
}

// FailsFast reports whether a ctx comes from [WithFailFast].
func FailsFast(ctx context.Context) bool { return ctx.Value(failFastKey{}) != nil }
