package wire_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/interop/rig"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/google/go-cmp/cmp"
)

// dropped is mail i, which Postfix accepts and throws away, or refuses.
func dropped(t *testing.T, i int, dead bool) transport.Mail {
	t.Helper()
	to := fmt.Sprintf("discard%d@rig.test", i)
	if dead {
		to = fmt.Sprintf("unknown%d@rig.test", i)
	}
	return mail(t, "sender@rig.test", "From: sender@rig.test\r\nSubject: load\r\n\r\ntext\r\n", to)
}

// ends sends n mails, each by itself and all at once or in one SendAll, and counts the outcomes.
func ends(t *testing.T, sender *smtp.Transport, all bool, n int, dead func(int) bool) map[string]int {
	t.Helper()
	outcomes := map[string]int{}
	if all {
		for sent := range sender.SendAll(t.Context(), func(yield func(transport.Mail) bool) {
			for i := range n {
				if !yield(dropped(t, i, dead(i))) {
					return
				}
			}
		}) {
			outcomes[sent.Result.Recipients[0].Outcome.String()]++
		}
		return outcomes
	}
	var mu sync.Mutex
	var sends sync.WaitGroup
	for i := range n {
		sends.Go(func() {
			result, _ := sender.Send(t.Context(), dropped(t, i, dead(i))) // the outcome is looked at
			mu.Lock()
			defer mu.Unlock()
			outcomes[result.Recipients[0].Outcome.String()]++
		})
	}
	sends.Wait()
	return outcomes
}

func alive(int) bool { return false }

// TestTwoConnections: Postfix that allows two connections gets every mail of a pool of ten.
func TestTwoConnections(t *testing.T) {
	r := rig.Start(t, "postfix")
	host, port := r.HostPort(t, "POSTFIX_TWO_ADDR")
	for all, n := range map[bool]int{false: 30, true: 1000} {
		t.Run(fmt.Sprintf("%d mails, all: %v", n, all), func(t *testing.T) {
			sender, err := smtp.DangerousPlaintext(host).Port(port).Pool(smtp.Pool{MaxOpen: 10}).Build()
			if err != nil {
				t.Fatal(err)
			}
			defer sender.Close()
			begin := time.Now()
			got := ends(t, sender, all, n, alive)
			t.Logf("%v in %v; %v", got, time.Since(begin).Round(time.Millisecond), sender.Stats())
			if diff := cmp.Diff(map[string]int{"accepted": n}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestAccountAtTwoConnections: two transports of one account, one with a newsletter and one with single mails, and Postfix that
// allows two connections: no mail fails.
func TestAccountAtTwoConnections(t *testing.T) {
	r := rig.Start(t, "postfix")
	host, port := r.HostPort(t, "POSTFIX_TWO_ADDR")
	b := smtp.DangerousPlaintext(host).Port(port).Account(smtp.NewAccount())
	newsletter, single := build(t, b.Clone().BulkWindow(5).ResendUnsent()), build(t, b)
	begin := time.Now()
	var both sync.WaitGroup
	both.Go(func() {
		if diff := cmp.Diff(map[string]int{"accepted": 1000}, ends(t, newsletter, true, 1000, alive)); diff != "" {
			t.Error(diff)
		}
	})
	both.Go(func() {
		if diff := cmp.Diff(map[string]int{"accepted": 30}, ends(t, single, false, 30, alive)); diff != "" {
			t.Error(diff)
		}
	})
	both.Wait()
	t.Logf("%v; %v; %v", time.Since(begin).Round(time.Millisecond), newsletter.Stats(), single.Stats())
}

// TestFiveDeadOfSix: with the default limits of Postfix on errors, dead addresses neither slow it down nor lose a mail.
func TestFiveDeadOfSix(t *testing.T) {
	r := rig.Start(t, "postfix")
	host, port := r.HostPort(t, "POSTFIX_SMTP_ADDR")
	for _, n := range []int{60, 6000} {
		for _, order := range []string{"in turn", "shuffled"} {
			for _, all := range []bool{false, true} {
				if n > 60 && !all {
					continue
				}
				t.Run(fmt.Sprintf("%d mails, %s, all: %v", n, order, all), func(t *testing.T) {
					places := rand.New(rand.NewPCG(1, 0)).Perm(n)
					dead := func(i int) bool {
						if order == "shuffled" {
							i = places[i]
						}
						return i%6 != 5
					}
					sender, err := smtp.DangerousPlaintext(host).Port(port).Pool(smtp.Pool{MaxOpen: 1}).Build()
					if err != nil {
						t.Fatal(err)
					}
					defer sender.Close()
					begin := time.Now()
					got := ends(t, sender, all, n, dead)
					took := time.Since(begin)
					t.Logf("%v in %v; %v", got, took.Round(time.Millisecond), sender.Stats())
					if diff := cmp.Diff(map[string]int{"accepted": n / 6, "rejected": n - n/6}, got); diff != "" {
						t.Error(diff)
					}
					if limit := time.Duration(n) * 20 * time.Millisecond; took > limit { // each delay of Postfix is a second
						t.Errorf("it took %v", took)
					}
				})
			}
		}
	}
}

// TestPostfixReloads: Postfix that reloads, or restarts, in the middle of a SendAll costs no mail.
func TestPostfixReloads(t *testing.T) {
	const n = 20_000
	for _, how := range []string{"reload", "restart"} {
		t.Run(how, func(t *testing.T) {
			r := rig.Start(t, "postfix")
			host, port := r.HostPort(t, "POSTFIX_SMTP_ADDR")
			sender, err := smtp.DangerousPlaintext(host).Port(port).ResendUnsent().Pool(smtp.Pool{MaxOpen: 4}).Build()
			if err != nil {
				t.Fatal(err)
			}
			defer sender.Close()
			var again sync.WaitGroup
			got, seen := map[string]int{}, 0
			begin := time.Now()
			for sent := range sender.SendAll(t.Context(), func(yield func(transport.Mail) bool) {
				for i := range n {
					if !yield(dropped(t, i, false)) {
						return
					}
				}
			}) {
				got[sent.Result.Recipients[0].Outcome.String()]++
				if seen++; seen == n/4 {
					again.Go(func() {
						if how == "reload" {
							r.Reload(t)
							return
						}
						r.Restart(t, "postfix", nil)
					})
				}
			}
			again.Wait()
			t.Logf("%v in %v; %v", got, time.Since(begin).Round(time.Millisecond), sender.Stats())
			if got["accepted"]+got["unknown"] != n || got["unknown"] > 4 { // one in doubt for each connection that broke
				t.Errorf("outcomes %v", got)
			}
		})
	}
}
