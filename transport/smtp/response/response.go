package response

import (
	"fmt"
	"strconv"
	"strings"
)

// Response is one complete reply of a server.
type Response struct {
	Code Code
	// Enhanced is the enhanced status code where the first line has one of the reply's class.
	Enhanced Enhanced
	// Lines is the text of every line without code and enhanced status code, with control
	// characters and invalid UTF-8 replaced, so that it can be printed. It must not be changed:
	// replies of the same text share it.
	Lines []string
}

// IsZero reports whether r is the zero Response: there was no reply.
func (r Response) IsZero() bool { return r.Code == 0 }

// Text returns the lines joined by spaces.
func (r Response) Text() string { return strings.Join(r.Lines, " ") }

// String returns the reply on one line, such as "550 5.1.1 no such user".
func (r Response) String() string {
	size := len("550 5.999.999")
	for _, line := range r.Lines {
		size += len(line) + 1
	}
	b := strconv.AppendUint(make([]byte, 0, size), uint64(r.Code), 10)
	if !r.Enhanced.IsZero() {
		b = r.Enhanced.appendTo(append(b, ' '))
	}
	if len(r.Lines) == 1 && r.Lines[0] == "" {
		return string(b)
	}
	for _, line := range r.Lines {
		b = append(append(b, ' '), line...)
	}
	return string(b)
}

// ProtocolError says that what came from the server is not a reply. The connection cannot be used
// any more, because it is unknown which command the next line answers.
type ProtocolError struct {
	Reason string
	Line   string // the start of the line, made printable; "" where there was none
}

// Error names the reason and the line.
func (e *ProtocolError) Error() string {
	if e.Line == "" {
		return "protocol error: " + e.Reason
	}
	return fmt.Sprintf("protocol error: %s: %q", e.Reason, e.Line)
}

// TooManyRecipients reports whether a recipient was refused because the transaction has enough of
// them: 452, or 552 of old, unless an enhanced code says that it means something else (RFC 5321
// section 4.5.3.1.10).
func (r Response) TooManyRecipients() bool {
	if r.Code != InsufficientStorage && r.Code != ExceededStorage {
		return false
	}
	return r.Enhanced.IsZero() && r.Code == InsufficientStorage || r.Enhanced.Subject == 5 && r.Enhanced.Detail == 3
}

// AboutLoad reports whether a refusal of MAIL, or of what comes before it, is about what the server has to do at the moment, or
// has let this connection do, and not about the mail: 421, x.3.2 (RFC 3463 section 3.4), x.7.0 that speaks of too
// many, and 452 4.5.3, which OpenSMTPD says to the 101st mail.
func (r Response) AboutLoad() bool {
	switch e := r.Enhanced; {
	case r.Code == ServiceUnavailable:
		return true
	case !r.Code.IsTransient():
		return false
	case e.Subject == 3 && e.Detail == 2, e.Subject == 5 && e.Detail == 3:
		return true
	case e.Subject == 7 && e.Detail == 0:
		return strings.Contains(strings.ToLower(r.Text()), "too many")
	}
	return false
}

// IsBadConnection reports whether a reply for now says 4.4.2 (bad connection, RFC 3463 section 3.5), which servers say to a
// connection that was idle.
func (r Response) IsBadConnection() bool {
	return r.Code.IsTransient() && r.Enhanced == Enhanced{Class: 4, Subject: 4, Detail: 2}
}

// AboutConnections reports whether a reply says that the server has too many connections of this client, or, as Exchange
// Online puts it, too many threads for one sender.
func (r Response) AboutConnections() bool {
	text := strings.ToLower(r.Text())
	return strings.Contains(text, "thread limit") || strings.Contains(text, "connection") &&
		(strings.Contains(text, "too many") || strings.Contains(text, "concurrent") || strings.Contains(text, "limit"))
}
