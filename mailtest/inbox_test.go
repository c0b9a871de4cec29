package mailtest_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/transporttest"
	"github.com/google/go-cmp/cmp"
)

func TestConformance(t *testing.T) {
	var current *mailtest.Inbox
	transporttest.Run(t, transporttest.Harness{
		New: func(*testing.T) transport.Transport {
			current = mailtest.New()
			return current
		},
		Received: func(*testing.T) []transporttest.Received {
			var all []transporttest.Received
			for _, m := range current.Mails() {
				r := transporttest.Received{From: m.Envelope().From().String(), Data: []byte(m.Source())}
				for _, to := range m.Envelope().Recipients() {
					r.To = append(r.To, to.Address.String())
				}
				all = append(all, r)
			}
			return all
		},
	})
}

func env(t *testing.T, to ...string) envelope.Envelope {
	t.Helper()
	from, err := envelope.ParseAddress("from@example.org")
	if err != nil {
		t.Fatal(err)
	}
	var list []envelope.Address
	for _, s := range to {
		address, err := envelope.ParseAddress(s)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, address)
	}
	e, err := envelope.New(from, list...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func raw(t *testing.T, subject string) transport.Mail {
	t.Helper()
	return transport.Raw(env(t, "to@example.org"), []byte("Subject: "+subject+"\r\n\r\n"))
}

func send(t *testing.T, inbox transport.Transport, mails ...transport.Mail) {
	t.Helper()
	for _, mail := range mails {
		if _, err := inbox.Send(t.Context(), mail); err != nil {
			t.Fatal(err)
		}
	}
}

func subjects(mails []*mailtest.Mail) []string {
	list := []string{}
	for _, m := range mails {
		list = append(list, m.View().Subject())
	}
	return list
}

func TestLimits(t *testing.T) {
	const size = len("Subject: 1\r\n\r\n")
	cases := map[string]struct {
		limits mailtest.Limits
		want   []string
	}{
		"none":           {mailtest.Limits{}, []string{"1", "2", "3", "4"}},
		"mails":          {mailtest.Limits{Mails: 3}, []string{"2", "3", "4"}},
		"octets":         {mailtest.Limits{Octets: int64(2*size + 1)}, []string{"3", "4"}},
		"exactly one":    {mailtest.Limits{Octets: int64(size)}, []string{"4"}},
		"the lower wins": {mailtest.Limits{Mails: 1, Octets: int64(2 * size)}, []string{"4"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			inbox := mailtest.NewBounded(tc.limits)
			send(t, inbox, raw(t, "1"))
			first := inbox.Mails()[0]
			send(t, inbox, raw(t, "2"), raw(t, "3"), raw(t, "4"))
			if diff := cmp.Diff(tc.want, subjects(inbox.Mails())); diff != "" {
				t.Error(diff)
			}
			kept := len(tc.want) == 4
			if _, ok := inbox.Get(first.ID()); ok != kept {
				t.Errorf("the first mail is there: %v", ok)
			}
		})
	}
	inbox := mailtest.NewBounded(mailtest.Limits{Octets: int64(size)})
	send(t, inbox, raw(t, "1"))
	result, err := inbox.Send(t.Context(), raw(t, "22"))
	if !errors.Is(err, mailtest.ErrTooLarge) || result.Count(transport.NotSent) != 1 {
		t.Errorf("too large: %v, %v", result, err)
	}
	if diff := cmp.Diff([]string{"1"}, subjects(inbox.Mails())); diff != "" {
		t.Error("a mail that was refused pushed another out: " + diff)
	}
}

func TestWaitFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inbox := mailtest.NewBounded(mailtest.Limits{Mails: 2})
		var waiters sync.WaitGroup
		for _, subject := range []string{"1", "3", "3"} {
			waiters.Go(func() {
				mail, err := inbox.WaitFor(t.Context(), mailtest.Subject(subject))
				if err != nil || mail.View().Subject() != subject {
					t.Errorf("waited for %s: %v, %v", subject, mail, err)
				}
			})
		}
		for _, subject := range []string{"1", "2", "3", "4"} {
			synctest.Wait() // so that each is seen before the limit drops it
			send(t, inbox, raw(t, subject))
		}
		waiters.Wait()
		if mail := inbox.Await(t, mailtest.Subject("4")); mail.View().Subject() != "4" {
			t.Error("one that was there already")
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := inbox.WaitFor(ctx, mailtest.Subject("5"))
		failed, ok := errors.AsType[*mailtest.WaitError](err)
		if !ok || !errors.Is(err, context.DeadlineExceeded) || len(failed.Mails) != 2 {
			t.Fatalf("%v", err)
		}
		for _, want := range []string{`where Subject is "5"`, `2. "4" to to@example.org: Subject is ["4"]`} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s is not in %v", want, err)
			}
		}
	})
}

func TestReset(t *testing.T) {
	inbox := mailtest.NewBounded(mailtest.Limits{Octets: 20})
	send(t, inbox, raw(t, "1"))
	inbox.Reset()
	inbox.AssertNothingSent(t)
	send(t, inbox, raw(t, "2"))
	if diff := cmp.Diff([]string{"2"}, subjects(inbox.Mails())); diff != "" {
		t.Error(diff)
	}
	if _, err := inbox.WaitFor(t.Context(), mailtest.Subject("2")); err != nil {
		t.Error(err)
	}
}

// TestByContext sends from parallel tests through one transport.
func TestByContext(t *testing.T) {
	shared := mailtest.ByContext()
	for _, name := range []string{"a", "b", "c"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inbox := mailtest.New()
			if _, err := shared.Send(inbox.Context(t.Context()), raw(t, name)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{name}, subjects(inbox.Mails())); diff != "" {
				t.Error(diff)
			}
		})
	}
	result, err := shared.Send(t.Context(), raw(t, "nowhere"))
	if !errors.Is(err, mailtest.ErrNoInbox) || result.Count(transport.NotSent) != 1 {
		t.Errorf("without an inbox: %v, %v", result, err)
	}
}

// TestMailCanBeSentOn takes what an inbox has as a mail of its own.
func TestMailCanBeSentOn(t *testing.T) {
	first, second := mailtest.New(), mailtest.New()
	send(t, first, transport.Raw(env(t, "a@example.org", "b@example.org"), []byte("Message-ID: <1@x>\r\nSubject: on\r\n\r\nbody\r\n")))
	sent := first.Mails()[0]
	if _, err := second.Send(t.Context(), sent); err != nil {
		t.Fatal(err)
	}
	got := second.AssertSent(t, mailtest.SentTo("b@example.org"), mailtest.SentFrom("from@example.org"))
	if got.Source() != sent.Source() || got.MessageID() != "<1@x>" || got.ID() == sent.ID() || got.Received().IsZero() {
		t.Errorf("sent on: %q, id %s", got.Source(), got.ID())
	}
	if n, err := got.WriteTo(io.Discard); n != got.Size() || err != nil {
		t.Errorf("wrote %d of %d: %v", n, got.Size(), err)
	}
}

// TestDelete removes mails in the middle, and a caller that waits for the next mail still gets it.
func TestDelete(t *testing.T) {
	inbox := mailtest.NewBounded(mailtest.Limits{Octets: 100})
	send(t, inbox, raw(t, "a"), raw(t, "b"), raw(t, "c"))
	changed := inbox.Changed()
	if n := inbox.Delete(inbox.Mails()[1].ID(), "none"); n != 1 {
		t.Errorf("%d deleted", n)
	}
	<-changed
	if diff := cmp.Diff([]string{"a", "c"}, subjects(inbox.Mails())); diff != "" {
		t.Error(diff)
	}
	if n := inbox.Delete("none"); n != 0 {
		t.Errorf("%d deleted", n)
	}
	send(t, inbox, raw(t, strings.Repeat("d", 50))) // fits only when the octets of b are free
	if n := len(inbox.Mails()); n != 3 {
		t.Errorf("%d mails", n)
	}
}

// TestWaitAfterDelete deletes mails while a caller waits: what comes then has a place that was taken before.
func TestWaitAfterDelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inbox := mailtest.New()
		send(t, inbox, raw(t, "a"), raw(t, "b"))
		found := make(chan *mailtest.Mail, 1)
		go func() {
			mail, _ := inbox.WaitFor(t.Context(), mailtest.Subject("c"))
			found <- mail
		}()
		synctest.Wait()
		inbox.Delete(inbox.Mails()[0].ID())
		synctest.Wait()
		send(t, inbox, raw(t, "c"))
		if mail := <-found; mail == nil || mail.View().Subject() != "c" {
			t.Error(mail)
		}
	})
}

// TestChanged tells of a mail that comes, and of those that go.
func TestChanged(t *testing.T) {
	inbox := mailtest.New()
	for name, change := range map[string]func(){
		"a mail":  func() { send(t, inbox, raw(t, "a")) },
		"a reset": inbox.Reset,
		"a mail of before": func() {
			if err := inbox.Keep(mailtest.NewMail("x", env(t, "to@example.org"), "", time.Unix(1, 0))); err != nil {
				t.Error(err)
			}
		},
	} {
		changed := inbox.Changed()
		select {
		case <-changed:
			t.Error("changed before", name)
		default:
		}
		change()
		<-changed
	}
}

// TestKeep puts a mail back as it was, and holds the limits.
func TestKeep(t *testing.T) {
	inbox := mailtest.NewBounded(mailtest.Limits{Octets: 40, Mails: 2})
	then := time.Unix(1_700_000_000, 0)
	if err := inbox.Keep(mailtest.NewMail("kept", env(t, "to@example.org"), "Subject: a\r\n\r\n", then)); err != nil {
		t.Fatal(err)
	}
	mail, ok := inbox.Get("kept")
	if !ok || mail.ID() != "kept" || !mail.Received().Equal(then) || mail.View().Subject() != "a" || mail.Envelope().Len() != 1 {
		t.Error(mail, ok)
	}
	err := inbox.Keep(mailtest.NewMail("large", env(t, "to@example.org"), strings.Repeat("x", 41), then))
	if !errors.Is(err, mailtest.ErrTooLarge) || len(inbox.Mails()) != 1 {
		t.Error(err)
	}
}
