package policy_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

func mail(t *testing.T, to ...string) transport.Mail {
	t.Helper()
	return transport.Raw(env(t, to...), []byte("Subject: x\r\nMessage-ID: <1@example.org>\r\n\r\nx\r\n"))
}

func build(t *testing.T, c interface {
	Build() (transport.Transport, error)
},
) transport.Transport {
	t.Helper()
	made, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// fates is a result in short: the outcome of each recipient, and the relay that said so.
func fates(r *transport.Result) []string {
	list := make([]string, len(r.Recipients))
	for i, rcpt := range r.Recipients {
		list[i] = rcpt.Outcome.String()
		if rcpt.Relay != "" {
			list[i] += " " + rcpt.Relay
		}
	}
	return list
}

// offered is to whom a relay was asked to send, call by call.
func offered(s *stub.Transport) [][]string {
	var calls [][]string
	for _, c := range s.Calls() {
		var to []string
		for _, r := range c.Envelope.Recipients() {
			to = append(to, r.Address.LocalPart())
		}
		calls = append(calls, to)
	}
	return calls
}

func TestFailoverMoves(t *testing.T) {
	enhanced := func(code string) stub.Answer {
		a := stub.Reject(transport.PhaseRcpt, 451)
		a.Reply.Enhanced = code
		return a
	}
	refusing := func(reply string) func(*stub.Transport) {
		return func(s *stub.Transport) { s.AlwaysFor("x@example.org", stub.Reject(transport.PhaseRcpt, 550, reply)) }
	}
	both := [][]string{{"x", "y"}}
	type script func(*stub.Transport)
	cases := map[string]struct {
		first script
		moves policy.FailoverOn
		want  []string
		moved [][]string // what the second relay was offered
	}{
		"accepted": {func(*stub.Transport) {}, policy.FailoverOnDeferred, []string{"accepted a", "accepted a"}, nil},
		"no connection": {
			func(s *stub.Transport) { s.Always(stub.Fail(transport.PhaseDial, io.EOF)) }, policy.FailoverOnFault,
			[]string{"accepted b", "accepted b"},
			both,
		},
		"login refused": {
			func(s *stub.Transport) { s.Always(stub.Fail(transport.PhaseAuth, errors.New("535"))) }, policy.FailoverOnFault,
			[]string{"accepted b", "accepted b"},
			both,
		},
		"lost in the body": {
			func(s *stub.Transport) { s.Always(stub.Fail(transport.PhaseBody, io.ErrUnexpectedEOF)) }, policy.FailoverOnFault,
			[]string{"accepted b", "accepted b"},
			both,
		},
		"421": {
			func(s *stub.Transport) { s.Always(stub.Reject(transport.PhaseMail, 421)) }, policy.FailoverOnFault,
			[]string{"accepted b", "accepted b"},
			both,
		},
		"421 to one recipient": {
			func(s *stub.Transport) { s.AlwaysFor("y@example.org", stub.Reject(transport.PhaseRcpt, 421)) }, policy.FailoverOnFault,
			[]string{"accepted a", "accepted b"},
			[][]string{{"y"}},
		},
		"a full disk": {
			func(s *stub.Transport) { s.AlwaysFor("x@example.org", enhanced("4.3.1")) }, policy.FailoverOnFault,
			[]string{"accepted b", "accepted a"},
			[][]string{{"x"}},
		},
		"a policy of the receiving side": {
			func(s *stub.Transport) { s.AlwaysFor("x@example.org", enhanced("4.7.1")) }, policy.FailoverOnFault,
			[]string{"accepted b", "accepted a"},
			[][]string{{"x"}},
		},
		"a full mailbox": {
			func(s *stub.Transport) { s.AlwaysFor("x@example.org", enhanced("4.2.2")) }, policy.FailoverOnFault,
			[]string{"deferred a", "accepted a"},
			nil,
		},
		"a full mailbox, and everything deferred moves": {
			func(s *stub.Transport) { s.AlwaysFor("x@example.org", enhanced("4.2.2")) }, policy.FailoverOnDeferred,
			[]string{"accepted b", "accepted a"},
			[][]string{{"x"}},
		},
		"relay denied": {refusing("5.7.1 unable to relay"), policy.FailoverOnFault, []string{"accepted b", "accepted a"}, [][]string{{"x"}}},
		"no login": {
			func(s *stub.Transport) {
				s.Always(stub.Reject(transport.PhaseMail, 530, "5.7.0 authentication required"))
			},
			policy.FailoverOnFault,
			[]string{"accepted b", "accepted b"},
			both,
		},
		"the quota of the account": {
			func(s *stub.Transport) { s.Always(stub.Reject(transport.PhaseMail, 550, "5.4.5 daily limit exceeded")) },
			policy.FailoverOnFault,
			[]string{"accepted b", "accepted b"},
			both,
		},
		"the name we use": {
			func(s *stub.Transport) { s.Always(stub.Reject(transport.PhaseRcpt, 504, "5.5.2 who are you?")) },
			policy.FailoverOnFault,
			[]string{"accepted b", "accepted b"},
			both,
		},
		"no such user": {refusing("5.1.1 no such user"), policy.FailoverOnDeferred, []string{"rejected a", "accepted a"}, nil},
		"a sender that does not exist": {
			func(s *stub.Transport) { s.Always(stub.Reject(transport.PhaseMail, 550, "5.1.8 no such domain")) },
			policy.FailoverOnDeferred,
			[]string{"rejected a", "rejected a"},
			nil,
		},
		"a message that is too big": {
			func(s *stub.Transport) { s.Always(stub.Reject(transport.PhaseFinal, 552, "5.3.4 too big")) },
			policy.FailoverOnDeferred,
			[]string{"rejected a", "rejected a"},
			nil,
		},
		"rejected": {
			func(s *stub.Transport) { s.AlwaysFor("x@example.org", stub.Reject(transport.PhaseRcpt, 550)) }, policy.FailoverOnDeferred,
			[]string{"rejected a", "accepted a"},
			nil,
		},
		"verdict lost": {
			func(s *stub.Transport) { s.Always(stub.LoseReply()) }, policy.FailoverOnDeferred,
			[]string{"unknown a", "unknown a"},
			nil,
		},
		"all or nothing, one rejected": {
			func(s *stub.Transport) {
				s.AlwaysFor("x@example.org", stub.Reject(transport.PhaseRcpt, 550)).AlwaysFor("y@example.org", stub.Withhold())
			}, policy.FailoverOnDeferred,
			[]string{"rejected a", "not sent a"},
			nil,
		},
		"all or nothing, one deferred": {
			func(s *stub.Transport) {
				s.AlwaysFor("x@example.org", stub.Reject(transport.PhaseRcpt, 450)).AlwaysFor("y@example.org", stub.Withhold())
			}, policy.FailoverOnFault,
			[]string{"deferred a", "not sent a"},
			nil,
		},
		"all or nothing, one deferred, and everything deferred moves": {
			func(s *stub.Transport) {
				s.AlwaysFor("x@example.org", stub.Reject(transport.PhaseRcpt, 450)).AlwaysFor("y@example.org", stub.Withhold())
			}, policy.FailoverOnDeferred,
			[]string{"accepted b", "accepted b"},
			both,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a, b := stub.Named("a"), stub.Named("b")
			tc.first(a)
			f := build(t, policy.Failover{Relays: []transport.Transport{a, b}, On: tc.moves})
			result, err := f.Send(t.Context(), mail(t, "x@example.org", "y@example.org"))
			if diff := cmp.Diff(tc.want, fates(result)); diff != "" || (err == nil) != result.AllAccepted() {
				t.Errorf("%v\n%s", err, diff)
			}
			if diff := cmp.Diff(tc.moved, offered(b)); diff != "" {
				t.Errorf("the second relay was offered (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFailoverCauses(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	f := build(t, policy.Failover{Relays: []transport.Transport{
		stub.Named("a").Always(stub.Fail(transport.PhaseDial, first)),
		stub.Named("b").Always(stub.Fail(transport.PhaseAuth, second)),
	}})
	result, err := f.Send(t.Context(), mail(t, "x@example.org"))
	var failed *transport.SendError
	var all *policy.AttemptsError
	if !errors.Is(err, first) || !errors.Is(err, second) || !errors.As(err, &failed) || !errors.As(err, &all) {
		t.Fatalf("%#v", err)
	}
	if failed.Phase != transport.PhaseAuth || result.Relay != "b" || len(all.Attempts()) != 2 || failed.Result != result {
		t.Errorf("phase %s, relay %q, attempts %v", failed.Phase, result.Relay, all.Attempts())
	}
	want := "send: x@example.org not sent: a: dial: first; b: auth: second"
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestFailoverRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := stub.Fail(transport.PhaseDial, io.EOF)
		a, b, c := stub.Named("a").Next(down), stub.Named("b"), stub.Named("c")
		f := build(t, policy.Failover{Relays: []transport.Transport{a, b, c}, RetryPeriod: 15 * time.Second})
		send := func() string {
			result, _ := f.Send(t.Context(), mail(t, "x@example.org"))
			return fates(result)[0]
		}
		var got []string
		got = append(got, send()) // a fails
		time.Sleep(14 * time.Second)
		got = append(got, send()) // a rests
		b.Next(down)
		got = append(got, send()) // b fails, and a would be the last to be asked
		b.Next(down)
		c.Next(down)
		got = append(got, send()) // c fails; a is asked before b, because its fault is older
		time.Sleep(time.Second)
		got = append(got, send()) // a is first again
		want := []string{"accepted b", "accepted b", "accepted c", "accepted a", "accepted a"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if n := len(b.Calls()); n != 3 {
			t.Errorf("b was asked %d times", n)
		}
	})
}

func TestFailoverRestsInTrouble(t *testing.T) {
	full := stub.Reject(transport.PhaseMail, 452, "no space")
	full.Reply.Enhanced = "4.3.1"
	a, b := stub.Named("a").Always(full), stub.Named("b")
	f := build(t, policy.Failover{Relays: []transport.Transport{a, b}})
	for range 3 {
		if _, err := f.Send(t.Context(), mail(t, "x@example.org")); err != nil {
			t.Error(err)
		}
	}
	if n := len(a.Calls()); n != 1 {
		t.Errorf("a relay in trouble was asked %d times", n)
	}
}

func TestFailoverContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := stub.Named("a").Always(stub.Accept().WithDelay(time.Hour)), stub.Named("b")
		f := build(t, policy.Failover{Relays: []transport.Transport{a, b}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		result, err := f.Send(ctx, mail(t, "x@example.org"))
		if !errors.Is(err, context.DeadlineExceeded) || fates(result)[0] != "not sent a" || len(b.Calls()) != 0 {
			t.Errorf("%v, %v, the second relay was asked %d times", fates(result), err, len(b.Calls()))
		}
	})
}
