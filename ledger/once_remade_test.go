package ledger_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
)

// TestRemadeMail: what a step makes of a mail is in doubt as the mail would be: a process that is killed after the relay took it does not
// send it again when it is started anew.
func TestRemadeMail(t *testing.T) {
	remade := func(t *testing.T, m transport.Mail) transport.Mail {
		t.Helper()
		var content bytes.Buffer
		if _, err := transport.WithoutEnding(m).WriteTo(&content); err != nil {
			t.Fatal(err)
		}
		return transport.Raw(m.Envelope(), content.Bytes())
	}
	for name, over := range map[string]func(t *testing.T, relay transport.Transport) (transport.Transport, error){
		"Prepare": func(t *testing.T, relay transport.Transport) (transport.Transport, error) {
			t.Helper()
			return policy.Prepare{Next: relay, Steps: []policy.Step{func(_ context.Context, m transport.Mail) ([]transport.Mail, error) {
				return []transport.Mail{remade(t, m)}, nil
			}}}.Build()
		},
		"Wrap": func(t *testing.T, relay transport.Transport) (transport.Transport, error) {
			t.Helper()
			return policy.Wrap{Next: relay, Middleware: []policy.Middleware{
				func(ctx context.Context, m transport.Mail, next transport.Transport) (*transport.Result, error) {
					return next.Send(ctx, remade(t, m))
				},
			}}.Build()
		},
	} {
		t.Run(name, func(t *testing.T) {
			book, copies := ledger.NewMemory(), 0
			var killed *ledger.Memory
			relay, err := over(t, transport.Func(func(_ context.Context, m transport.Mail) (*transport.Result, error) {
				if _, err := m.WriteTo(io.Discard); err != nil {
					return transport.Fail(m, transport.PhaseBody, err)
				}
				copies++
				killed = book.Restart()
				return transport.NewResult(m.Envelope(), transport.Accepted, transport.Reply{}), nil
			}))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := once(t, ledger.Once{Next: relay, Ledger: book}).Send(t.Context(), keyed(t, "k", "a@example.org")); err != nil {
				t.Fatal(err)
			}
			result, err := once(t, ledger.Once{Next: relay, Ledger: killed}).Send(t.Context(), keyed(t, "k", "a@example.org"))
			if copies != 1 || fates(result) != "unknown (replayed)" {
				t.Errorf("%d copies, %s, %v", copies, fates(result), err)
			}
		})
	}
}
