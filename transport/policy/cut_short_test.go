package policy_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/google/go-cmp/cmp"
)

// relay421 answers 421 to recipients whose name begins with "bye", and then has not sent the mail to the
// others, because a connection on which 421 was said is given up.
type relay421 struct {
	name  string
	bye   string
	calls *[]string
	all   bool // all or nothing
}

// keptBackError is the cause that such a relay gives.
type keptBackError struct{ error }

func (keptBackError) KeptBack() bool { return true }

func (r relay421) Send(_ context.Context, mail transport.Mail) (*transport.Result, error) {
	env := mail.Envelope()
	result := transport.NewResult(env, transport.Accepted, transport.Reply{Code: 250})
	result.Relay = r.name
	var names []string
	said := transport.Reply{}
	for i := range result.Recipients {
		name := env.At(i).Address.LocalPart()
		names = append(names, name)
		if strings.HasPrefix(name, r.bye) {
			said = transport.Reply{Code: 421}
			result.Recipients[i].Outcome, result.Recipients[i].Reply = transport.Deferred, said
		}
	}
	*r.calls = append(*r.calls, r.name+" "+strings.Join(names, " "))
	if said.IsZero() {
		return result, nil
	}
	for i := range result.Recipients {
		if rcpt := &result.Recipients[i]; rcpt.Outcome == transport.Accepted {
			rcpt.Outcome, rcpt.Reply = transport.NotSent, transport.Reply{}
		}
	}
	failed := &transport.SendError{Result: result, Phase: transport.PhaseRcpt, Reply: said}
	if r.all {
		failed.Err = keptBackError{errors.New("all or nothing")}
	}
	return result, failed
}

// TestCutShort: recipients who were not sent the mail because another one was answered 421 go on without
// that one, who has an attempt of its own after them.
func TestCutShort(t *testing.T) {
	cases := map[string]struct {
		all   bool
		build func(first, second transport.Transport) (transport.Transport, error)
		want  []string
		ends  []string
	}{
		"Retry": {
			false, func(first, _ transport.Transport) (transport.Transport, error) {
				return policy.Retry{Next: first, MaxAttempts: 3}.Build()
			},
			[]string{"1 a bye1 b", "1 a b", "1 bye1"},
			[]string{"accepted", "deferred", "accepted"},
		},
		"Retry has no attempt left for the one": {
			false, func(first, _ transport.Transport) (transport.Transport, error) {
				return policy.Retry{Next: first, MaxAttempts: 2}.Build()
			},
			[]string{"1 a bye1 b", "1 a b"},
			[]string{"accepted", "deferred", "accepted"},
		},
		"Retry of all or nothing": {
			true, func(first, _ transport.Transport) (transport.Transport, error) {
				return policy.Retry{Next: first, MaxAttempts: 2}.Build()
			},
			[]string{"1 a bye1 b", "1 a bye1 b"},
			[]string{"not sent", "deferred", "not sent"},
		},
		"Failover of all or nothing": {
			true, func(first, second transport.Transport) (transport.Transport, error) {
				return policy.Failover{Relays: []transport.Transport{first, second}}.Build()
			},
			[]string{"1 a bye1 b", "2 a bye1 b"},
			[]string{"accepted", "accepted", "accepted"},
		},
		"Failover": {
			false, func(first, second transport.Transport) (transport.Transport, error) {
				return policy.Failover{Relays: []transport.Transport{first, second}}.Build()
			},
			[]string{"1 a bye1 b", "2 a b", "2 bye1"},
			[]string{"accepted", "accepted", "accepted"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls []string
				sender, err := tc.build(relay421{"1", "bye", &calls, tc.all}, relay421{"2", "never", &calls, false})
				if err != nil {
					t.Fatal(err)
				}
				result, _ := sender.Send(t.Context(), transport.Raw(env(t, "a@example.org", "bye1@example.org", "b@example.org"), []byte("x\r\n")))
				var ends []string
				for _, r := range result.Recipients {
					ends = append(ends, r.Outcome.String())
				}
				if diff := cmp.Diff(tc.want, calls); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(tc.ends, ends); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}
