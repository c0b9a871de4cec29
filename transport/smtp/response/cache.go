package response

import "bytes"

// cache remembers the last replies of one short line. A server gives the same answer to every MAIL
// and every RCPT, and in bulk the memory for their texts would be most of what a message costs.
type cache struct {
	lines   [8][]byte // as they came
	replies [8]Response
	next    int
}

// maxCached limits a remembered line.
const maxCached = 64

// find returns the remembered reply at the start of data and the length of its line, or 0.
func (c *cache) find(data []byte) (reply Response, size int) {
	for i := range c.lines {
		if line := c.lines[i]; len(line) > 0 && bytes.HasPrefix(data, line) {
			return c.replies[i], len(line)
		}
	}
	return Response{}, 0
}

// add remembers a reply that does not refuse in place of the oldest one.
func (c *cache) add(line []byte, reply Response) {
	if len(reply.Lines) != 1 || len(line) > maxCached || reply.Code.Severity() > Intermediate {
		return
	}
	c.lines[c.next] = append(c.lines[c.next][:0], line...)
	c.replies[c.next] = reply
	c.next = (c.next + 1) % len(c.lines)
}
