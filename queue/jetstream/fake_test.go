package jetstream

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// plainNATS starts a NATS without JetStream in this process and connects to it.
func plainNATS(t *testing.T) *nats.Conn {
	t.Helper()
	s, err := server.NewServer(&server.Options{ServerName: "test", DontListen: true, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	conn, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// fake is a stream that several servers keep, as a process sees it: which of them leads, and how many messages it has, is the test's
// to say. It takes single records and batches.
type fake struct {
	name string

	mu     sync.Mutex
	all    []*nats.Msg // what the stream has confirmed; the number of a message is its place, from 1 on
	leader string
	since  time.Time
	lacks  map[string]int // how many of the last messages a server has not got
	batch  map[string][]*nats.Msg
	before func(api string) // is called before each answer, with the lock held
	asked  []string
	refuse func(m *nats.Msg) // is given what is put, which is refused
	mute   bool              // what is put is taken without an answer
	made   int               // how many writes were taken or refused, of one record or a batch
	found  func()            // is called when records were looked up, before they are told, without the lock held
}

func newFake(t *testing.T, conn *nats.Conn, name string) (*fake, *stream) {
	t.Helper()
	f := &fake{name: name, leader: "a", since: time.Now(), lacks: map[string]int{}, batch: map[string][]*nats.Msg{}}
	for subject, answer := range map[string]func(*nats.Msg) any{
		"$JS.API.STREAM.INFO." + name: f.info, "$JS.API.STREAM.MSG.GET." + name: f.get, name + ".>": f.put,
	} {
		if _, err := conn.Subscribe(subject, func(m *nats.Msg) {
			f.mu.Lock()
			defer f.mu.Unlock()
			api := strings.TrimSuffix(strings.TrimPrefix(m.Subject, "$JS.API."), "."+name)
			f.asked = append(f.asked, api)
			if f.before != nil {
				f.before(api)
			}
			reply, put := answer, !strings.HasPrefix(m.Subject, "$")
			if put && f.refuse != nil {
				f.refuse(m)
				reply = func(*nats.Msg) any { return map[string]any{"error": apiError{Code: 400, Description: "refused"}} }
			}
			if said := reply(m); m.Reply != "" && (!put || !f.mute) {
				data, err := json.Marshal(said)
				if err == nil {
					err = m.Respond(data)
				}
				if err != nil {
					t.Error(err)
				}
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.Subscribe("$JS.API.DIRECT.GET."+name, f.direct); err != nil {
		t.Fatal(err)
	}
	return f, newStream(conn, name, false)
}

// leads makes a server the leader, which lacks a number of messages.
func (f *fake) leads(name string, lacks int) {
	f.leader, f.since, f.lacks[name] = name, f.since.Add(time.Second), lacks
}

func (f *fake) has() int { return len(f.all) - f.lacks[f.leader] }

func (f *fake) info(*nats.Msg) any {
	return map[string]any{
		"state":   map[string]any{"last_seq": f.has()},
		"cluster": map[string]any{"leader": f.leader, "leader_since": f.since},
	}
}

// last returns the place of the newest message of a subject among the first n, -1 for none.
func (f *fake) last(subject string, n int) int {
	for i := n - 1; i >= 0; i-- {
		if f.all[i].Subject == subject {
			return i
		}
	}
	return -1
}

func (f *fake) get(m *nats.Msg) any {
	var ask struct {
		Last string `json:"last_by_subj"`
		Next string `json:"next_by_subj"`
		Seq  int    `json:"seq"`
	}
	_ = json.Unmarshal(m.Data, &ask)
	at := f.last(ask.Last, f.has())
	if ask.Next != "" {
		at = slices.IndexFunc(f.all, func(m *nats.Msg) bool {
			seq := f.last(m.Subject, f.has()) + 1 // 0 for one that this server has not got
			return f.all[max(seq-1, 0)] == m && seq >= max(ask.Seq, 1) && matches(ask.Next, m.Subject)
		})
	}
	if at < 0 {
		return map[string]any{"error": apiError{Code: 404, ErrCode: 10037, Description: "no message found"}}
	}
	head := []byte("NATS/1.0\r\n")
	for name := range f.all[at].Header {
		head = fmt.Appendf(head, "%s: %s\r\n", name, f.all[at].Header.Get(name))
	}
	return map[string]any{"message": map[string]any{
		"subject": f.all[at].Subject, "seq": at + 1, "hdrs": append(head, "\r\n"...), "data": f.all[at].Data,
	}}
}

// direct is answered by a server that follows and has everything.
func (f *fake) direct(m *nats.Msg) {
	list, found := f.lookUp(m)
	if found != nil {
		found()
	}
	for _, r := range list {
		_ = m.RespondMsg(r)
	}
	end := nats.NewMsg(m.Reply)
	end.Header.Set("Status", "204")
	end.Header.Set("Nats-Num-Pending", "0")
	_ = m.RespondMsg(end)
}

func (f *fake) lookUp(m *nats.Msg) (list []*nats.Msg, found func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ask struct {
		Subjects []string `json:"multi_last"`
	}
	_ = json.Unmarshal(m.Data, &ask)
	for _, subject := range ask.Subjects {
		at := f.last(subject, len(f.all))
		if at < 0 {
			continue
		}
		r := nats.NewMsg(m.Reply)
		for name := range f.all[at].Header {
			r.Header.Set(name, f.all[at].Header.Get(name))
		}
		r.Header.Set("Nats-Subject", subject)
		r.Header.Set("Nats-Sequence", strconv.Itoa(at+1))
		r.Data = f.all[at].Data
		list = append(list, r)
	}
	return list, f.found
}

// put takes a record, or the last of a batch, if all are as they were seen.
func (f *fake) put(m *nats.Msg) any {
	list := []*nats.Msg{m}
	if id := m.Header.Get("Nats-Batch-Id"); id != "" {
		f.batch[id] = append(f.batch[id], m)
		if list = f.batch[id]; m.Header.Get("Nats-Batch-Commit") == "" {
			return nil
		}
	}
	f.made++
	for _, m := range list {
		if seen := m.Header.Get("Nats-Expected-Last-Subject-Sequence"); seen != "" && seen != fmt.Sprint(f.last(m.Subject, len(f.all))+1) {
			return map[string]any{"error": apiError{Code: 400, ErrCode: wrongLastSequence, Description: "wrong last sequence"}}
		}
	}
	f.all = append(f.all, list...)
	return map[string]any{"seq": len(f.all)}
}

// matches reports whether a subject is one of a filter.
func matches(filter, subject string) bool {
	want, have := strings.Split(filter, "."), strings.Split(subject, ".")
	for i, w := range want {
		if w == ">" {
			return i < len(have)
		}
		if i >= len(have) || w != "*" && w != have[i] {
			return false
		}
	}
	return len(want) == len(have)
}
