package jetstream

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TestOtherStreams: a name that another application uses is left as it is, whichever stream of the queue it is the name of, and the error
// says what to do.
func TestOtherStreams(t *testing.T) {
	conn := serve(t)()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	ours := func(name string, change func(*jetstream.StreamConfig)) jetstream.StreamConfig {
		s := Over(conn)
		s.Name = name
		c := s.configs(conn)[0]
		change(&c)
		return c
	}
	for name, tc := range map[string]struct {
		stream jetstream.StreamConfig
		want   string
	}{
		"a":       {jetstream.StreamConfig{Name: "a", Subjects: []string{"orders.*"}}, "stream a: a stream of this name is there that is not one of a queue; take another name for the queue: subjects is [orders.*], want [a.>]; max_msgs_per_subject is -1, want 1; "},
		"b":       {jetstream.StreamConfig{Name: "b_ledger", Subjects: []string{"b_ledger.>"}}, "stream b_ledger: "},
		"c":       {jetstream.StreamConfig{Name: "c_live", Subjects: []string{"c_live.>"}, Storage: jetstream.MemoryStorage}, "stream c_live: "},
		"several": {ours("several", func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 5 }), "max_msgs_per_subject is 5, want 1"},
		"memory":  {ours("memory", func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }), "storage is Memory, want File"},
		"work":    {ours("work", func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy }), "retention is WorkQueue, want Limits"},
		"age":     {ours("age", func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }), "max_age is 1h0m0s, want 0s"},
		"direct":  {ours("direct", func(c *jetstream.StreamConfig) { c.AllowDirect = false }), "allow_direct is false, want true"},
		"atomic":  {ours("atomic", func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false }), "allow_atomic is false, want true"},
		"ttl":     {ours("ttl", func(c *jetstream.StreamConfig) { c.AllowMsgTTL = false }), "allow_msg_ttl is false, want true"},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := js.CreateStream(t.Context(), tc.stream)
			if err != nil {
				t.Fatal(err)
			}
			before := names(t, js)
			s := Over(conn)
			s.Name = name
			if _, err := s.Open(t.Context()); !errors.Is(err, ErrOtherStream) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
			info, err := made.Info(t.Context())
			if after := names(t, js); err != nil || info.State.Msgs != 0 || !slices.Equal(before, after) {
				t.Errorf("%d messages were written, the streams are %v, %v", info.State.Msgs, after, err)
			}
		})
	}
}

func names(t *testing.T, js jetstream.JetStream) (list []string) {
	t.Helper()
	all := js.StreamNames(t.Context())
	for name := range all.Name() {
		list = append(list, name)
	}
	if err := all.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestExisting: a queue that is there is opened, also after its servers have forgotten the signs of life, and none is made.
func TestExisting(t *testing.T) {
	conn := serve(t)()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	s := Over(conn)
	s.Existing = true
	if _, err := s.Open(t.Context()); !errors.Is(err, ErrNoQueue) || len(names(t, js)) != 0 {
		t.Errorf("%v, the streams are %v", err, names(t, js))
	}
	put(t, open(t, Over(conn)), "key")
	if err := js.DeleteStream(t.Context(), "depeche_live"); err != nil {
		t.Fatal(err)
	}
	if got := state(t, open(t, s)); !strings.Contains(got, "key") {
		t.Errorf("found %q", got)
	}
	if err := js.DeleteStream(t.Context(), "depeche_ledger"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context()); !errors.Is(err, ErrNoQueue) || len(names(t, js)) != 2 {
		t.Errorf("%v, the streams are %v", err, names(t, js))
	}
}
