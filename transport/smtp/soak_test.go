package smtp_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// moods are what an unreliable server does at an event, and how often in 1,000.
var moods = []struct {
	at   string
	rate int
	do   smtptest.Action
}{
	{smtptest.Mail, 15, smtptest.Close()},
	{smtptest.Mail, 15, smtptest.Reset()},
	{smtptest.Mail, 10, smtptest.Reply("421 4.3.2 enough").Then(smtptest.Close())},
	{smtptest.Mail, 10, smtptest.Reply("450 4.7.1 too much mail")},
	{smtptest.Rcpt, 15, smtptest.Cut()},
	{smtptest.Rcpt, 40, smtptest.Reply("550 5.1.1 no such user")},
	{smtptest.Rcpt, 10, smtptest.Reply("421 4.3.2 enough").Then(smtptest.Close())},
	{smtptest.Data, 15, smtptest.Close()},
	{smtptest.Body, 15, smtptest.Reset()},
	{smtptest.End, 15, smtptest.Reply("451 4.3.0 disk")},
	{smtptest.End, 15, smtptest.Accept().Then(smtptest.Reset())},
	{smtptest.End, 15, smtptest.Accept().Then(smtptest.Close())},
	{smtptest.End, 10, smtptest.Decide("554 5.6.0 no").Then(smtptest.Cut())},
	{smtptest.End, 15, smtptest.Default().Then(smtptest.Close())}, // an idle close
	{smtptest.End, 10, smtptest.Default().Then(smtptest.Raw("421 4.4.2 idle\r\n")).Then(smtptest.Close())},
}

// unreliable returns a hook in these moods, the same for the same seed and order of events.
func unreliable(seed uint64) smtptest.Hook {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 0))
	return func(e smtptest.Event) smtptest.Action {
		mu.Lock()
		n := random.IntN(1000)
		mu.Unlock()
		for _, m := range moods {
			if m.at != e.At {
				continue
			}
			if n < m.rate {
				return m.do
			}
			n -= m.rate
		}
		return smtptest.Action{}
	}
}

// numbered returns mail i, with a sender of its own and two recipients.
func numbered(t *testing.T, i int) transport.Mail {
	t.Helper()
	env, err := envelope.New(address(t, fmt.Sprintf("s%d@example.org", i)),
		address(t, fmt.Sprintf("a%d@example.org", i)), address(t, fmt.Sprintf("b%d@example.org", i)))
	if err != nil {
		t.Fatal(err)
	}
	return transport.Raw(env, fmt.Appendf(nil, "Subject: %d\r\n\r\n.%s\r\n", i, strings.Repeat("x", i%100)))
}

// TestUnreliableServer sends thousands of mails to a server that closes idle and busy connections and
// refuses at random, and compares each outcome with what the server has stored: Accepted is stored
// once, NotSent, Rejected and Deferred are not stored, Unknown is stored once or not.
func TestUnreliableServer(t *testing.T) {
	each := 10_000
	if testing.Short() {
		each = 500
	}
	for name, form := range map[string]struct {
		lmtp bool
		bulk bool
		step func(b smtp.Builder) smtp.Builder
	}{
		"DATA":      {step: func(b smtp.Builder) smtp.Builder { return b.Chunking(client.ChunkingOff) }},
		"BDAT":      {step: func(b smtp.Builder) smtp.Builder { return b.Chunking(client.ChunkingTrusted) }},
		"LMTP":      {lmtp: true, step: func(b smtp.Builder) smtp.Builder { return b }},
		"bulk DATA": {bulk: true, step: func(b smtp.Builder) smtp.Builder { return b.Chunking(client.ChunkingOff) }},
		"window":    {bulk: true, step: func(b smtp.Builder) smtp.Builder { return b.BulkWindow(16).ResendUnsent() }},
		"LMTP bulk": {lmtp: true, bulk: true, step: func(b smtp.Builder) smtp.Builder { return b.BulkWindow(16).ResendUnsent() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Security = smtptest.Plaintext
			srv.Config.Hooks = []smtptest.Hook{unreliable(1)}
			b := smtp.DangerousPlaintext("127.0.0.1")
			if form.lmtp {
				srv.Config.Protocol = smtptest.LMTP
				b = smtp.LMTP("127.0.0.1")
			}
			srv.Start()
			sender := build(t, form.step(b.Port(srv.Port()).Pool(smtp.Pool{MaxOpen: 4})))
			results := make([]*transport.Result, each)
			if form.bulk {
				mails := func(yield func(transport.Mail) bool) {
					for i := range each {
						if !yield(numbered(t, i)) {
							return
						}
					}
				}
				for sent, err := range transport.SendAll(t.Context(), sender, mails) {
					if results[sent.Index] != nil || (err == nil) != sent.Result.AllAccepted() {
						t.Fatalf("mail %d ended twice, or with %v", sent.Index, err)
					}
					results[sent.Index] = sent.Result
				}
			} else {
				sendEach(t, sender, results)
			}
			if err := sender.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := srv.WaitIdle(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			agree(t, srv, results)
		})
	}
}

// sendEach sends every mail by itself, from several goroutines.
func sendEach(t *testing.T, sender *smtp.Transport, results []*transport.Result) {
	t.Helper()
	var workers sync.WaitGroup
	next := make(chan int)
	for range 8 {
		workers.Go(func() {
			for i := range next {
				result, err := sender.Send(context.Background(), numbered(t, i))
				if (err == nil) != result.AllAccepted() {
					t.Errorf("mail %d: %v", i, err)
				}
				results[i] = result
			}
		})
	}
	for i := range results {
		next <- i
	}
	close(next)
	workers.Wait()
}

// agree compares what the client says with what the server knows.
func agree(t *testing.T, srv *smtptest.Server, results []*transport.Result) {
	t.Helper()
	stored := map[string]int{} // by sender and recipient
	for _, m := range srv.Messages() {
		var i int
		if _, err := fmt.Sscanf(m.From.Address, "s%d@example.org", &i); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("Subject: %d\r\n\r\n.%s\r\n", i, strings.Repeat("x", i%100)); string(m.Content) != want {
			t.Errorf("mail %d was stored as %q", i, m.Content)
		}
		for _, to := range m.Addresses() {
			stored[m.From.Address+" "+to]++
		}
	}
	count := map[transport.Outcome]int{}
	for i, result := range results {
		if result == nil {
			t.Fatalf("mail %d has no result", i)
		}
		for _, r := range result.Recipients {
			count[r.Outcome]++
			n := stored[fmt.Sprintf("s%d@example.org %s", i, r.Address)]
			delete(stored, fmt.Sprintf("s%d@example.org %s", i, r.Address))
			switch r.Outcome {
			case transport.Accepted:
				if n != 1 {
					t.Errorf("mail %d to %s is accepted and was stored %d times", i, r.Address, n)
				}
			case transport.Unknown:
				if n > 1 {
					t.Errorf("mail %d to %s is unknown and was stored %d times", i, r.Address, n)
				}
			case transport.NotSent, transport.Rejected, transport.Deferred:
				if n != 0 {
					t.Errorf("mail %d to %s is %v and was stored %d times", i, r.Address, r.Outcome, n)
				}
			}
		}
	}
	if len(stored) > 0 {
		t.Errorf("%d deliveries that nobody asked for: %v", len(stored), stored)
	}
	if count[transport.Accepted] < len(results) || count[transport.Unknown] == 0 || count[transport.Rejected] == 0 {
		t.Errorf("the server was not what it should have been: %v", count)
	}
	t.Log(count)
}
