package jetstream

import (
	"context"
	"errors"
	"sync"
)

// scan calls each for all records of the subjects that match the filter, one at a time, until it returns an error. A record that is
// replaced meanwhile comes again, after the one it replaces. begin is called when all come again, so that what was read does not count.
func (s *stream) scan(ctx context.Context, filter string, begin func(), each func(*record) error) error {
	if s.direct {
		return s.scanPages(ctx, filter, each)
	}
	return s.scanLeader(ctx, filter, begin, each)
}

// scanPages reads pages, each by a request of its own.
func (s *stream) scanPages(ctx context.Context, filter string, each func(*record) error) error {
	const page = 256
	for from := uint64(1); ; {
		var list []*record
		more, err := s.patiently(ctx, func(ctx context.Context) (bool, error) {
			list = nil
			return s.ask(ctx, map[string]any{"seq": from, "next_by_subj": filter, "batch": page}, func(r *record) { list = append(list, r) })
		})
		if err != nil {
			return err
		}
		for _, r := range list {
			if err := each(r); err != nil {
				return err
			}
			from = r.seq + 1
		}
		if !more || len(list) == 0 {
			return nil
		}
	}
}

// scanLeader asks the server that leads for one record after the other, in several ranges at the same time. Pages are given by
// servers that follow too, and one that catches up has deleted what it has not got anew (nats-server 2.15.3). What is replaced meanwhile goes to
// the end, so the end is read until it is reached. When another server becomes the leader all is read again.
func (s *stream) scanLeader(ctx context.Context, filter string, begin func(), each func(*record) error) error {
	now, err := s.standing(ctx)
	from := uint64(1)
	for err == nil && now.last >= from {
		if err := s.scanRanges(ctx, filter, [2]uint64{from, now.last}, each); err != nil {
			return err
		}
		was := now
		if now, err = s.standing(ctx); now.leads(was) {
			from = was.last + 1
			continue
		}
		begin()
		from = 1
	}
	return err
}

func (s *stream) scanRanges(ctx context.Context, filter string, span [2]uint64, each func(*record) error) error {
	var mu sync.Mutex
	var errs []error
	var all sync.WaitGroup
	width := (span[1]-span[0])/atOnce + 1
	for from := span[0]; from <= span[1]; from += width {
		all.Go(func() {
			err := s.scanRange(ctx, filter, [2]uint64{from, min(from+width-1, span[1])}, func(r *record) error {
				mu.Lock()
				defer mu.Unlock()
				return each(r)
			})
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (s *stream) scanRange(ctx context.Context, filter string, span [2]uint64, each func(*record) error) error {
	for at := span[0]; at <= span[1]; {
		r, err := s.leader(ctx, map[string]any{"seq": at, "next_by_subj": filter})
		if err != nil || r == nil || r.seq > span[1] {
			return err
		}
		if err := each(r); err != nil {
			return err
		}
		at = r.seq + 1
	}
	return nil
}
