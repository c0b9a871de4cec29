package client

import (
	"errors"
	"io"
	"sync"

	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// replyReader reads replies. An idle connection keeps a small buffer only: the one for a flight of many replies
// is shared by all connections, and had from the first read that fills the small one until no reply is due.
type replyReader struct {
	from   io.Reader
	socket *peeker // that from reads from in the end
	parser response.Parser
	small  [512]byte
	large  *[response.MaxLine]byte // nil while small is used
	rest   []byte                  // what was read and not parsed
	full   bool                    // the last read has filled the buffer
	due    bool                    // the server has begun to answer, and goes on without a word from us
	err    error                   // of the last read, after rest
}

var largeBuffers = sync.Pool{New: func() any { return new([response.MaxLine]byte) }}

// read returns the next reply. It blocks as the connection does. The error is a *response.ProtocolError,
// io.ErrUnexpectedEOF for a reply that is cut off, io.EOF for none, or that of the connection.
func (r *replyReader) read() (response.Response, error) {
	for {
		if len(r.rest) == 0 {
			if err := r.fill(); err != nil {
				if errors.Is(err, io.EOF) && r.parser.IsPartial() {
					err = io.ErrUnexpectedEOF
				}
				return response.Response{}, err
			}
		}
		if reply, err := r.parse(); err != nil || !reply.IsZero() {
			return reply, err
		}
		r.due = true
	}
}

// parse returns the next reply of what was read; a zero one means that more is needed.
func (r *replyReader) parse() (response.Response, error) {
	reply, used, err := r.parser.Parse(r.rest)
	r.rest = r.rest[used:]
	return reply, err
}

// fill reads once. What was read before is acknowledged first where the server may wait for that, and more has not come
// for certain.
func (r *replyReader) fill() error {
	if r.due && !r.full {
		r.socket.acknowledge()
	}
	if r.full && r.large == nil {
		r.large = largeBuffers.Get().(*[response.MaxLine]byte)
	}
	buffer := r.small[:]
	if r.large != nil {
		buffer = r.large[:]
	}
	err := r.err
	r.err = nil
	for range 100 {
		if err != nil {
			return err
		}
		var n int
		n, err = r.from.Read(buffer)
		if n > 0 {
			r.rest, r.err, r.full = buffer[:n], err, n == len(buffer)
			return nil
		}
	}
	return io.ErrNoProgress
}

// relax gives the large buffer back, if nothing is in it.
func (r *replyReader) relax() {
	if r.large == nil || len(r.rest) > 0 {
		return
	}
	largeBuffers.Put(r.large)
	r.large, r.rest, r.full = nil, nil, false
}
