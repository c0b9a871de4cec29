package smtp_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// TestFailoverInBulk sends many mails, with several in flight on each connection, over a relay that
// misbehaves and one that does not. Each mail arrives once; only where a verdict was lost it may be
// none.
func TestFailoverInBulk(t *testing.T) {
	everyTenth := func(do smtptest.Action) smtptest.Hook {
		return func(e smtptest.Event) smtptest.Action {
			if e.At == smtptest.End && e.Transaction%10 == 9 {
				return do
			}
			return smtptest.Action{}
		}
	}
	cases := map[string]struct {
		bad  smtptest.Hook
		lost bool // verdicts may be
	}{
		"refuses to talk":           {smtptest.On(smtptest.Greeting, smtptest.Reply("554 5.3.2 no").Then(smtptest.Close())), false},
		"hangs up at once":          {smtptest.On(smtptest.Connect, smtptest.Close()), false},
		"refuses the login":         {smtptest.On(smtptest.Auth, smtptest.Reply("535 5.7.8 no")), false},
		"421 after some":            {smtptest.MessagesPerSession(5, smtptest.Reply("421 4.7.0 enough").Then(smtptest.Close())), false},
		"loses every tenth verdict": {everyTenth(smtptest.Close()), true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			bad := smtptest.NewUnstartedServer(t)
			bad.Config.Hooks = append(bad.Config.Hooks, tc.bad)
			bad.Start()
			good := smtptest.NewServer(t)
			sender, err := policy.Failover{Relays: []transport.Transport{bulkRelay(t, bad), bulkRelay(t, good)}}.Build()
			if err != nil {
				t.Fatal(err)
			}
			const n = 300
			outcomes := map[string]transport.Outcome{}
			for sent, err := range transport.SendAll(t.Context(), sender, slices.Values(numberedMails(t, n))) {
				r := sent.Result.Recipients[0]
				outcomes[r.Address.String()] = r.Outcome
				if r.Outcome != transport.Accepted && (!tc.lost || r.Outcome != transport.Unknown) {
					t.Errorf("%v: %v %v: %v", r.Address, r.Outcome, r.Reply, err)
				}
			}
			if len(outcomes) != n {
				t.Errorf("%d of %d mails came back", len(outcomes), n)
			}
			arrived := map[string]int{}
			for _, m := range slices.Concat(bad.Messages(), good.Messages()) {
				arrived[m.Addresses()[0]]++
			}
			for to, outcome := range outcomes {
				if arrived[to] > 1 || arrived[to] == 0 && outcome == transport.Accepted {
					t.Errorf("%s is %v and arrived %d times", to, outcome, arrived[to])
				}
			}
			if err := transport.Shutdown(t.Context(), sender); err != nil {
				t.Error(err)
			}
		})
	}
}

func bulkRelay(t *testing.T, srv *smtptest.Server) *smtp.Transport {
	t.Helper()
	return build(t, relay(srv).Pool(smtp.Pool{MaxOpen: 2}).BulkWindow(8).Timeout(10*time.Second))
}

func numberedMails(t *testing.T, n int) []transport.Mail {
	t.Helper()
	mails := make([]transport.Mail, n)
	for i := range mails {
		env, err := envelope.New(address(t, "a@example.org"), address(t, fmt.Sprintf("user%d@example.org", i)))
		if err != nil {
			t.Fatal(err)
		}
		mails[i] = transport.Raw(env, []byte(content))
	}
	return mails
}
