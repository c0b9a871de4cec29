package stub_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func newMail(t *testing.T, to ...string) transport.Mail {
	t.Helper()
	list := make([]envelope.Address, len(to))
	for i, s := range to {
		if err := list[i].UnmarshalText([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	env, err := envelope.New(envelope.Address{}, list...)
	if err != nil {
		t.Fatal(err)
	}
	return transport.Raw(env, []byte("Subject: x\r\nMessage-ID: <1@example.org>\r\n\r\nbody\r\n"))
}

func outcomes(r *transport.Result) []transport.Outcome {
	all := make([]transport.Outcome, len(r.Recipients))
	for i, rcpt := range r.Recipients {
		all[i] = rcpt.Outcome
	}
	return all
}

func TestAnswers(t *testing.T) {
	type list = []transport.Outcome
	cases := map[string]struct {
		script   func(*stub.Transport) *stub.Transport
		want     list
		phase    transport.Phase
		code     int
		cause    error
		arrivals int // messages that the relay has
		read     bool
	}{
		"accepted": {
			script: func(s *stub.Transport) *stub.Transport { return s.Next(stub.Accept()) },
			want:   list{transport.Accepted, transport.Accepted}, arrivals: 1, read: true,
		},
		"dial": {
			script: func(s *stub.Transport) *stub.Transport { return s.Next(stub.Fail(transport.PhaseDial, io.EOF)) },
			want:   list{transport.NotSent, transport.NotSent}, phase: transport.PhaseDial, cause: io.EOF,
		},
		"refused for good": {
			script: func(s *stub.Transport) *stub.Transport { return s.Next(stub.Reject(transport.PhaseMail, 550, "no")) },
			want:   list{transport.Rejected, transport.Rejected}, phase: transport.PhaseMail, code: 550,
		},
		"content deferred": {
			script: func(s *stub.Transport) *stub.Transport { return s.Next(stub.Reject(transport.PhaseFinal, 451)) },
			want:   list{transport.Deferred, transport.Deferred}, phase: transport.PhaseFinal, code: 451, read: true,
		},
		"verdict lost": {
			script: func(s *stub.Transport) *stub.Transport { return s.Always(stub.LoseReply()) },
			want:   list{transport.Unknown, transport.Unknown}, phase: transport.PhaseFinal, cause: io.ErrUnexpectedEOF, arrivals: 1, read: true,
		},
		"one recipient refused": {
			script: func(s *stub.Transport) *stub.Transport {
				return s.AlwaysFor("b@example.org", stub.Reject(transport.PhaseRcpt, 550))
			},
			want: list{transport.Accepted, transport.Rejected}, phase: transport.PhaseRcpt, code: 550, arrivals: 1, read: true,
		},
		"one refused, the other withheld": {
			script: func(s *stub.Transport) *stub.Transport {
				return s.NextFor("a@example.org", stub.Withhold()).NextFor("b@example.org", stub.Reject(transport.PhaseRcpt, 550))
			},
			want: list{transport.NotSent, transport.Rejected}, phase: transport.PhaseRcpt,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := tc.script(stub.Named("relay"))
			result, err := s.Send(t.Context(), newMail(t, "a@example.org", "b@example.org"))
			if diff := cmp.Diff(tc.want, outcomes(result)); diff != "" {
				t.Error(diff)
			}
			var failed *transport.SendError
			if errors.As(err, &failed) {
				if failed.Phase != tc.phase || failed.Reply.Code != tc.code || failed.Result != result || tc.cause != nil && !errors.Is(err, tc.cause) {
					t.Errorf("error %+v", failed)
				}
			} else if tc.phase != "" || err != nil {
				t.Errorf("error %v", err)
			}
			call := s.Calls()[0]
			if diff := cmp.Diff(result, call.Result, cmpopts.EquateComparable(envelope.Address{})); diff != "" || result.Relay != "relay" {
				t.Errorf("relay %q, recorded (-returned +recorded):\n%s", result.Relay, diff)
			}
			if (call.Data != nil) != tc.read || len(s.Messages()) != tc.arrivals {
				t.Errorf("read %q, %d arrivals", call.Data, len(s.Messages()))
			}
		})
	}
}

func TestScriptOrder(t *testing.T) {
	s := stub.New().
		Next(stub.Reject(transport.PhaseMail, 450), stub.Accept(), stub.Accept()).
		Always(stub.Reject(transport.PhaseMail, 550)).
		NextFor("a@example.org", stub.Reject(transport.PhaseRcpt, 451)).
		AlwaysFor("a@example.org", stub.LoseReply())
	want := []transport.Outcome{transport.Deferred, transport.Deferred, transport.Unknown, transport.Rejected, transport.Rejected}
	for i, outcome := range want {
		result, _ := s.Send(t.Context(), newMail(t, "a@example.org"))
		if got := result.Recipients[0].Outcome; got != outcome {
			t.Errorf("call %d: %v, want %v", i, got, outcome)
		}
	}
	if n := len(s.Calls()); n != len(want) {
		t.Errorf("%d calls", n)
	}
}

func TestPauses(t *testing.T) {
	cases := map[string]struct {
		answer  stub.Answer
		timeout time.Duration
		want    transport.Outcome
		took    time.Duration
	}{
		"before":                {stub.Accept().WithDelay(time.Minute), time.Hour, transport.Accepted, time.Minute},
		"ctx ends before":       {stub.Accept().WithDelay(time.Minute), time.Second, transport.NotSent, time.Second},
		"verdict":               {stub.Reject(transport.PhaseFinal, 550).WithReplyDelay(time.Minute), time.Hour, transport.Rejected, time.Minute},
		"ctx ends at the end":   {stub.Accept().WithReplyDelay(time.Minute), time.Second, transport.Unknown, time.Second},
		"both":                  {stub.LoseReply().WithDelay(time.Minute).WithReplyDelay(time.Minute), time.Hour, transport.Unknown, 2 * time.Minute},
		"a failure takes time":  {stub.Fail(transport.PhaseDial, io.EOF).WithDelay(time.Minute), time.Hour, transport.NotSent, time.Minute},
		"no verdict to wait on": {stub.Fail(transport.PhaseDial, io.EOF).WithReplyDelay(time.Minute), time.Hour, transport.NotSent, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tc.timeout)
				defer cancel()
				s := stub.New().Next(tc.answer)
				result, err := s.Send(ctx, newMail(t, "a@example.org"))
				if got := result.Recipients[0].Outcome; got != tc.want {
					t.Errorf("%v, want %v", got, tc.want)
				}
				if ended := tc.took == tc.timeout; ended != errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v", err)
				}
				call := s.Calls()[0]
				if took := call.End.Sub(call.Begin); took != tc.took {
					t.Errorf("took %v, want %v", took, tc.took)
				}
			})
		})
	}
}

func TestParallelCalls(t *testing.T) {
	s := stub.New()
	var sends sync.WaitGroup
	for range 32 {
		s.Next(stub.LoseReply())
		sends.Go(func() { _, _ = s.Send(t.Context(), newMail(t, "a@example.org")) })
		sends.Go(func() { s.Calls(); s.Messages() })
	}
	sends.Wait()
	if calls, messages := len(s.Calls()), len(s.Messages()); calls != 32 || messages != 32 {
		t.Errorf("%d calls, %d messages", calls, messages)
	}
	parsed, err := s.Messages()[0].Parse()
	if err != nil || parsed.Header.Get("Subject") != "x" {
		t.Errorf("parsed %+v, %v", parsed, err)
	}
}
