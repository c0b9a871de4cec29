package queuetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/transport"
)

// OpenAt opens an engine at a place, such as a folder or the address of a database. What is kept there outlives the process.
type OpenAt func(ctx context.Context, place string) (queue.Engine, error)

const (
	placeVariable = "DEPECHE_QUEUETEST_PLACE"
	relayVariable = "DEPECHE_QUEUETEST_RELAY"
	stepVariable  = "DEPECHE_QUEUETEST_STEP"
	timesVariable = "DEPECHE_QUEUETEST_TIMES"

	killKey  = "order-4711/receipt"
	killFrom = "shop@example.org"
	killTo   = "customer@example.org"
)

// KillChild is called first in TestMain, for [KillAtEachStep] and [KillAtRandom]. In a process that the suite has started it does what that asks for and
// ends the process; else it returns.
func KillChild(open OpenAt) {
	place := os.Getenv(placeVariable)
	if place == "" {
		return
	}
	var err error
	if os.Getenv(journalVariable) != "" {
		err = sendCampaign(open, place)
	} else {
		times, _ := strconv.Atoi(os.Getenv(timesVariable)) // a number that the suite wrote
		err = killed(open, place, os.Getenv(relayVariable), os.Getenv(stepVariable), times)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// KillAtEachStep kills a program that enqueues a mail and sends it, by SIGKILL, before and after each call of the engine and its
// ledger, and before and after the relay takes the mail, and starts it again at the same place. It holds the whole table:
//
//   - before the ledger was told that the content is about to leave, and after it has written the end, the mail is sent once,
//     without help.
//   - in between, the mail is parked as Unknown, and stays so until it is resolved. Said to be accepted, it ends when it is put back,
//     and nothing is sent; said to be not sent, it is sent.
//
// newPlace returns an empty place.
func KillAtEachStep(t *testing.T, open OpenAt, newPlace func(t *testing.T) string) {
	t.Helper()
	begin := func() killing {
		return killing{open: open, place: newPlace(t), relay: filepath.Join(t.TempDir(), "relay")}
	}
	// A step is named by what it is and how often that was: how often a program looks for due mail depends on the machine.
	var steps []moment
	times, doubts := map[string]int{}, map[string]bool{}
	for name := range strings.Lines(begin().run(t, moment{})) {
		name = strings.TrimSpace(name)
		times[name]++
		steps = append(steps, moment{name, times[name]})
	}
	for _, at := range steps {
		k := begin()
		said := k.run(t, at)
		if _, killed := strings.CutPrefix(said, killedMark); !killed {
			if at.times == 1 {
				t.Errorf("the program ended without the step %q", at.name)
			}
			continue
		}
		want := strings.HasSuffix(said, inDoubtMark)
		k.run(t, moment{})
		copies := k.copies()
		inDoubt := k.settleDoubt(t, at.name, copies)
		if doubts[at.name] = doubts[at.name] || inDoubt; inDoubt != want {
			t.Errorf("killed %s (%d): in doubt %v, want %v", at.name, at.times, inDoubt, want)
		}
		if final := k.copies(); final != 1 || !inDoubt && copies != 1 {
			t.Errorf("killed %s (%d): the relay has %d copies, %d in the end", at.name, at.times, copies, final)
		}
	}
	for _, step := range []string{"after Ending", "before the relay", "after the relay", "before End"} {
		if !doubts[step] {
			t.Errorf("of the steps %v none is %q, or it left nothing in doubt", steps, step)
		}
	}
}

// moment is a step of the program: what it is, and which of these, from 1. The zero value stands for no step.
type moment struct {
	name  string
	times int
}

// killing is a place, and a relay that keeps mail in a file.
type killing struct {
	open         OpenAt
	place, relay string
}

// run runs the program until it kills itself, or ends because there is no such step, and returns what it said.
func (k killing) run(t *testing.T, at moment) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // the program of the test itself
	cmd.Env = append(os.Environ(), placeVariable+"="+k.place, relayVariable+"="+k.relay, stepVariable+"="+at.name, timesVariable+"="+strconv.Itoa(at.times))
	var said, failed strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &failed
	err := cmd.Run()
	if err != nil && (!strings.HasPrefix(said.String(), killedMark) || cmd.ProcessState.Exited()) {
		t.Fatalf("step %v: %v: %s", at, err, failed.String())
	}
	return said.String()
}

func (k killing) copies() int {
	text, _ := os.ReadFile(k.relay) // none if there is no file
	return strings.Count(string(text), "\n")
}

// settleDoubt does what an operator does: says what became of a mail that is parked as Unknown, and puts it back.
func (k killing) settleDoubt(t *testing.T, step string, copies int) (inDoubt bool) {
	t.Helper()
	q := k.queue(t)
	defer func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}()
	for e, err := range q.List(t.Context()) {
		if inDoubt = true; err != nil || e.State != queue.Parked || e.Outcome != transport.Unknown {
			t.Errorf("killed %s: %s is %v, %v, %v: %s", step, e.Key, e.State, e.Outcome, err, e.Reason)
		}
	}
	book, ok := q.Ledger().(ledger.Book)
	if !inDoubt || !ok {
		return inDoubt
	}
	for range 2 { // it stays as it is, however often it is tried, until it is resolved
		records, err := book.Lookup(t.Context(), killKey)
		if err != nil || len(records) != 1 || records[0].Outcome != transport.Unknown {
			t.Errorf("killed %s: %+v, %v", step, records, err)
		}
		k.putBack(t, q)
	}
	if n := k.copies(); n != copies {
		t.Errorf("killed %s: a mail in doubt was sent: %d copies, %d before", step, n, copies)
	}
	to, err := envelope.ParseAddress(killTo)
	outcome := transport.NotSent
	if copies > 0 {
		outcome = transport.Accepted
	}
	if err = errors.Join(err, book.Resolve(t.Context(), killKey, to, outcome)); err != nil {
		t.Errorf("killed %s: resolve: %v", step, err)
	}
	k.putBack(t, q)
	for e := range q.List(t.Context()) {
		t.Errorf("killed %s, resolved and put back: %s is %v: %s", step, e.Key, e.State, e.Reason)
	}
	return inDoubt
}

// queue opens the place in this process.
func (k killing) queue(t *testing.T) *queue.Queue {
	t.Helper()
	engine, err := k.open(t.Context(), k.place)
	if err != nil {
		t.Fatal(err)
	}
	q, err := queue.New(engine, queue.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func (k killing) putBack(t *testing.T, q *queue.Queue) {
	t.Helper()
	err := q.PutBack(t.Context(), killKey)
	if err == nil {
		err = drain(t.Context(), q, fileRelay{path: k.relay})
	}
	if err != nil {
		t.Error(err)
	}
}

// drain sends what is due until no job waits or is in hand: a killed process may seem to live for a moment.
func drain(ctx context.Context, q *queue.Queue, relay transport.Transport) error {
	w := queue.Work(q, relay)
	w.Backoff = func(int) time.Duration { return 0 }
	worker, err := w.Build()
	for rest := true; rest && err == nil; {
		err = worker.RunDue(ctx)
		rest = false
		for e, listed := range q.List(ctx) {
			err = errors.Join(err, listed)
			rest = rest || e.State != queue.Parked
		}
		if rest {
			const soon = 10 * time.Millisecond
			<-time.After(soon)
		}
	}
	return err
}
