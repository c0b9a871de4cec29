package client

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// EndedIdle reports whether the server ended the connection while nothing was asked of it, and after how long a silence.
// said means that it gave that as the reason, by 4.4.2 (RFC 3463 section 3.5).
func (c *Conn) EndedIdle() (after time.Duration, said, ok bool) {
	in := c.wire.lock()
	defer c.wire.unlock()
	var closed *closedError
	var unasked *response.ProtocolError
	switch {
	case errors.As(in.err, &closed):
		said = closed.response.IsBadConnection()
	case errors.As(in.err, &unasked):
		said = strings.Contains(unasked.Line, " 4.4.2 ")
	case errors.Is(in.err, errGone), errors.Is(in.err, io.EOF):
	default:
		return 0, false, false
	}
	return in.idled, said, in.idled > 0
}
