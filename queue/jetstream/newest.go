package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// A server that has just become the leader may lack messages for a moment that the one before it has confirmed. So the stream
// remembers the highest number that this process has seen, and what is read without a compare-and-set after it is believed only if
// the leader had that message before and is still the leader after.

// know notes the number of a message that the stream has confirmed.
func (s *stream) know(seq uint64) {
	for {
		high := s.highest.Load()
		if seq <= high || s.highest.CompareAndSwap(high, seq) {
			return
		}
	}
}

// standing is what the server that leads a stream says of itself.
type standing struct {
	leader string
	since  time.Time // when it became the leader
	last   uint64    // the number of its last message
}

// leads reports whether it has been the same leader all the time.
func (a standing) leads(b standing) bool { return a.leader == b.leader && a.since.Equal(b.since) }

// errBehind: the server that leads lacks messages, or none leads.
var errBehind = errors.New("no server of the stream has all messages that were confirmed")

// standing waits until a server leads the stream that has all messages this process knows of.
func (s *stream) standing(ctx context.Context) (now standing, err error) {
	_, err = s.patiently(ctx, func(ctx context.Context) (bool, error) {
		high := s.highest.Load()
		var answer struct {
			State struct {
				LastSeq uint64 `json:"last_seq"`
			} `json:"state"`
			Cluster struct {
				Leader string    `json:"leader"`
				Since  time.Time `json:"leader_since"`
			} `json:"cluster"`
			Error *apiError `json:"error"`
		}
		if err := s.api(ctx, "STREAM.INFO", nil, &answer); err != nil {
			return false, err
		}
		if answer.Error != nil {
			return false, answer.Error
		}
		now = standing{answer.Cluster.Leader, answer.Cluster.Since, answer.State.LastSeq}
		if now.leader == "" || now.last < high {
			return false, fmt.Errorf("%w: %q has %d of %d", errBehind, now.leader, now.last, high)
		}
		return true, nil
	})
	return now, err
}

// surely repeats a read until one server has led the stream from before to after it, and lacked nothing.
func (s *stream) surely(ctx context.Context, read func() error) error {
	before, err := s.standing(ctx)
	for range maxTries {
		if err == nil {
			err = read()
		}
		if err != nil {
			return err
		}
		var after standing
		if after, err = s.standing(ctx); err == nil && after.leads(before) {
			return nil
		}
		before = after
	}
	return errors.Join(ErrUnreachable, err)
}

// leader asks the server that leads the stream for one message, nil for none. It may lack messages; see surely.
func (s *stream) leader(ctx context.Context, what map[string]any) (r *record, err error) {
	ask, err := json.Marshal(what)
	if err != nil {
		return nil, err
	}
	_, err = s.patiently(ctx, func(ctx context.Context) (bool, error) {
		var answer struct {
			Message *struct {
				Subject string `json:"subject"`
				Seq     uint64 `json:"seq"`
				Header  []byte `json:"hdrs"`
				Data    []byte `json:"data"`
			} `json:"message"`
			Error *apiError `json:"error"`
		}
		if err := s.api(ctx, "STREAM.MSG.GET", ask, &answer); err != nil {
			return false, err
		}
		const notFound = 404
		switch {
		case answer.Error != nil && answer.Error.Code == notFound:
			r = nil
			return true, nil
		case answer.Error != nil:
			return false, answer.Error
		case answer.Message == nil:
			return false, errors.New("an empty answer of JetStream")
		}
		r = &record{subject: answer.Message.Subject, seq: answer.Message.Seq, data: answer.Message.Data}
		if len(answer.Message.Header) > 0 {
			h, err := nats.DecodeHeadersMsg(answer.Message.Header)
			if err != nil {
				return false, err
			}
			r.head, r.write = h.Get(headHeader), h.Get(writeHeader)
		}
		s.know(r.seq)
		return true, nil
	})
	return r, err
}

func (s *stream) api(ctx context.Context, what string, ask []byte, answer any) error {
	m, err := s.conn.RequestWithContext(ctx, "$JS.API."+what+"."+s.name, ask)
	if err != nil {
		return err
	}
	return json.Unmarshal(m.Data, answer)
}

// readLeader returns the record of a subject that the leader has, nil for none. Only a compare-and-set may be built on it.
func (s *stream) readLeader(ctx context.Context, subject string) (*record, error) {
	return s.leader(ctx, map[string]any{"last_by_subj": subject})
}

// readOne returns the newest record of a subject, nil for none.
func (s *stream) readOne(ctx context.Context, subject string) (*record, error) {
	found, err := s.readNewest(ctx, []string{subject})
	return found[subject], err
}

// atOnce is how many questions are put to the leader at the same time.
const atOnce = 16

// readNewest returns the newest records of the subjects, by subject.
func (s *stream) readNewest(ctx context.Context, subjects []string) (found map[string]*record, err error) {
	if s.direct || len(subjects) == 0 {
		return s.read(ctx, subjects)
	}
	err = s.surely(ctx, func() (err error) {
		found, err = s.readLeaders(ctx, subjects)
		return err
	})
	return found, err
}

// readLeaders is readLeader for many.
func (s *stream) readLeaders(ctx context.Context, subjects []string) (map[string]*record, error) {
	found := map[string]*record{}
	var mu sync.Mutex
	var errs []error
	next := make(chan string)
	var all sync.WaitGroup
	for range min(atOnce, len(subjects)) {
		all.Go(func() {
			for subject := range next {
				r, err := s.readLeader(ctx, subject)
				mu.Lock()
				if errs = append(errs, err); r != nil {
					found[subject] = r
				}
				mu.Unlock()
			}
		})
	}
	for _, subject := range subjects {
		next <- subject
	}
	close(next)
	all.Wait()
	return found, errors.Join(errs...)
}
