package policy_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

// counting is an observer that counts begins and ends, and checks that each end is that of its mail.
type counting struct {
	t            *testing.T
	begun, ended atomic.Int64
}

func (c *counting) Begin(_ context.Context, mail transport.Mail) func(*transport.Result, error) {
	c.begun.Add(1)
	return func(result *transport.Result, err error) {
		c.ended.Add(1)
		if c.t != nil && (len(result.Recipients) != mail.Envelope().Len() || (err == nil) != result.AllAccepted()) {
			c.t.Errorf("an end with %d recipients and %v for a mail to %d", len(result.Recipients), err, mail.Envelope().Len())
		}
	}
}

func (c *counting) Decide(context.Context, transport.Decision) {}

// notes is an observer that keeps what it is told.
type notes struct {
	mu   sync.Mutex
	list []string
}

func (n *notes) add(parts ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, strings.Join(parts, " "))
}

func (n *notes) Begin(_ context.Context, mail transport.Mail) func(*transport.Result, error) {
	n.add("begin", transport.MessageID(mail))
	return func(result *transport.Result, err error) {
		n.add("end", result.MessageID, result.Recipients[0].Outcome.String())
	}
}

func (n *notes) Decide(_ context.Context, d transport.Decision) {
	var fields []string
	for _, a := range d.Attrs() {
		switch {
		case a.Key == "message_id", a.Key == "error", a.Key == "wait_ms" && d.Kind == transport.DecisionRetry: // random
		default:
			fields = append(fields, a.String())
		}
	}
	n.add(fields...)
}

// TestObserveDecisions: everything that decides tells the observer above it, with the same words by Send and by
// SendAll.
func TestObserveDecisions(t *testing.T) {
	lost := stub.Fail(transport.PhaseDial, io.ErrUnexpectedEOF)
	for name, tc := range map[string]struct {
		over  func(a, b *stub.Transport) transport.Transport
		mails int
		want  []string
	}{
		"nothing to decide": {
			over:  func(a, _ *stub.Transport) transport.Transport { return a },
			mails: 1, want: []string{"begin <0@test.example>", "end <0@test.example> accepted"},
		},
		"retry": {
			over: func(a, _ *stub.Transport) transport.Transport {
				a.Next(stub.Reject(transport.PhaseRcpt, 450, "later"))
				return build(t, policy.Retry{Next: a})
			},
			mails: 1, want: []string{
				"begin <0@test.example>", "decision=retry relay=a attempt=2 recipients=1", "end <0@test.example> accepted",
			},
		},
		"giving up": {
			over: func(a, _ *stub.Transport) transport.Transport {
				a.Always(stub.Reject(transport.PhaseRcpt, 450, "later"))
				return build(t, policy.Retry{Next: a, MaxAttempts: 2})
			},
			mails: 1, want: []string{
				"begin <0@test.example>", "decision=retry relay=a attempt=2 recipients=1",
				"decision=retry.stop relay=a attempt=3 recipients=1", "end <0@test.example> deferred",
			},
		},
		"failover": {
			over: func(a, b *stub.Transport) transport.Transport {
				a.Always(lost)
				return build(t, policy.Failover{Relays: []transport.Transport{a, b}})
			},
			mails: 1, want: []string{
				"begin <0@test.example>", "decision=relay.rest relay=a wait_ms=60000",
				"decision=failover relay=a attempt=2 recipients=1", "end <0@test.example> accepted",
			},
		},
		"breaker": {
			over: func(a, _ *stub.Transport) transport.Transport {
				a.Next(lost)
				return build(t, policy.Breaker{Next: build(t, policy.RateLimit{Next: a, Messages: policy.Rate{Count: 1}}), Threshold: 1, OpenFor: time.Second / 2})
			},
			mails: 3, want: []string{
				"begin <0@test.example>", `decision=breaker relay=a wait_ms=500 state=open`, "end <0@test.example> not sent",
				"begin <1@test.example>", "end <1@test.example> not sent",
				"begin <2@test.example>", `decision=breaker relay=a state=half open`,
				"decision=breaker relay=a state=closed", "end <2@test.example> accepted",
			},
		},
		"throttle": {
			over: func(a, _ *stub.Transport) transport.Transport {
				return build(t, policy.RateLimit{Next: a, Messages: policy.Rate{Count: 1, Per: time.Hour}})
			},
			mails: 2, want: []string{
				"begin <0@test.example>", "end <0@test.example> accepted",
				"begin <1@test.example>", "decision=throttle recipients=1 wait_ms=3.5997e+06", "end <1@test.example> accepted",
			},
		},
	} {
		for _, way := range []string{"Send", "SendAll"} {
			t.Run(name+"/"+way, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := &notes{}
					sender := build(t, policy.Observe{Next: tc.over(stub.Named("a"), stub.Named("b")), Observer: n})
					for i := range tc.mails {
						if i == 2 {
							time.Sleep(time.Second)
						} else if i == 1 {
							time.Sleep(300 * time.Millisecond)
						}
						mail := transport.Raw(env(t, "x@example.org"), []byte("Message-ID: <"+string(rune('0'+i))+"@test.example>\r\n\r\nx\r\n"))
						if way == "Send" {
							_, _ = sender.Send(t.Context(), mail) // the notes tell
							continue
						}
						for range transport.SendAll(t.Context(), sender, slices.Values([]transport.Mail{mail})) {
							continue
						}
					}
					if diff := cmp.Diff(tc.want, n.list); diff != "" {
						t.Errorf("told (-want +got):\n%s", diff)
					}
				})
			})
		}
	}
}

// together is a relay that yields no mail of a SendAll before it has taken all of them: only one that is given
// the whole sequence gets to the end.
type together struct {
	transport.Transport
	want int
}

func (r together) SendAll(_ context.Context, mails iter.Seq[transport.Mail]) iter.Seq2[transport.BulkResult, error] {
	return func(yield func(transport.BulkResult, error) bool) {
		taken := slices.Collect(mails)
		if len(taken) != r.want {
			panic("not all mails at once")
		}
		for i, mail := range slices.Backward(taken) {
			if !yield(transport.BulkResult{Index: i, Mail: mail, Result: transport.NewResult(mail.Envelope(), transport.Accepted, transport.Reply{})}, nil) {
				return
			}
		}
	}
}

// TestObserveKeepsTheWindow: mails go to the relay as one sequence, in their order, and come back as they end.
func TestObserveKeepsTheWindow(t *testing.T) {
	c := &counting{t: t}
	sender := build(t, policy.Observe{Next: together{want: 300}, Observer: c})
	var mails []transport.Mail
	for range 300 {
		mails = append(mails, transport.Raw(env(t, "x@example.org"), []byte("Subject: x\r\n\r\nx\r\n")))
	}
	next := 299
	for sent, err := range transport.SendAll(t.Context(), sender, slices.Values(mails)) {
		if err != nil || sent.Index != next || sent.Mail != mails[next] {
			t.Fatalf("mail %d, %v; want %d", sent.Index, err, next)
		}
		next--
	}
	if c.begun.Load() != 300 || c.ended.Load() != 300 {
		t.Errorf("%d begun, %d ended", c.begun.Load(), c.ended.Load())
	}
}

// TestObserveEarlyLeave: a caller who leaves the loop does not hide the ends of mails that are under way.
func TestObserveEarlyLeave(t *testing.T) {
	c := &counting{t: t}
	relay := stub.New()
	sender := build(t, policy.Observe{Next: relay, Observer: c})
	mail := transport.Raw(env(t, "x@example.org"), []byte("Subject: x\r\n\r\nx\r\n"))
	endless := func(yield func(transport.Mail) bool) {
		for yield(mail) {
			continue
		}
	}
	for range transport.SendAll(t.Context(), sender, endless) {
		break
	}
	if begun := c.begun.Load(); begun == 0 || begun != c.ended.Load() || int(begun) != len(relay.Calls()) {
		t.Errorf("%d begun, %d ended, %d sent", begun, c.ended.Load(), len(relay.Calls()))
	}
}

// TestObserveCostsNothing: without an observer there is no layer and nothing to tell.
func TestObserveCostsNothing(t *testing.T) {
	relay := stub.New()
	if sender := build(t, policy.Observe{Next: relay}); sender != transport.Transport(relay) {
		t.Errorf("a layer of %T", sender)
	}
	ctx := t.Context()
	d := transport.Decision{Kind: transport.DecisionRetry, Err: io.EOF}
	if n := testing.AllocsPerRun(100, func() { transport.Tell(ctx, d) }); n != 0 || transport.Observed(ctx) {
		t.Errorf("%v allocations without an observer", n)
	}
}

// TestObserversOfACtx: one observer does not hide another, whichever way it came.
func TestObserversOfACtx(t *testing.T) {
	var outer, inner notes
	relay := stub.Named("a").Next(stub.Reject(transport.PhaseRcpt, 450))
	sender := build(t, policy.Observe{
		Observer: &outer, Next: build(t, policy.Observe{
			Observer: &inner, Next: build(t, policy.Retry{Next: relay, InitialBackoff: 1}),
		}),
	})
	if _, err := sender.Send(t.Context(), transport.Raw(env(t, "x@example.org"), []byte("\r\nx\r\n"))); err != nil {
		t.Fatal(err)
	}
	want := []string{"begin ", "decision=retry relay=a attempt=2 recipients=1", "end  accepted"}
	if diff := cmp.Diff([][]string{want, want}, [][]string{outer.list, inner.list}); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// TestObservePasses: what a transport below knows and does is reached through an observer.
func TestObservePasses(t *testing.T) {
	below := &passing{}
	sender := build(t, policy.Observe{Next: below, Observer: &counting{}})
	rules := transport.SignatureRulesOf(sender)
	errs := []error{
		transport.Check(t.Context(), sender), transport.Shutdown(t.Context(), sender),
		transport.Close(sender), transport.Close(sender),
	}
	if !rules.SignsItself || !errors.Is(errs[0], io.EOF) || errs[1] != nil || errs[2] != nil {
		t.Errorf("%+v, %v", rules, errs)
	}
	if got := strings.Join(below.calls, " "); got != "check true shutdown close" {
		t.Errorf("called: %s", got)
	}
}

type passing struct {
	transport.Func
	calls []string
}

func (p *passing) SignatureRules() transport.SignatureRules {
	return transport.SignatureRules{SignsItself: true}
}

func (p *passing) Check(ctx context.Context) error {
	p.calls = append(p.calls, "check")
	if transport.Observed(ctx) {
		p.calls = append(p.calls, "true")
	}
	return io.EOF
}

func (p *passing) Close() error {
	p.calls = append(p.calls, "close")
	return nil
}

func (p *passing) Shutdown(context.Context) error {
	p.calls = append(p.calls, "shutdown")
	return nil
}

// TestLog compares whole records: what is in them, and that nothing about people is unless it was asked for.
func TestLog(t *testing.T) {
	to := []string{"jane@example.org", "joe@example.org"}
	mail := transport.WithKey(transport.Raw(env(t, to...), []byte(
		"Message-ID: <1@test.example>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n an alle\r\n\r\nhello\r\n")), "order-1")
	quiet := func(l policy.LogObserver) policy.LogObserver { return l }
	for name, tc := range map[string]struct {
		options func(policy.LogObserver) policy.LogObserver
		script  func(*stub.Transport)
		want    string
	}{
		"accepted": {quiet, func(*stub.Transport) {}, `level=INFO msg="mail accepted" message_id=<1@test.example> key=order-1 relay=a recipients=2 accepted=2 ms.total=2`},
		"one is refused": {
			quiet, func(s *stub.Transport) {
				s.AlwaysFor(to[1], stub.Reject(transport.PhaseRcpt, 550, "5.1.1 <joe@example.org>: no such user"))
			},
			`level=WARN msg="mail accepted in part" message_id=<1@test.example> key=order-1 relay=a recipients=2 accepted=1 rejected=1 fault=recipient phase=rcpt code=550 enhanced=5.1.1 error="send: 1 of 2 recipients not accepted, first (address) rejected: a: rcpt: 550 5.1.1 <(address)>: no such user" ms.total=2`,
		},
		"in doubt": {
			quiet, func(s *stub.Transport) { s.Always(stub.LoseReply()) },
			`level=ERROR msg="mail may be delivered" message_id=<1@test.example> key=order-1 relay=a recipients=2 unknown=2 phase=final error="send: 2 of 2 recipients not accepted, first (address) unknown: a: final: stub: the relay hung up before its verdict: unexpected EOF" ms.total=2`,
		},
		"everything asked for": {
			func(l policy.LogObserver) policy.LogObserver { return l.WithAddresses().WithSubject() }, func(*stub.Transport) {},
			`level=INFO msg="mail accepted" message_id=<1@test.example> key=order-1 relay=a recipients=2 accepted=2 from=from@example.org to="[jane@example.org accepted joe@example.org accepted]" subject="Grüße an alle" ms.total=2`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
					if a.Key == slog.TimeKey && groups == nil {
						return slog.Attr{}
					}
					return a
				}}))
				relay := stub.Named("a")
				tc.script(relay)
				slow := transport.Func(func(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
					time.Sleep(2 * time.Millisecond)
					return relay.Send(ctx, mail)
				})
				sender := build(t, policy.Observe{Next: slow, Observer: tc.options(policy.Log(logger))})
				_, _ = sender.Send(t.Context(), mail) // the record tells
				if diff := cmp.Diff(tc.want, strings.TrimSpace(out.String())); diff != "" {
					t.Errorf("record (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestLogDecisions: what went well with connections is for those who debug, what did not is a warning.
func TestLogDecisions(t *testing.T) {
	var out bytes.Buffer
	l := policy.Log(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	for _, kind := range []transport.DecisionKind{transport.DecisionConnect, transport.DecisionRetry, transport.DecisionTokenFail} {
		l.Decide(t.Context(), transport.Decision{Kind: kind, Relay: "r", Conn: 7, Err: errors.New("x@example.org is not liked")})
	}
	for i, want := range []string{"DEBUG", "INFO", "WARN"} {
		line := strings.Split(out.String(), "\n")[i]
		if !strings.Contains(line, "level="+want) || !strings.Contains(line, `relay=r connection=7 error="(address) is not liked"`) {
			t.Error(line)
		}
	}
}

// TestHideAddresses: no part of an address is left, and the rest of the text is.
func TestHideAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "",
		"no such user":                       "no such user",
		"<joe@example.org>: no such user":    "<(address)>: no such user",
		"550 joe.x+y@example.org unknown":    "550 (address) unknown",
		`"joe smith"@example.org, a@[::1] x`: `(address), (address) x`,
		"jörg@exämple.org und @":             "(address) und (address)",
	} {
		if got := transport.HideAddresses(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// idle is an observer that has nothing to tell until it is turned on.
type idle struct {
	notes
	on    bool
	asked int
}

func (i *idle) Enabled(context.Context) bool {
	i.asked++
	return i.on
}

// TestObserveNotEnabled asks an observer before each Send, and once for all mails of a SendAll.
func TestObserveNotEnabled(t *testing.T) {
	for _, on := range []bool{false, true} {
		o, relay := &idle{on: on}, stub.New()
		sender := build(t, policy.Observe{Next: relay, Observer: o})
		m := mail(t, "jane@private.example")
		if _, err := sender.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		for _, err := range transport.SendAll(t.Context(), sender, slices.Values([]transport.Mail{m, m})) {
			if err != nil {
				t.Fatal(err)
			}
		}
		if told := len(o.list) > 0; told != on || o.asked != 2 || len(relay.Messages()) != 3 {
			t.Errorf("enabled %t: asked %d times, told %q, %d mails were sent", on, o.asked, o.list, len(relay.Messages()))
		}
	}
}
