package queuetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// What a campaign is sent with.
const (
	killWindow      = 8
	killConnections = 2
	hangUpOneIn     = 200
)

// KillAtRandom kills a program that enqueues and sends a campaign, by SIGKILL at random moments, over a server that hangs up at random,
// half of the time before it takes the mail and half after, and starts it again at the same place until no mail is left. It holds
// for each mail, against a journal of the calls of the ledger that the kills cannot touch:
//
//   - one that was never in doubt, because each time its content was about to leave its verdict came and was written, was sent exactly once.
//   - at most once: one that was in doubt was sent once or not at all, and is parked; there are no more of them than two windows of
//     each connection for a kill, and one for a hang-up.
//   - at least once: all arrived, and none more often than once and once more for each doubt.
//
// newPlace returns an empty place. DEPECHE_CHAOS_MAILS and DEPECHE_CHAOS_KILLS make it longer than 400 mails and 6 kills; see [KillChild].
func KillAtRandom(t *testing.T, open OpenAt, newPlace func(t *testing.T) string) {
	t.Helper()
	for _, guarantee := range []policy.Guarantee{policy.AtMostOnce, policy.DangerousAtLeastOnce} {
		t.Run(fmt.Sprint(guarantee), func(t *testing.T) {
			c := newCampaign(t, guarantee, newPlace(t))
			killed := 0
			for range c.kills {
				if c.run(t, 1+rand.IntN(2*c.mails/c.kills)) { //nolint:gosec // not a secret
					killed++
				}
			}
			c.run(t, 0)
			c.check(t, killed, parkedKeys(t, open, c.place))
		})
	}
}

// campaign is mails, and a server that counts them.
type campaign struct {
	mails, kills   int
	guarantee      policy.Guarantee
	place, journal string
	lines          map[string][]string // of the journal, by key
	server         *smtptest.Server
	hangUps        atomic.Int64
	life           atomic.Pointer[life] // of the run
}

// life is how long a run of the program may live: until so many mails have come. Each run has one of its own, so that a mail which was due
// as its program ended kills no later one.
type life struct {
	mails atomic.Int64
	end   context.CancelFunc
}

// begin begins the life of a run; 0 mails is one without an end.
func (c *campaign) begin(ctx context.Context, mails int) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancel(ctx)
	l := &life{end: end}
	l.mails.Store(int64(mails))
	c.life.Store(l)
	return ctx, end
}

func (l *life) mail() {
	if l.mails.Add(-1) == 0 {
		l.end()
	}
}

func newCampaign(t *testing.T, guarantee policy.Guarantee, place string) *campaign {
	t.Helper()
	const mails, kills = 400, 6
	c := &campaign{
		mails: setting("DEPECHE_CHAOS_MAILS", mails), kills: setting("DEPECHE_CHAOS_KILLS", kills), guarantee: guarantee,
		place: place, lines: map[string][]string{}, journal: filepath.Join(t.TempDir(), "journal"),
	}
	c.server = smtptest.NewUnstartedServer(t)
	c.server.Config.Hooks = []smtptest.Hook{func(e smtptest.Event) smtptest.Action {
		if e.At != smtptest.End {
			return smtptest.Action{}
		}
		c.life.Load().mail()
		if rand.IntN(hangUpOneIn) > 0 { //nolint:gosec // not a secret
			return smtptest.Action{}
		}
		c.hangUps.Add(1)
		if rand.IntN(2) == 0 { //nolint:gosec // not a secret
			return smtptest.Reset()
		}
		return smtptest.Default().Then(smtptest.Reset())
	}}
	c.server.Start()
	return c
}

// setting is a number of the environment.
func setting(name string, standard int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return standard
}

// run runs the program until it has ended, or has been killed because so many mails have come; 0 is never.
func (c *campaign) run(t *testing.T, most int) (killed bool) {
	t.Helper()
	ctx, end := c.begin(t.Context(), most)
	defer end()
	cmd := exec.CommandContext(ctx, os.Args[0]) //nolint:gosec // the program of the test itself
	cmd.Env = append(os.Environ(), placeVariable+"="+c.place, journalVariable+"="+c.journal, portVariable+"="+strconv.Itoa(c.server.Port()),
		mailsVariable+"="+strconv.Itoa(c.mails), guaranteeVariable+"="+strconv.Itoa(int(c.guarantee)))
	out, err := cmd.CombinedOutput()
	if err != nil && ctx.Err() == nil {
		t.Fatalf("%v: %s", err, out)
	}
	return err != nil
}

// doubts counts for each mail how often its content was about to leave without a verdict that the same process has written. That it was about
// to is in the journal a moment before the ledger has it. What another process writes, that it did not send the mail, takes no doubt back.
func (c *campaign) doubts(t *testing.T) map[string]int {
	t.Helper()
	text, err := os.ReadFile(c.journal)
	if err != nil {
		t.Fatal(err)
	}
	doubts, open := map[string]int{}, map[string]string{} // open is the process
	for line := range strings.Lines(string(text)) {
		what, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		key, rest, _ := strings.Cut(rest, " ")
		process, _, _ := strings.Cut(rest, " ")
		c.lines[key] = append(c.lines[key], strings.TrimSpace(line))
		switch {
		case what == "ending": // one before that is open stays a doubt
			doubts[key]++
			open[key] = process
		case open[key] == process: // else it was certain before its content was about to leave
			doubts[key]--
			delete(open, key)
		}
	}
	return doubts
}

func (c *campaign) check(t *testing.T, killed int, parked map[string]bool) {
	t.Helper()
	copies, doubts := map[string]int{}, c.doubts(t)
	for _, m := range c.server.Messages() {
		for _, to := range m.Addresses() {
			copies[to]++
		}
	}
	inDoubt, twice := 0, 0
	for i := range c.mails {
		n, doubt, key := copies[campaignTo(i)], doubts[campaignKey(i)], campaignKey(i)
		if doubt > 0 {
			inDoubt++
		}
		if n > 1 {
			twice++
		}
		good := n >= 1 && n <= 1+doubt && !parked[key]
		if c.guarantee == policy.AtMostOnce {
			good = n == 1 && !parked[key] || n <= 1 && doubt >= 1 && parked[key]
		}
		if !good {
			t.Errorf("%s has %d copies, was in doubt %d times, parked: %v; the journal: %q; the server: %q", key, n, doubt, parked[key], c.lines[key], c.arrivals(campaignTo(i)))
		}
	}
	if most := killed*2*killConnections*killWindow + int(c.hangUps.Load())*killWindow; inDoubt > most {
		t.Errorf("%d mails were in doubt after %d kills and %d hang-ups", inDoubt, killed, c.hangUps.Load())
	}
	t.Logf("%d mails, %d kills, %d hang-ups: %d were in doubt, %d arrived twice, %d are parked", c.mails, killed, c.hangUps.Load(), inDoubt, twice, len(parked))
}

// arrivals says what the server had of the mail to an address.
func (c *campaign) arrivals(to string) (list []string) {
	for _, m := range c.server.Messages() {
		if slices.ContainsFunc(m.Recipients, func(r smtptest.Recipient) bool { return r.Address == to }) {
			list = append(list, fmt.Sprintf("%s session %d transaction %d complete %t stored %t: %s, written %t",
				m.Time.Format("15:04:05.000"), m.Session, m.Transaction, m.Complete, m.Stored, m.Reply, m.ReplyWritten))
		}
	}
	return list
}

// parkedKeys looks into the queue; a job that is not parked is a fault.
func parkedKeys(t *testing.T, open OpenAt, place string) map[string]bool {
	t.Helper()
	engine, err := open(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	}()
	parked := map[string]bool{}
	for e, err := range engine.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if e.State != queue.Parked {
			t.Errorf("%s is %v: %s", e.Key, e.State, e.Reason)
		}
		parked[e.Key] = true
	}
	return parked
}
