package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// record is what a stream keeps for a subject. One without a head and without data is deleted, and stays for a moment.
type record struct {
	subject string
	seq     uint64
	write   string
	head    string
	data    []byte
}

func (r *record) deleted() bool { return r == nil || r.head == "" && len(r.data) == 0 }

// read returns the records of the subjects, by subject. A server that follows answers too: what it says may be old, and while
// it catches up it lacks records, so only a compare-and-set may be built on it.
func (s *stream) read(ctx context.Context, subjects []string) (map[string]*record, error) {
	found := make(map[string]*record, len(subjects))
	const atOnce = 512
	for len(subjects) > 0 {
		part := subjects[:min(atOnce, len(subjects))]
		again, err := s.patiently(ctx, func(ctx context.Context) (bool, error) { return s.readPart(ctx, part, found) })
		if err != nil {
			return nil, err
		}
		if !again {
			subjects = subjects[len(part):]
			continue
		}
		var rest []string // the answer was cut because of its size
		for _, subject := range subjects {
			if found[subject] == nil {
				rest = append(rest, subject)
			}
		}
		subjects = rest
	}
	return found, nil
}

// patiently repeats what may succeed soon.
func (s *stream) patiently(ctx context.Context, do func(ctx context.Context) (bool, error)) (bool, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, ErrUnreachable)
	defer cancel()
	for last := error(nil); ; {
		one, stop := context.WithTimeout(ctx, attempt)
		ok, err := do(one)
		stop()
		var said *apiError
		if err == nil || errors.Is(err, nats.ErrConnectionClosed) || errors.As(err, &said) && !said.passing() {
			return ok, err
		}
		if last == nil || ctx.Err() == nil { // what made it wait says more than that the wait has ended
			last = err
		}
		const pause = 100 * time.Millisecond
		select {
		case <-ctx.Done():
			return false, errors.Join(context.Cause(ctx), last)
		case <-time.After(pause):
		}
	}
}

// readPart reads the last messages of the subjects.
func (s *stream) readPart(ctx context.Context, subjects []string, into map[string]*record) (more bool, err error) {
	ask := map[string]any{"multi_last": subjects, "batch": len(subjects)}
	return s.ask(ctx, ask, func(r *record) { into[r.subject] = r })
}

// ask reads messages without a consumer. The answer is a message for each, and an empty one with a status; more says that the
// server had more to say.
func (s *stream) ask(ctx context.Context, what map[string]any, each func(*record)) (more bool, err error) {
	ask, err := json.Marshal(what)
	if err != nil {
		return false, err
	}
	inbox := s.conn.NewRespInbox()
	answers, err := s.conn.SubscribeSync(inbox)
	if err != nil {
		return false, err
	}
	defer func() { _ = answers.Unsubscribe() }()
	if err := s.conn.PublishRequest("$JS.API.DIRECT.GET."+s.name, inbox, ask); err != nil {
		return false, err
	}
	for {
		m, err := answers.NextMsgWithContext(ctx)
		if err != nil {
			return false, err
		}
		switch status := m.Header.Get("Status"); status {
		case "":
			r, err := readRecord(m)
			if err != nil {
				return false, err
			}
			s.know(r.seq)
			each(r)
		case "204": // the end
			return m.Header.Get("Nats-Num-Pending") != "0", nil
		case "404":
			return false, nil
		default:
			code, _ := strconv.Atoi(status)
			return false, &apiError{Code: code, Description: m.Header.Get("Description")}
		}
	}
}

func readRecord(m *nats.Msg) (*record, error) {
	seq, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("a message of JetStream without its sequence number: %w", err)
	}
	return &record{
		subject: m.Header.Get("Nats-Subject"), seq: seq, write: m.Header.Get(writeHeader), head: m.Header.Get(headHeader), data: m.Data,
	}, nil
}

// purge deletes all records of the subjects that match the filter.
func (s *stream) purge(ctx context.Context, filter string) error {
	js, err := jetstream.New(s.conn)
	if err != nil {
		return err
	}
	of, err := js.Stream(ctx, s.name)
	if err != nil {
		return err
	}
	return of.Purge(ctx, jetstream.WithPurgeSubject(filter))
}
