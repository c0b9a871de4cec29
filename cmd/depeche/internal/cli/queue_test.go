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

// queued makes the folder of a program that has queued three mails: one is parked after a refusal, one after its verdict
// was lost, and one waits.
func queued(t *testing.T) (folder string, open func() *bolt.Engine) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "queue")
	open = func() *bolt.Engine {
		engine, err := bolt.Open(folder, bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return engine
	}
	q, err := queue.New(open(), queue.Config{})
	if err != nil {
		t.Fatal(err)
	}
	relay := stub.New().AlwaysFor("refused@example.org", stub.Reject(transport.PhaseRcpt, 550, "5.1.1 no such user")).
		AlwaysFor("doubt@example.org", stub.LoseReply())
	worker, err := queue.Work(q, relay).Build()
	if err != nil {
		t.Fatal(err)
	}
	for key, job := range map[string]queue.Job{"refused": {}, "doubt": {}, "waits": {At: time.Now().Add(time.Hour)}} {
		env, err := envelope.Parse("shop@example.org", key+"@example.org")
		if err == nil {
			job.Key = key
			_, err = q.Enqueue(t.Context(), transport.Raw(env, []byte("Subject: x\r\n\r\nsecret text\r\n")), job)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(worker.RunDue(t.Context()), q.Close()); err != nil {
		t.Fatal(err)
	}
	return folder, open
}

// TestQueue: an operator finds out what became of jobs, and does something about it.
func TestQueue(t *testing.T) {
	folder, open := queued(t)
	do := func(status int, arguments ...string) ran {
		t.Helper()
		got := run(t, append([]string{"queue"}, arguments...), "")
		if got.status != status {
			t.Errorf("%v: %+v, want status %d", arguments, got, status)
		}
		return got
	}
	states := func() string {
		t.Helper()
		var list []string
		for line := range strings.Lines(do(0, "ls", folder).out) {
			fields := strings.Split(line, "\t")
			list = append(list, strings.Join(append(fields[:2:2], fields[3]), " "))
		}
		return strings.Join(list, ", ")
	}
	if got := states(); got != "doubt parked 1, refused parked 1, waits waiting 0" {
		t.Error(got)
	}
	var shown struct {
		Key, State, Reason string
		Recipients         []struct{ Outcome, Reply string }
	}
	out := do(0, "show", folder, "refused", "--json").out
	if err := json.Unmarshal([]byte(out), &shown); err != nil || shown.State != "parked" || len(shown.Recipients) != 1 ||
		shown.Recipients[0].Outcome != "rejected" || !strings.Contains(shown.Recipients[0].Reply, "no such user") || strings.Contains(out, "secret text") {
		t.Errorf("%v: %s", err, out)
	}
	if got := do(0, "show", folder, "doubt").out; !strings.Contains(got, "state      parked\n") || !strings.Contains(got, "unknown") {
		t.Error(got)
	}
	do(0, "park", folder, "waits", "--reason", "not before Monday")
	if got := do(0, "ls", folder, "--parked", "--json").out; strings.Count(got, "\n") != 3 || !strings.Contains(got, "not before Monday") {
		t.Error(got)
	}
	do(0, "retry", folder, "refused", "waits")
	if got := states(); got != "doubt parked 1, refused waiting 0, waits waiting 0" {
		t.Error(got)
	}
	do(0, "drop", folder, "refused")
	do(0, "pause", folder)
	if got := do(0, "ls", folder); !strings.Contains(got.errors, "paused") || strings.Contains(got.out, "refused") {
		t.Errorf("%+v", got)
	}
	q, err := queue.New(open(), queue.Config{})
	if err != nil {
		t.Fatal(err)
	}
	relay := stub.New()
	worker, err := queue.Work(q, relay).Build()
	if err != nil {
		t.Fatal(err)
	}
	if err := worker.RunDue(t.Context()); err != nil || len(relay.Messages()) != 0 {
		t.Errorf("a paused queue sent %d mails: %v", len(relay.Messages()), err)
	}
	if got := do(75, "ls", folder); !strings.Contains(got.errors, "one process at a time: stop that program first") {
		t.Errorf("%+v", got)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if got := do(0, "resume", folder); got.out != "" {
		t.Errorf("%+v", got)
	}
	if got := do(0, "ls", folder); strings.Contains(got.errors, "paused") {
		t.Errorf("%+v", got)
	}
}

// TestQueueFaults: what is not there, or not in that state, is said, and a folder is not made by looking for it.
func TestQueueFaults(t *testing.T) {
	folder, _ := queued(t)
	missing := filepath.Join(t.TempDir(), "none")
	for arguments, want := range map[string]string{
		"ls " + missing: "is not the folder of a queue", "pause " + missing: "is not the folder of a queue",
		"show " + folder + " nothing": "no such job", "retry " + folder + " waits": "no such job", "park " + folder + " refused": "no such job",
		"drop " + folder + " nothing": "no such job",
	} {
		if got := run(t, append([]string{"queue"}, strings.Fields(arguments)...), ""); got.status != 65 || !strings.Contains(got.errors, want) {
			t.Errorf("%s: %+v", arguments, got)
		}
	}
	if matches, err := filepath.Glob(missing); err != nil || len(matches) > 0 {
		t.Errorf("%v, %v", matches, err)
	}
}
