package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

// change replaces one record, if it is still the one that was seen.
type change struct {
	subject string
	seen    uint64 // the sequence number of the record that is replaced; 0 for none
	blind   bool   // replaces whatever there is
	head    string // kept in a header, which is what watchers get
	data    []byte
	keep    time.Duration // the server deletes it after that; 0 means never
}

const (
	headHeader  = "Depeche-Head"
	writeHeader = "Depeche-Write" // names the write, to recognise it when its answer was lost
)

// maxBatch is how many records one atomic batch may have, the server's standard limit.
const maxBatch = 1000

// stream is a stream of records, one for each subject.
type stream struct {
	conn   *nats.Conn
	name   string
	direct bool          // one server keeps it, so that any read is the newest
	slots  chan struct{} // for batches under way, of which the server allows a number

	highest atomic.Uint64 // the number of the last message that this process knows of
	group   group
}

func newStream(conn *nats.Conn, name string, direct bool) *stream {
	const atOnce = 12 // the server allows 50 for a stream, from all processes
	return &stream{conn: conn, name: name, direct: direct, slots: make(chan struct{}, atOnce)}
}

// commit makes all changes or none, as write does, in a batch of its own.
func (s *stream) commit(changes []change) (first uint64, err error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience+2*allowance(changes), ErrUnreachable)
	defer cancel()
	id, lost := nuid.Next(), false
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		first, err = s.writeOnce(ctx, changes, id)
		var said *apiError
		switch {
		case err == nil:
			s.know(first + uint64(len(changes)-1))
			return first, nil
		case lost && errors.Is(err, errConflict): // perhaps with our own write, whose answer was lost
			return s.written(ctx, changes, id)
		case errors.As(err, &said) && !said.passing(), errors.Is(err, errConflict), errors.Is(err, nats.ErrConnectionClosed):
			if lost {
				err = errors.Join(err, errUncertain)
			}
			return 0, err
		case errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
			lost = true
		}
		select {
		case <-ctx.Done():
			return 0, errors.Join(context.Cause(ctx), err)
		case <-time.After(wait):
		}
	}
}

// patience is how long a call waits for a server; the election of a leader takes some seconds.
const (
	patience = 30 * time.Second
	attempt  = 3 * time.Second // after which the same is asked again
)

// allowance is how much longer a write may take because of its size.
func allowance(changes []change) (more time.Duration) {
	const slow = 1 << 20 // octets a second
	for _, c := range changes {
		more += time.Duration(len(c.data)+len(c.head)) * time.Second / slow
	}
	return more
}

// writeOnce publishes one batch, or one record without one.
func (s *stream) writeOnce(ctx context.Context, changes []change, id string) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, attempt+allowance(changes))
	defer cancel()
	batch := ""
	if len(changes) > 1 {
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		batch = nuid.Next() // one that the server does not know from an attempt before
	}
	for i, c := range changes {
		m := c.message(id)
		if batch != "" {
			m.Header.Set("Nats-Batch-Id", batch)
			m.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
		}
		if i < len(changes)-1 {
			if err := s.conn.PublishMsg(m); err != nil {
				return 0, err
			}
			continue
		}
		if batch != "" {
			m.Header.Set("Nats-Batch-Commit", "1")
		}
		answer, err := s.conn.RequestMsgWithContext(ctx, m)
		if err != nil {
			return 0, err
		}
		return readAck(answer.Data, len(changes))
	}
	return 0, errors.New("a write without a change")
}

func (c change) message(id string) *nats.Msg {
	m := nats.NewMsg(c.subject)
	m.Data = c.data
	m.Header.Set(writeHeader, id)
	if !c.blind {
		m.Header.Set("Nats-Expected-Last-Subject-Sequence", strconv.FormatUint(c.seen, 10))
	}
	if c.head != "" {
		m.Header.Set(headHeader, c.head)
	}
	if c.keep > 0 {
		m.Header.Set("Nats-TTL", strconv.Itoa(max(int(c.keep/time.Second), 1))+"s")
	}
	return m
}

// readAck reads the answer to n records.
func readAck(data []byte, n int) (first uint64, err error) {
	var ack struct {
		Seq   uint64    `json:"seq"`
		Error *apiError `json:"error"`
	}
	if err := json.Unmarshal(data, &ack); err != nil {
		return 0, fmt.Errorf("the answer %.80q of JetStream: %w", data, err)
	}
	switch {
	case ack.Error != nil && (ack.Error.ErrCode == wrongLastSequence || ack.Error.ErrCode == wrongLastSequenceBusy):
		return 0, errConflict
	case ack.Error != nil:
		return 0, ack.Error
	case ack.Seq < uint64(n):
		return 0, fmt.Errorf("the answer %.80q of JetStream has no sequence number", data)
	}
	return ack.Seq - uint64(n) + 1, nil
}

// written finds out whether a write was made whose answer was lost. Its records may have been replaced since.
func (s *stream) written(ctx context.Context, changes []change, id string) (uint64, error) {
	for i, c := range changes {
		r, err := s.readOne(ctx, c.subject)
		if err != nil {
			return 0, err
		}
		if r != nil && r.write == id {
			return r.seq - uint64(i), nil
		}
	}
	return 0, errors.Join(errConflict, errUncertain)
}
