package smtp

import "log/slog"

// String returns the address of the relay, which is Result.Relay too. It never blocks.
func (t *Transport) String() string { return t.config.Address }

// GoString returns what String returns, so that %#v does not show the configuration.
func (t *Transport) GoString() string { return t.String() }

// LogValue returns relay and user.
func (t *Transport) LogValue() slog.Value {
	list := []slog.Attr{slog.String("relay", t.config.Address)}
	if user := t.config.Mask.User(t.config.Credentials); user != "" {
		list = append(list, slog.String("user", user))
	}
	return slog.GroupValue(list...)
}
