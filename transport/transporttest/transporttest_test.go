package transporttest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/depeche-mail/depeche/transport/transporttest"
)

// faulty is a transport with a fault: send does something wrong on the way to a good one.
type faulty struct {
	*stub.Transport
	send func(ctx context.Context, mail transport.Mail, good *stub.Transport) (*transport.Result, error)
}

func (f faulty) Send(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
	return f.send(ctx, mail, f.Transport)
}

// doubling yields everything twice.
type doubling struct{ *stub.Transport }

func (d doubling) SendAll(ctx context.Context, mails iter.Seq[transport.Mail]) iter.Seq2[transport.BulkResult, error] {
	return func(yield func(transport.BulkResult, error) bool) {
		for sent, err := range transport.SendAll(ctx, transport.Func(d.Send), mails) {
			if !yield(sent, err) || !yield(sent, err) {
				return
			}
		}
	}
}

// half is a mail that hides that its source failed.
type half struct{ transport.Mail }

func (h half) WriteTo(w io.Writer) (int64, error) {
	n, _ := h.Mail.WriteTo(w)
	return n, nil
}

// eager is a mail that is taken to be complete once all of its octets were written.
type eager struct{ transport.Mail }

func (e eager) WriteTo(w io.Writer) (int64, error) {
	n, err := e.Mail.WriteTo(w)
	if m, ok := e.Mail.(interface {
		BodyInfo() (transport.BodyInfo, bool)
	}); ok && n == size(m) {
		err = nil
	}
	return n, err
}

func size(m interface {
	BodyInfo() (transport.BodyInfo, bool)
},
) int64 {
	info, _ := m.BodyInfo()
	return info.Size
}

// changed is a mail with other octets.
type changed struct {
	transport.Mail
	change func([]byte) []byte
}

func (c changed) WriteTo(w io.Writer) (int64, error) {
	var data bytes.Buffer
	if _, err := c.Mail.WriteTo(&data); err != nil {
		return 0, err
	}
	n, err := w.Write(c.change(data.Bytes()))
	return int64(n), err
}

// after changes what a good transport returns.
func after(change func(*transport.Result)) func(context.Context, transport.Mail, *stub.Transport) (*transport.Result, error) {
	return func(ctx context.Context, mail transport.Mail, good *stub.Transport) (*transport.Result, error) {
		result, err := good.Send(ctx, mail)
		change(result)
		return result, err
	}
}

// turn makes one outcome another.
func turn(from, to transport.Outcome) func(*transport.Result) {
	return func(r *transport.Result) {
		for i := range r.Recipients {
			if r.Recipients[i].Outcome == from {
				r.Recipients[i].Outcome = to
			}
		}
	}
}

// faults are transports with a fault, by the case that finds it.
func faults(s *stub.Transport) map[string]transport.Transport {
	var kept *transport.Result
	type result = *transport.Result
	with := func(send func(context.Context, transport.Mail, *stub.Transport) (*transport.Result, error)) transport.Transport {
		return faulty{s, send}
	}
	change := func(f func([]byte) []byte) transport.Transport {
		return with(func(ctx context.Context, mail transport.Mail, good *stub.Transport) (result, error) {
			return good.Send(ctx, changed{mail, f})
		})
	}
	return map[string]transport.Transport{
		"accepts": with(after(func(r result) { r.Relay = "" })),
		"null sender": with(func(ctx context.Context, mail transport.Mail, good *stub.Transport) (result, error) {
			env := mail.Envelope()
			if env.Len() > 0 && env.From().IsNull() {
				env, _ = envelope.NewWithOptions(env.At(0).Address, env.Recipients(), env.Options())
			}
			return good.Send(ctx, transport.WithEnvelope(mail, env))
		}),
		"many recipients": with(after(func(r result) { slices.Reverse(r.Recipients) })),
		"result is the caller's": with(func(ctx context.Context, mail transport.Mail, good *stub.Transport) (result, error) {
			r, err := good.Send(ctx, mail)
			if kept == nil && err == nil {
				kept = r
			}
			return kept, err
		}),
		"contents":      change(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\r\n.."), []byte("\r\n.")) }),
		"8-bit content": change(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("ü"), []byte("?")) }),
		"body fails": with(func(ctx context.Context, mail transport.Mail, good *stub.Transport) (result, error) {
			return good.Send(ctx, half{mail})
		}),
		"body fails at the end": with(func(ctx context.Context, mail transport.Mail, good *stub.Transport) (result, error) {
			return good.Send(ctx, eager{mail})
		}),
		"context ended": with(func(ctx context.Context, mail transport.Mail, good *stub.Transport) (result, error) {
			return good.Send(context.WithoutCancel(ctx), mail)
		}),
		"context ends in the body": with(func(ctx context.Context, mail transport.Mail, good *stub.Transport) (result, error) {
			if ctx.Err() == nil {
				ctx = context.WithoutCancel(ctx)
			}
			return good.Send(ctx, mail)
		}),
		"no recipient": with(func(ctx context.Context, mail transport.Mail, good *stub.Transport) (result, error) {
			if mail.Envelope().Len() == 0 {
				return &transport.Result{}, errors.New("nobody")
			}
			return good.Send(ctx, mail)
		}),
		"unreadable recipient": with(func(ctx context.Context, mail transport.Mail, good *stub.Transport) (result, error) {
			if mail.Envelope().Len() == 0 {
				return transport.Fail(mail, transport.PhaseMessage, envelope.ErrNoRecipient)
			}
			return good.Send(ctx, mail)
		}),
		"refused recipients": with(after(turn(transport.Deferred, transport.Rejected))),
		"all refused":        with(after(turn(transport.Rejected, transport.NotSent))),
		"verdict lost":       with(after(turn(transport.Unknown, transport.NotSent))),
		"many at once":       doubling{s},
		"closed":             openEnded{transport.Func(stub.New().Send)},
		"in pieces": with(func(ctx context.Context, mail transport.Mail, good *stub.Transport) (result, error) {
			if _, knows := mail.(interface {
				BodyInfo() (transport.BodyInfo, bool)
			}); !knows {
				return transport.Fail(mail, transport.PhaseMessage, errors.New("no size"))
			}
			return good.Send(ctx, mail)
		}),
	}
}

// openEnded takes mail after Close.
type openEnded struct{ transport.Func }

func (openEnded) Close() error { return nil }

const (
	variable = "TRANSPORTTEST_FAULT"
	none     = "none" // the suite must pass
)

// TestFaulty is run by TestSuiteFindsFaults, in a process of its own, because it must fail.
func TestFaulty(t *testing.T) {
	fault := os.Getenv(variable)
	if fault == "" {
		return // it runs inside TestSuiteFindsFaults only
	}
	var current *stub.Transport
	made := func(s *stub.Transport) transport.Transport {
		current = s
		if fault == none {
			return s
		}
		return faults(s)[fault]
	}
	transporttest.Run(t, transporttest.Harness{
		New: func(*testing.T) transport.Transport { return made(stub.New()) },
		Refusing: func(_ *testing.T, rejected, deferred string) transport.Transport {
			return made(stub.New().
				AlwaysFor(rejected, stub.Reject(transport.PhaseRcpt, 550)).
				AlwaysFor(deferred, stub.Reject(transport.PhaseRcpt, 450)))
		},
		Losing: func(*testing.T) transport.Transport { return made(stub.New().Always(stub.LoseReply())) },
		Received: func(*testing.T) (all []transporttest.Received) {
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

// TestSuiteFindsFaults runs each case over a transport with the fault that it is about: it must fail
// and say why that matters, and pass where there is no fault.
func TestSuiteFindsFaults(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := func(t *testing.T, fault, pattern string) (string, error) {
		cmd := exec.CommandContext(t.Context(), self, "-test.v", "-test.run=^TestFaulty$"+pattern)
		cmd.Env = append(os.Environ(), variable+"="+fault)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run(t, none, ""); err != nil || strings.Contains(out, "SKIP") {
		t.Fatalf("a good transport does not pass: %v\n%s", err, out)
	}
	for _, fault := range slices.Sorted(maps.Keys(faults(stub.New()))) {
		t.Run(fault, func(t *testing.T) {
			name := strings.ReplaceAll(fault, " ", "_")
			out, err := run(t, fault, "/^"+name+"$")
			var exit *exec.ExitError
			if !errors.As(err, &exit) {
				t.Fatalf("the suite passes: %v", err)
			}
			if !strings.Contains(out, "--- FAIL: TestFaulty/"+name) || !strings.Contains(out, "why this matters") {
				t.Errorf("it fails otherwise:\n%s", out)
			}
		})
	}
}

// TestCases checks that each case has a name of its own and an explanation.
func TestCases(t *testing.T) {
	names := map[string]bool{}
	for _, c := range transporttest.Cases() {
		if c.Name == "" || c.Explanation == "" || names[c.Name] {
			t.Errorf("case %+v", c)
		}
		names[c.Name] = true
	}
}
