package bolt_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/ledger/bolt"
)

// TestForever: a program that looks at a ledger and does not know its window deletes nothing that counts there.
func TestForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		path := place(t)
		with := func(window time.Duration, do func(*bolt.Ledger)) {
			l, err := bolt.Open(path, bolt.Options{Window: window})
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait() // for the sweep of the opening
			do(l)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
		const to = "a@example.org"
		with(90*day, func(l *bolt.Ledger) { accept(t, l, to, "key") })
		time.Sleep(20 * day)
		with(ledger.Forever, func(l *bolt.Ledger) {
			time.Sleep(day) // for those every few hours
			if list, err := l.Lookup(t.Context(), "key"); err != nil || len(list) != 1 {
				t.Errorf("the looker sees %v, %v", list, err)
			}
			if n, err := l.Sweep(t.Context()); n != 0 || err != nil {
				t.Errorf("swept %d, %v", n, err)
			}
		})
		with(90*day, func(l *bolt.Ledger) {
			if got := answer(t, l, to, "key"); got != ledger.Replay {
				t.Errorf("after the look a key of day 21 of 90 is answered with %v", got)
			}
		})
	})
}
