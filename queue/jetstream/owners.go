package jetstream

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// owners knows which processes use the queue and live. Each has a number that no other has had, and gives signs of life. Who
// gives none is gone; to be wrong about that is safe, because every change is a compare-and-set.
type owners struct {
	self  uint64
	alone bool // no other process can use the queue: the folder is locked
	live  *stream
	beat  time.Duration

	mu     sync.Mutex
	seen   map[uint64]sign
	steady time.Time // since when our own signs have come back without a gap
	echo   time.Time // when one came back last
	took   time.Time // when this process last wanted a job
	quiet  bool      // a test makes this process seem dead
}

// sign is the last that was heard of a process.
type sign struct {
	at     time.Time
	taking bool
}

// missed is how many signs of life a process may miss.
const missed = 4

// newOwner takes a number: the count of the processes that have used the queue.
func newOwner(ctx context.Context, jobs *stream) (uint64, error) {
	subject := jobs.name + ".meta.owners"
	var number uint64
	err := tries(ctx, func() error {
		r, err := jobs.readLeader(ctx, subject)
		if err != nil {
			return err
		}
		var last, seen uint64
		if r != nil {
			if seen = r.seq; len(r.data) != 8 {
				return fmt.Errorf("the record %s is not a number", subject)
			}
			last = binary.BigEndian.Uint64(r.data)
		}
		number = last + 1
		_, err = jobs.write(ctx, []change{{subject: subject, seen: seen, data: binary.BigEndian.AppendUint64(nil, number)}})
		return err
	})
	return number, err
}

func (o *owners) subject(owner uint64) string {
	return o.live.name + ".owner." + strconv.FormatUint(owner, 10)
}

// run gives signs of life and listens to those of the others until ctx ends, which is told to them.
func (o *owners) run(ctx context.Context) error {
	if o.alone {
		return nil
	}
	sub, err := o.live.conn.Subscribe(o.live.name+".owner.*", o.hear)
	if err != nil {
		return err
	}
	// The last signs of the others are in the stream.
	heard := func(r *record) error { o.note(r.subject, r.data); return nil }
	if err := o.live.scan(ctx, o.live.name+".owner.*", func() {}, heard); err != nil {
		return errors.Join(err, sub.Unsubscribe())
	}
	go func() {
		tick := time.NewTicker(o.beat)
		defer tick.Stop()
		defer func() { _ = sub.Unsubscribe() }()
		for {
			o.say()
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return nil
}

// say gives a sign of life. Whether it arrived is seen when it comes back.
func (o *owners) say() {
	o.mu.Lock()
	quiet := o.quiet
	text := "idle"
	if time.Since(o.took) < 2*o.beat {
		text = "taking"
	}
	o.mu.Unlock()
	if quiet {
		return
	}
	_ = o.live.conn.PublishMsg(o.sign(text))
}

// sign is what is said of this process. It is kept until the others know by its silence.
func (o *owners) sign(text string) *nats.Msg {
	m := nats.NewMsg(o.subject(o.self))
	m.Data = []byte(text)
	m.Header.Set("Nats-TTL", strconv.Itoa(max(int(missed*o.beat/time.Second), 1))+"s")
	return m
}

// leave tells the others that this process has ended.
func (o *owners) leave() {
	if o.alone {
		return
	}
	_ = o.live.conn.PublishMsg(o.sign("gone"))
	_ = o.live.conn.FlushTimeout(time.Second)
}

func (o *owners) hear(m *nats.Msg) { o.note(m.Subject, m.Data) }

func (o *owners) note(subject string, data []byte) {
	number, err := strconv.ParseUint(subject[strings.LastIndexByte(subject, '.')+1:], 10, 64)
	if err != nil {
		return
	}
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	if number == o.self {
		if now.Sub(o.echo) > missed*o.beat { // it was this process that could not be heard, so it knows nothing of the others
			o.steady = now
		}
		o.echo = now
		return
	}
	if string(data) == "gone" {
		delete(o.seen, number)
		return
	}
	o.seen[number] = sign{now, string(data) == "taking"}
}

// alive reports whether a process may still hold something. A process that does not hear itself takes all others for
// alive.
func (o *owners) alive(owner uint64) bool {
	if owner == o.self || o.alone {
		return owner == o.self
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	if now.Sub(o.echo) > missed*o.beat || now.Sub(o.steady) <= missed*o.beat {
		return true
	}
	s, known := o.seen[owner]
	return known && now.Sub(s.at) <= missed*o.beat
}

// wants notes that this process looks for jobs.
func (o *owners) wants() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.took = time.Now()
}

// parts is into how many parts the jobs are divided, each of which is one process's, so that they do not race for the same.
const parts = 64

// mine returns which parts this process takes jobs from: of all that look for jobs each has some.
func (o *owners) mine() (mine [parts]bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	for part := range parts {
		best, weight := o.self, rank(part, o.self)
		for owner, s := range o.seen {
			if w := rank(part, owner); s.taking && now.Sub(s.at) <= missed*o.beat && w > weight {
				best, weight = owner, w
			}
		}
		mine[part] = best == o.self
	}
	return mine
}

// rank is the weight of a process for a part (rendezvous hashing).
func rank(part int, owner uint64) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(binary.BigEndian.AppendUint64([]byte{byte(part)}, owner*0x9E3779B97F4A7C15))
	return h.Sum64()
}
