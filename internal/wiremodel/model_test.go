package wiremodel_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/depeche-mail/depeche/internal/wiremodel"
)

// tally is what a model has come to.
type tally struct {
	mu       sync.Mutex
	ran      atomic.Int64
	excluded map[string]int
	worst    map[string]*finding // by kind of fault
}

// finding is the smallest dialogue with a fault of a kind.
type finding struct {
	count int
	odd   int
	text  string
}

func (t *tally) note(d *dialogue, c *wiremodel.Choices) {
	t.ran.Add(1)
	v := d.judge()
	if len(v.faults) == 0 && v.excluded == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.worst == nil {
		t.worst, t.excluded = map[string]*finding{}, map[string]int{}
	}
	if v.excluded != "" {
		t.excluded[v.excluded]++
	}
	for _, f := range v.faults {
		key := f.kind + " / " + d.form.name
		w := t.worst[key]
		if w == nil {
			w = &finding{odd: 1 << 30}
			t.worst[key] = w
		}
		w.count++
		if c.Spent() < w.odd {
			w.odd, w.text = c.Spent(), fmt.Sprintf("%s\n%s", f.detail, d.transcript())
		}
	}
}

// transcript tells the dialogue from the server's side.
func (d *dialogue) transcript() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\tform %s, connection %s", d.form.name, d.state.name)
	if d.wrap != nil {
		fmt.Fprintf(&b, ", through %s", d.wrap.name)
	}
	for _, e := range d.oracle.Ledger.Events {
		if strings.HasPrefix(e.Tag, "p") {
			continue
		}
		mark := ""
		if e.Odd {
			mark = " [" + e.Answer.String() + "]"
		}
		fmt.Fprintf(&b, "\n\t%d %-7v %s %s: %d%s", e.Conn, e.Kind, e.Tag, e.Rcpt, e.Code, mark)
	}
	for _, s := range d.oracle.Ledger.Stored {
		if strings.HasPrefix(s.Tag, "p") {
			continue
		}
		fmt.Fprintf(&b, "\n\tstored %q for %s", s.Tag, s.Rcpt)
	}
	for _, s := range d.second.Ledger.Stored {
		fmt.Fprintf(&b, "\n\tstored %q for %s by the second relay", s.Tag, s.Rcpt)
	}
	for n := range d.form.mails {
		tag := fmt.Sprint("t", n+1)
		if r := d.results[tag]; r != nil {
			for _, r := range r.Recipients {
				fmt.Fprintf(&b, "\n\t%v: %v %v", r.Address, r.Outcome, r.Reply)
			}
			fmt.Fprintf(&b, "\n\t%s: %v (%v)", tag, d.errs[tag], d.took[tag])
		}
	}
	return b.String()
}

// task is a part of the tree of dialogues.
type task struct {
	form  form
	state state
	wrap  *wrapper
	odd   int
	path  []int
}

// bubble is how many dialogues share a bubble.
const bubble = 500

// run plays all dialogues of the task.
func (k task) run(t *testing.T, total *tally) {
	choices := wiremodel.At(k.odd, k.path...)
	for more := true; more; {
		synctest.Test(t, func(*testing.T) {
			for range bubble {
				d := &dialogue{form: k.form, state: k.state, wrap: k.wrap}
				d.play(choices)
				total.note(d, choices)
				if more = choices.Next(); !more {
					return
				}
			}
		})
	}
}

// explore plays tasks on all processors and reports what was found.
func explore(t *testing.T, tasks []task) *tally {
	t.Helper()
	total := &tally{}
	work := make(chan task)
	t.Run("dialogues", func(t *testing.T) {
		for range runtime.GOMAXPROCS(0) {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				for k := range work {
					k.run(t, total)
				}
			})
		}
		go func() {
			for _, k := range tasks {
				work <- k
			}
			close(work)
		}()
	})
	total.report(t)
	return total
}

func (t *tally) report(tb testing.TB) {
	tb.Helper()
	tb.Logf("%d dialogues; those that break an assumption: %v", t.ran.Load(), t.excluded)
	var kinds []string
	for kind := range t.worst {
		kinds = append(kinds, kind)
	}
	sort.Strings(kinds)
	var b strings.Builder
	for _, kind := range kinds {
		w := t.worst[kind]
		fmt.Fprintf(&b, "%s: %d dialogues, the smallest:\n\t%s\n\n", kind, w.count, w.text)
	}
	if b.Len() > 0 {
		tb.Errorf("\n%s", b.String())
	}
}

// odds is how many odd answers a dialogue may have: a few by default, and all that are asked for where
// DEPECHE_MODEL is "complete". It may be a number too.
func odds(t *testing.T, few, complete int) int {
	t.Helper()
	switch level := os.Getenv("DEPECHE_MODEL"); level {
	case "":
		return few
	case "complete":
		return complete
	default:
		odd, err := strconv.Atoi(level)
		if err != nil {
			t.Fatalf("DEPECHE_MODEL=%s: want complete, or a number of odd answers", level)
		}
		return odd
	}
}

// TestTransaction plays every dialogue of one transaction.
func TestTransaction(t *testing.T) {
	var tasks []task
	for _, form := range slices.Concat(forms(), lasts()) {
		for _, state := range states() {
			tasks = append(tasks, task{form: form, state: state, odd: odds(t, 2-fewer, -1)})
		}
	}
	explore(t, tasks)
}

// TestWindow plays every placement of at most two odd answers in a window of three mails.
func TestWindow(t *testing.T) {
	var tasks []task
	for _, form := range windows() {
		tasks = append(tasks, task{form: form, state: state{name: "open", skip: 2}, odd: odds(t, 1-fewer, 2)})
	}
	explore(t, tasks)
}

// TestProbe plays the dialogues in which the server shows whether it swallows a chunk that it refuses.
func TestProbe(t *testing.T) {
	var tasks []task
	for _, form := range probes() {
		tasks = append(tasks, task{form: form, state: states()[0], odd: odds(t, 2-fewer, 2)})
	}
	explore(t, tasks)
}

// TestSource plays the dialogues about a mail whose source fails or has changed, with at most one odd answer.
func TestSource(t *testing.T) {
	var tasks []task
	for _, form := range faulty(forms()) {
		for _, state := range states()[:2] {
			tasks = append(tasks, task{form: form, state: state, odd: min(odds(t, 1-fewer, 1), 1)})
		}
	}
	for _, form := range faulty(windows()) {
		tasks = append(tasks, task{form: form, state: state{name: "open", skip: 2}, odd: min(odds(t, 1-fewer, 1), 1)})
	}
	explore(t, tasks)
}
