package response

import (
	"bufio"
	"errors"
	"io"
)

// NewReader returns a reader that holds the replies to a flight of many commands.
func NewReader(r io.Reader) *bufio.Reader { return bufio.NewReaderSize(r, MaxLine) }

// Read reads one reply from r. The error is a *ProtocolError for what is not a reply,
// io.ErrUnexpectedEOF for a reply that is cut off, io.EOF for none, or what r returned. Where many
// replies are read from one connection, a Parser that lives as long as it is cheaper.
func Read(r *bufio.Reader) (Response, error) { return new(Parser).Read(r) }

// Read reads one reply from r and leaves what is after it in r. It blocks as r does; the errors are
// those of the function Read.
func (p *Parser) Read(r *bufio.Reader) (Response, error) {
	for {
		if _, err := r.Peek(1); err != nil {
			if errors.Is(err, io.EOF) && p.IsPartial() {
				err = io.ErrUnexpectedEOF
			}
			return Response{}, err
		}
		buffered, _ := r.Peek(r.Buffered()) // cannot fail: it asks for what is there
		reply, used, err := p.Parse(buffered)
		_, _ = r.Discard(used) // nor can this
		if err != nil || !reply.IsZero() {
			return reply, err
		}
	}
}
