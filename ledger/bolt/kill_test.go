//go:build unix

package bolt_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/ledger/bolt"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// relay counts the copies that a server took, by recipient.
type relay struct{ *smtptest.Server }

// newRelay starts a server that hangs up after the content of one mail in so many, half of these before it
// takes the mail and half after.
func newRelay(t *testing.T, oneIn int) relay {
	t.Helper()
	r := relay{smtptest.NewUnstartedServer(t)}
	if oneIn > 0 {
		r.Config.Hooks = []smtptest.Hook{func(e smtptest.Event) smtptest.Action {
			switch {
			case e.At != smtptest.End || rand.IntN(oneIn) > 0:
				return smtptest.Action{}
			case rand.IntN(2) == 0:
				return smtptest.Reset()
			}
			return smtptest.Default().Then(smtptest.Reset())
		}}
	}
	r.Start()
	return r
}

// copies says how many copies of each mail the server has decided to take.
func (r relay) copies() map[string]int {
	counts := map[string]int{}
	for _, m := range r.Messages() {
		for _, to := range m.Addresses() {
			counts[to]++
		}
	}
	return counts
}

// check holds the guarantee for each mail of a campaign that has ended, and returns how many are in doubt.
func (r relay) check(t *testing.T, o order, c child) (unknown int) {
	t.Helper()
	if len(c.outcomes) != o.Mails {
		t.Errorf("%d of %d mails came back\n%s", len(c.outcomes), o.Mails, c.errors)
	}
	counts := r.copies()
	for i := range o.Mails {
		copies, says := counts[fmt.Sprint(o.Prefix, i, "@example.org")], c.outcomes[i]
		doubt := strings.HasPrefix(says, "unknown")
		if doubt {
			unknown++
		}
		switch {
		case o.Guarantee == policy.AtMostOnce && copies > 1,
			copies == 0 && !doubt,
			o.Guarantee == policy.DangerousAtLeastOnce && copies == 0:
			t.Errorf("mail %d of %s: %d copies arrived, and the ledger says %q", i, o.Prefix, copies, says)
		}
	}
	return unknown
}

// TestKillAtEachStep kills a small campaign with SIGKILL before and after each call of the ledger and each write
// to the socket, and starts it again. At most once, two mails at most are in doubt after one kill with a window of
// one: that which is in flight, and that whose verdict is being written down. At least once, none is.
func TestKillAtEachStep(t *testing.T) {
	r := newRelay(t, 0)
	for _, guarantee := range []policy.Guarantee{policy.AtMostOnce, policy.DangerousAtLeastOnce} {
		t.Run(fmt.Sprint(guarantee), func(t *testing.T) {
			kills := 0
			for at := int64(1); ; at++ {
				o := order{
					Ledger: place(t), Port: r.Port(), Prefix: fmt.Sprintf("g%d-s%d-", guarantee, at), Mails: 3, Window: 1,
					Connections: 1, Guarantee: guarantee, KillAt: at,
				}
				c := o.start(t, nil)
				killed := c.killed
				if killed {
					kills++
					o.KillAt = 0
					c = o.start(t, nil)
				}
				unknown := r.check(t, o, c)
				if unknown > 2*o.Window || unknown > 0 && (guarantee == policy.DangerousAtLeastOnce || !killed) {
					t.Errorf("killed at step %d: %d mails in doubt", at, unknown)
				}
				if !killed {
					break
				}
			}
			if kills < 20 {
				t.Errorf("%d steps only", kills)
			}
			t.Logf("killed at each of %d steps", kills)
		})
	}
}

// setting is a number of the environment.
func setting(name string, standard int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return standard
}

// TestKillAtRandom kills a campaign at random moments, over a relay that hangs up at random, until it has ended;
// DEPECHE_CHAOS_MAILS and DEPECHE_CHAOS_KILLS make it longer. What is in doubt is bounded by the kills and
// hang-ups times the windows, see TestKillAtEachStep.
func TestKillAtRandom(t *testing.T) {
	mails, kills := setting("DEPECHE_CHAOS_MAILS", 1500), setting("DEPECHE_CHAOS_KILLS", 8)
	const window, connections, oneIn = 8, 2, 200
	for _, guarantee := range []policy.Guarantee{policy.AtMostOnce, policy.DangerousAtLeastOnce} {
		t.Run(fmt.Sprint(guarantee), func(t *testing.T) {
			r := newRelay(t, oneIn)
			o := order{
				Ledger: place(t), Port: r.Port(), Prefix: "m", Mails: mails, Window: window, Connections: connections, Guarantee: guarantee,
			}
			killed := 0
			for range kills {
				pause := time.Duration(rand.IntN(mails*100)+5000) * time.Microsecond
				if o.start(t, time.After(pause)).killed {
					killed++
				}
			}
			c := o.start(t, nil)
			for range 20 { // what a hang-up left, goes in the next run
				if !unsent(c, guarantee) {
					break
				}
				c = o.start(t, nil)
			}
			if unsent(c, guarantee) {
				t.Error("mails are left after 20 runs without a kill")
			}
			unknown := r.check(t, o, c)
			hangUps := 3 * mails / oneIn
			if limit := (2*killed*connections + hangUps) * window; guarantee == policy.AtMostOnce && unknown > limit || guarantee != policy.AtMostOnce && unknown > 0 {
				t.Errorf("%d mails in doubt after %d kills", unknown, killed)
			}
			t.Logf("%d mails, %d kills, %d in doubt", mails, killed, unknown)
		})
	}
}

// unsent reports whether a further run would send something.
func unsent(c child, guarantee policy.Guarantee) bool {
	for _, says := range c.outcomes {
		if strings.HasPrefix(says, "not sent") || strings.HasPrefix(says, "deferred") ||
			guarantee == policy.DangerousAtLeastOnce && strings.HasPrefix(says, "unknown") {
			return true
		}
	}
	return false
}

// TestFullDisk lets the file grow no further: from then on no mail leaves, and with room again the rest does.
func TestFullDisk(t *testing.T) {
	r := newRelay(t, 0)
	o := order{Ledger: place(t), Port: r.Port(), Prefix: "m", Mails: 800, Window: 4, Connections: 1, FileSize: 96 << 10}
	c := o.start(t, nil)
	arrived, refused := len(r.copies()), 0
	for i := range o.Mails {
		if strings.HasPrefix(c.outcomes[i], "not sent") && strings.Contains(c.outcomes[i], "file too large") {
			refused++
		}
	}
	if refused == 0 || arrived == 0 || arrived+refused > o.Mails {
		t.Errorf("%d arrived, %d were refused of %d", arrived, refused, o.Mails)
	}
	o.FileSize = 0
	c = o.start(t, nil)
	if unknown := r.check(t, o, c); unknown > 2*o.Window {
		t.Errorf("%d mails in doubt after a full disk", unknown)
	}
	book := open(t, o.Ledger, bolt.Options{})
	if got := answer(t, book, "m0@example.org", "m0"); got == ledger.Send {
		t.Error("the first mail was forgotten")
	}
}
