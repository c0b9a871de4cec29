package client

import (
	"fmt"
	"log/slog"
)

// String names the connection: its number, see [Conn.ID], and the server. It never blocks.
func (c *Conn) String() string {
	if c.cfg.Address == "" {
		return fmt.Sprintf("connection %d", c.wire.id)
	}
	return fmt.Sprintf("connection %d to %s", c.wire.id, c.cfg.Address)
}

// GoString returns what String returns, so that %#v does not show the fields of the connection.
func (c *Conn) GoString() string { return c.String() }

// LogValue returns the number and the server.
func (c *Conn) LogValue() slog.Value {
	return slog.GroupValue(slog.Uint64("connection", c.wire.id), slog.String("server", c.cfg.Address))
}
