package stub_test

import (
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/depeche-mail/depeche/transport/transporttest"
)

func TestConformance(t *testing.T) {
	var current *stub.Transport
	transporttest.Run(t, transporttest.Harness{
		New: func(*testing.T) transport.Transport {
			current = stub.New()
			return current
		},
		Refusing: func(_ *testing.T, rejected, deferred string) transport.Transport {
			current = stub.New().
				AlwaysFor(rejected, stub.Reject(transport.PhaseRcpt, 550)).
				AlwaysFor(deferred, stub.Reject(transport.PhaseRcpt, 450))
			return current
		},
		Losing: func(*testing.T) transport.Transport {
			current = stub.New().Always(stub.LoseReply())
			return current
		},
		Received: func(*testing.T) []transporttest.Received {
			var all []transporttest.Received
			calls := current.Calls()
			for _, m := range current.Messages() {
				r := transporttest.Received{From: m.Envelope.From().String(), Data: m.Data}
				for _, to := range calls[m.Call].Result.Recipients {
					if to.Outcome == transport.Accepted {
						r.To = append(r.To, to.Address.String())
					}
				}
				all = append(all, r)
			}
			return all
		},
	})
}

func TestMessagesAreCopies(t *testing.T) {
	to, err := envelope.ParseAddress("a@example.org")
	if err != nil {
		t.Fatal(err)
	}
	env, err := envelope.New(envelope.Address{}, to)
	if err != nil {
		t.Fatal(err)
	}
	s := stub.New()
	if _, err := s.Send(t.Context(), transport.Raw(env, []byte("Message-ID: <1@example.org>\r\n\r\nx\r\n"))); err != nil {
		t.Fatal(err)
	}
	got := s.Messages()
	if len(got) != 1 || got[0].MessageID != "<1@example.org>" || got[0].Time.IsZero() {
		t.Fatalf("recorded %+v", got)
	}
	got[0].Data[0] = '!'
	if s.Messages()[0].Data[0] != 'M' {
		t.Error("the record changed with its copy")
	}
	s.Reset()
	if n := len(s.Messages()); n != 0 {
		t.Errorf("%d messages after Reset", n)
	}
}
