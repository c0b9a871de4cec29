//go:build unix

package cli_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/bolt"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/stub"
)

// place is a queue, as the command and as a program reach it.
type place struct {
	queue, ledger string // arguments
	variable      string // NAME=value
	open          func(t *testing.T) *queue.Queue
}

func (p place) do(t *testing.T, status int, arguments ...string) ran {
	t.Helper()
	got := run(t, arguments, "", p.variable)
	if got.status != status || strings.Contains(got.errors, "topsecret") {
		t.Errorf("%v: %+v, want status %d", arguments, got, status)
	}
	return got
}

// states is what ls says of the jobs: key, state and attempts.
func (p place) states(t *testing.T) string {
	t.Helper()
	var list []string
	for line := range strings.Lines(p.do(t, 0, "queue", "ls", p.queue).out) {
		fields := strings.Split(line, "\t")
		list = append(list, strings.Join(append(fields[:2:2], fields[3]), " "))
	}
	return strings.Join(list, ", ")
}

// send lets a program send what is due.
func (p place) send(t *testing.T, relay transport.Transport) {
	t.Helper()
	q := p.open(t)
	worker, err := queue.Work(q, relay).Build()
	if err == nil {
		err = errors.Join(worker.RunDue(t.Context()), q.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// inFolder is an empty queue of package queue/bolt.
func inFolder(t *testing.T) place {
	folder := filepath.Join(t.TempDir(), "queue")
	return place{folder, filepath.Join(folder, "ledger.db"), "", func(t *testing.T) *queue.Queue {
		t.Helper()
		engine, err := bolt.Open(folder, bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return newQueue(t, engine)
	}}
}

func newQueue(t *testing.T, engine queue.Engine) *queue.Queue {
	t.Helper()
	q, err := queue.New(engine, queue.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// fill queues three mails: one is parked after a refusal, one after its verdict was lost, and one waits.
func (p place) fill(t *testing.T) {
	t.Helper()
	q := p.open(t)
	for key, job := range map[string]queue.Job{"refused": {}, "doubt": {}, "waits": {At: time.Now().Add(time.Hour)}} {
		env, err := envelope.Parse("shop@example.org", key+"@example.org")
		if err == nil {
			job.Key = key
			_, err = q.Enqueue(t.Context(), transport.Raw(env, []byte("Subject: x\r\nMessage-ID: <"+key+"@example.org>\r\n\r\nsecret text\r\n")), job)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	p.send(t, stub.New().AlwaysFor("refused@example.org", stub.Reject(transport.PhaseRcpt, 550, "5.1.1 no such user")).
		AlwaysFor("doubt@example.org", stub.LoseReply()))
}

// TestQueue: an operator finds out what became of jobs, and does something about it, in each engine.
func TestQueue(t *testing.T) {
	for name, begin := range map[string]func(t *testing.T) place{"folder": inFolder, "nats": onNATS, "postgres": inPostgres} {
		t.Run(name, func(t *testing.T) {
			p := begin(t)
			p.fill(t)
			testLook(t, p)
			testChange(t, p)
			testDoubt(t, p)
		})
	}
}

func testLook(t *testing.T, p place) {
	if got := p.states(t); got != "doubt parked 1, refused parked 1, waits waiting 0" {
		t.Error(got)
	}
	var shown struct {
		Key, State, Reason string
		Recipients         []struct{ Outcome, Reply string }
	}
	out := p.do(t, 0, "queue", "show", p.queue, "refused", "--json").out
	if err := json.Unmarshal([]byte(out), &shown); err != nil || shown.State != "parked" || len(shown.Recipients) != 1 ||
		shown.Recipients[0].Outcome != "rejected" || !strings.Contains(shown.Recipients[0].Reply, "no such user") || strings.Contains(out, "secret text") {
		t.Errorf("%v: %s", err, out)
	}
	if got := p.do(t, 0, "queue", "show", p.queue, "doubt").out; !strings.Contains(got, "state      parked\n") || !strings.Contains(got, "unknown") {
		t.Error(got)
	}
}

func testChange(t *testing.T, p place) {
	p.do(t, 0, "queue", "park", p.queue, "waits", "--reason", "not before Monday")
	if got := p.do(t, 0, "queue", "ls", p.queue, "--parked", "--json").out; strings.Count(got, "\n") != 3 || !strings.Contains(got, "not before Monday") {
		t.Error(got)
	}
	p.do(t, 0, "queue", "retry", p.queue, "refused", "waits")
	if got := p.states(t); got != "doubt parked 1, refused waiting 0, waits waiting 0" {
		t.Error(got)
	}
	p.do(t, 0, "queue", "drop", p.queue, "refused")
	p.do(t, 0, "queue", "pause", p.queue)
	if got := p.do(t, 0, "queue", "ls", p.queue); !strings.Contains(got.errors, "paused") || strings.Contains(got.out, "refused") {
		t.Errorf("%+v", got)
	}
	relay := stub.New()
	if p.send(t, relay); len(relay.Messages()) != 0 {
		t.Errorf("a paused queue sent %d mails", len(relay.Messages()))
	}
	if got := p.do(t, 0, "queue", "resume", p.queue); got.out != "" {
		t.Errorf("%+v", got)
	}
	if got := p.do(t, 0, "queue", "ls", p.queue); strings.Contains(got.errors, "paused") {
		t.Errorf("%+v", got)
	}
	if p.send(t, relay); len(relay.Messages()) != 1 {
		t.Errorf("after the pause %d mails were sent, want the one that was put back", len(relay.Messages()))
	}
}

// testDoubt: a job in doubt stays so, however often it is put back, until it is resolved.
func testDoubt(t *testing.T, p place) {
	relay := stub.New()
	p.do(t, 0, "queue", "retry", p.queue, "doubt")
	p.send(t, relay)
	if got := p.states(t); got != "doubt parked 1" {
		t.Error(got)
	}
	if got := p.do(t, 0, "ledger", "ls", "--unknown", p.ledger).out; strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "doubt\t") {
		t.Error(got)
	}
	if got := p.do(t, 0, "queue", "show", p.queue, "doubt").out; !strings.Contains(got, "\tunknown\t<doubt@example.org>") {
		t.Error(got)
	}
	p.do(t, 65, "ledger", "resolve", p.ledger, "nothing", "doubt@example.org", "accepted")
	p.do(t, 0, "ledger", "resolve", p.ledger, "doubt", "doubt@example.org", "accepted")
	p.do(t, 0, "queue", "retry", p.queue, "doubt")
	if p.send(t, relay); len(relay.Messages()) != 0 || p.states(t) != "" {
		t.Errorf("after the log of the relay said that it has the mail: %d mails were sent, left is %q", len(relay.Messages()), p.states(t))
	}
}

// TestQueueFaults: what is not there, or not in that state, is said, and a folder is not made by looking for it.
func TestQueueFaults(t *testing.T) {
	p := inFolder(t)
	p.fill(t)
	missing, embedded := filepath.Join(t.TempDir(), "none"), filepath.Dir(write(t, "jetstream", ""))
	for arguments, want := range map[string]string{
		"ls " + missing: "is not the folder of a queue", "pause " + missing: "is not the folder of a queue",
		"ls " + embedded:               "its program alone can open",
		"show " + p.queue + " nothing": "no such job", "retry " + p.queue + " waits": "the job is waiting", "park " + p.queue + " refused": "the job is parked, and park is not for such",
		"drop " + p.queue + " nothing": "no such job",
	} {
		if got := p.do(t, 65, append([]string{"queue"}, strings.Fields(arguments)...)...); !strings.Contains(got.errors, want) {
			t.Errorf("%s: %+v", arguments, got)
		}
	}
	if matches, err := filepath.Glob(missing); err != nil || len(matches) > 0 {
		t.Errorf("%v, %v", matches, err)
	}
	q := p.open(t)
	if got := p.do(t, 75, "queue", "ls", p.queue); !strings.Contains(got.errors, "one process at a time: stop that program first") {
		t.Errorf("%+v", got)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}
