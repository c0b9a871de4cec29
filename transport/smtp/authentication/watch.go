package authentication

import "context"

type watchKey struct{}

// WithWatch returns a ctx in which f is told of each secret that a source was asked for; err is why there was
// none. f may be called from several goroutines and must return soon.
func WithWatch(ctx context.Context, f func(err error)) context.Context {
	return context.WithValue(ctx, watchKey{}, f)
}

// tellWatch tells the watch of ctx, if there is one.
func tellWatch(ctx context.Context, err error) {
	if f, ok := ctx.Value(watchKey{}).(func(error)); ok {
		f(err)
	}
}
