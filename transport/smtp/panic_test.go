package smtp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

var errCaller = errors.New("the caller's code panicked")

// bomb does something instead of returning, as often as it is armed.
type bomb struct {
	mu    sync.Mutex
	armed int
	exit  bool
}

func (b *bomb) touch() {
	b.mu.Lock()
	armed := b.armed > 0
	b.armed--
	b.mu.Unlock()
	switch {
	case armed && b.exit:
		runtime.Goexit()
	case armed:
		panic(errCaller)
	}
}

// bombMail touches its bomb at a place.
type bombMail struct {
	transport.Mail
	*bomb
	where string
}

func (m bombMail) Envelope() envelope.Envelope {
	if m.where == "Envelope" {
		m.touch()
	}
	return m.Mail.Envelope()
}

func (m bombMail) WriteTo(w io.Writer) (int64, error) {
	if m.where == "WriteTo" {
		n, err := io.WriteString(w, content[:20])
		if err != nil {
			return int64(n), err
		}
		m.touch()
	}
	return m.Mail.WriteTo(w)
}

func (m bombMail) BodyInfo() (transport.BodyInfo, bool) {
	return transport.BodyInfo{Size: int64(len(content))}, true
}

// plant puts the bomb into a function of the configuration.
func plant(t *testing.T, b smtp.Builder, where string, x *bomb) smtp.Builder {
	t.Helper()
	switch where {
	case "Dialer":
		return b.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
			x.touch()
			return (&net.Dialer{}).DialContext(ctx, network, address)
		})
	case "Trace":
		return b.Trace(func(e client.Event) {
			if e.Kind == client.EventReply && strings.HasPrefix(e.Text, "354") { // in the goroutine that reads
				x.touch()
			}
		})
	case "VerifyConnection":
		return b.VerifyConnection(func(tls.ConnectionState) error {
			x.touch()
			return nil
		})
	case "SecretSource":
		c, err := authentication.PasswordFrom(smtptest.User, func(context.Context) (string, error) {
			x.touch()
			return smtptest.Password, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return b.Credentials(c)
	}
	return b
}

// TestPanics: a panic of the caller's code goes on in the goroutine of the call, and costs no connection.
func TestPanics(t *testing.T) {
	calls := map[string]func(context.Context, transport.Transport, transport.Mail){
		"Send":    func(ctx context.Context, s transport.Transport, m transport.Mail) { _, _ = s.Send(ctx, m) }, // it does not return
		"SendAll": func(ctx context.Context, s transport.Transport, m transport.Mail) { sendSome(ctx, s, m) },
		"Retry": func(ctx context.Context, s transport.Transport, m transport.Mail) {
			retry, err := policy.Retry{Next: s, InitialBackoff: time.Nanosecond}.Build()
			if err == nil {
				sendSome(ctx, retry, m)
			}
		},
	}
	for _, where := range []string{"WriteTo", "Envelope", "Dialer", "Trace", "VerifyConnection", "SecretSource"} {
		for name, call := range calls {
			for _, exit := range []bool{false, true} {
				t.Run(where+" in "+name+map[bool]string{true: " exits", false: ""}[exit], func(t *testing.T) {
					srv := smtptest.NewServer(t)
					x := &bomb{exit: exit, armed: 1}
					b := plant(t, relay(srv).Chunking(client.ChunkingOff).Pool(smtp.Pool{MaxOpen: 1}), where, x)
					sender := build(t, b)
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // or it would hang
					defer cancel()
					value, returned := outcomeOf(func() { call(ctx, sender, bombMail{mail(t, "odd@example.org"), x, where}) })
					err, _ := value.(error)
					if returned || !exit && (!errors.Is(err, errCaller) || name != "Send" && !strings.Contains(err.Error(), "(*bomb).touch")) {
						t.Errorf("returned: %v, recovered %v", returned, value)
					}
					if _, err := sender.Send(ctx, mail(t, "b@example.org")); err != nil {
						t.Error(err)
					}
					if err := sender.Shutdown(ctx); err != nil {
						t.Error(err)
					}
					for _, m := range srv.Messages() {
						if m.Addresses()[0] == "odd@example.org" {
							t.Error("a mail that panicked was stored")
						}
					}
				})
			}
		}
	}
}

// TestCheckThatDoesNotReturn: a function of the caller's that does not return from Check costs no place of the pool.
func TestCheckThatDoesNotReturn(t *testing.T) {
	for name, exit := range map[string]bool{"panic": false, "Goexit": true} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewServer(t)
			x := &bomb{exit: exit, armed: 1}
			sender := build(t, relay(srv).Pool(smtp.Pool{MaxOpen: 1}).Trace(func(e client.Event) {
				if e.Kind == client.EventCommand && strings.HasPrefix(e.Text, "NOOP") {
					x.touch()
				}
			}))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // or it would hang
			defer cancel()
			if _, err := sender.Send(ctx, mail(t, "a@example.org")); err != nil {
				t.Fatal(err)
			}
			value, returned := outcomeOf(func() { _ = sender.Check(ctx) })
			if err, _ := value.(error); returned || !exit && !errors.Is(err, errCaller) {
				t.Errorf("returned: %v, recovered %v", returned, value)
			}
			if _, err := sender.Send(ctx, mail(t, "b@example.org")); err != nil {
				t.Error(err)
			}
		})
	}
}

// outcomeOf runs f in a goroutine and returns what it panicked with, and whether it returned.
func outcomeOf(f func()) (value any, returned bool) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() { value = recover() }()
		f()
		returned = true
	}()
	<-ended
	return value, returned
}

// sendSome sends a mail among others that are the same, and are good.
func sendSome(ctx context.Context, s transport.Transport, odd transport.Mail) {
	good := odd
	if b, ok := odd.(bombMail); ok {
		good = b.Mail
		if env, err := envelope.New(b.Mail.Envelope().From(), b.Mail.Envelope().From()); err == nil {
			good = transport.WithEnvelope(good, env)
		}
	}
	for range transport.SendAll(ctx, s, func(yield func(transport.Mail) bool) {
		for i := range 10 {
			m := good
			if i == 5 {
				m = odd
			}
			if !yield(m) {
				return
			}
		}
	}) {
	}
}

// TestSequenceThatPanics: a panic of the sequence of mails goes on where the results are read, after the
// results of the mails that were taken.
func TestSequenceThatPanics(t *testing.T) {
	srv := smtptest.NewServer(t)
	sender := build(t, relay(srv).Pool(smtp.Pool{MaxOpen: 1}))
	results := 0
	value, returned := outcomeOf(func() {
		for _, err := range transport.SendAll(t.Context(), sender, func(yield func(transport.Mail) bool) {
			for range 5 {
				yield(mail(t, "b@example.org"))
			}
			panic(errCaller)
		}) {
			if err == nil {
				results++
			}
		}
	})
	if err, _ := value.(error); returned || !errors.Is(err, errCaller) || results != 5 || len(srv.Messages()) != 5 {
		t.Errorf("returned: %v, recovered %v, %d results", returned, value, results)
	}
}

// endsOnce tells of the end of a connection.
type endsOnce struct {
	net.Conn
	ended func()
}

func (c endsOnce) Close() error {
	c.ended()
	return c.Conn.Close()
}

// bombWatch is an observer that touches its bomb at decisions of a kind.
type bombWatch struct {
	*bomb
	kind transport.DecisionKind
}

func (bombWatch) Begin(context.Context, transport.Mail) func(*transport.Result, error) { return nil }

func (w bombWatch) Decide(_ context.Context, d transport.Decision) {
	if d.Kind == w.kind {
		w.touch()
	}
}

// TestBetweenCallsNothingReturns: a function of the caller's that does not return while a connection is given up takes no result
// from the mail that was sent before. It goes on in the next call, once, and costs no place; nor does one that is told of
// a new connection cost that connection's end.
func TestBetweenCallsNothingReturns(t *testing.T) {
	for name, tc := range map[string]struct {
		kind transport.DecisionKind // "" for the trace of QUIT
		want []bool                 // which call returns
	}{
		"a connection is given up": {transport.DecisionDisconnect, []bool{true, false, true}},
		"it says goodbye":          {"", []bool{true, false, true}},
		"a connection is new":      {transport.DecisionConnect, []bool{false, true, true}},
	} {
		for _, exit := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", exits", false: ""}[exit], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					x := &bomb{exit: exit, armed: 1}
					srv, b := inMemory(t, func(*smtptest.Config) {})
					var open atomic.Int64
					b = b.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
						nc, err := srv.Dial(ctx, network, address)
						open.Add(1)
						return endsOnce{nc, sync.OnceFunc(func() { open.Add(-1) })}, err
					})
					sender := build(t, b.Pool(smtp.Pool{MaxOpen: 1, MaxMessages: 1}).Trace(func(e client.Event) {
						if tc.kind == "" && e.Kind == client.EventCommand && strings.HasPrefix(e.Text, "QUIT") {
							x.touch()
						}
					}))
					ctx := transport.WithObserver(t.Context(), bombWatch{x, tc.kind})
					for i, want := range tc.want {
						value, returned := outcomeOf(func() {
							if _, err := sender.Send(ctx, mail(t, "b@example.org")); err != nil {
								t.Error(err)
							}
						})
						if err, _ := value.(error); returned != want || !want && !exit && !errors.Is(err, errCaller) {
							t.Errorf("call %d: returned: %v, recovered %v", i, returned, value)
						}
						synctest.Wait()
					}
					if err := sender.Shutdown(ctx); err != nil {
						t.Error(err)
					}
					if n := len(srv.Messages()); n != 2 || open.Load() != 0 {
						t.Errorf("%d mails arrived, want 2; %d connections are open", n, open.Load())
					}
				})
			})
		}
	}
}
