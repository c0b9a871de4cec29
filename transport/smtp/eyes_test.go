package smtp_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// decisions is an observer that keeps what was decided, and tells of each.
type decisions struct {
	mu   sync.Mutex
	list []transport.Decision
	more chan struct{}
}

func newDecisions() *decisions { return &decisions{more: make(chan struct{}, 1000)} }

func (o *decisions) Begin(context.Context, transport.Mail) func(*transport.Result, error) { return nil }

func (o *decisions) Decide(_ context.Context, d transport.Decision) {
	o.mu.Lock()
	o.list = append(o.list, d)
	o.mu.Unlock()
	o.more <- struct{}{}
}

// wait waits for a decision of a kind with a state.
func (o *decisions) wait(t *testing.T, kind transport.DecisionKind, state string) transport.Decision {
	t.Helper()
	for {
		o.mu.Lock()
		for _, d := range o.list {
			if d.Kind == kind && d.State == state {
				o.mu.Unlock()
				return d
			}
		}
		o.mu.Unlock()
		select {
		case <-o.more:
		case <-t.Context().Done():
			t.Fatalf("%s %q was not told", kind, state)
		case <-time.After(10 * time.Second):
			t.Fatalf("%s %q was not told: %v", kind, state, o.list)
		}
	}
}

func observe(t *testing.T, b smtp.Builder, o transport.Observer) transport.Transport {
	t.Helper()
	sender, err := policy.Observe{Next: build(t, b), Observer: o}.Build()
	if err != nil {
		t.Fatal(err)
	}
	return sender
}

// TestPoolIsSeen: what the pool decides when no mail is under way is told as well, with the number of the connection and
// the reason.
func TestPoolIsSeen(t *testing.T) {
	t.Run("opened ahead of the first mail", func(t *testing.T) {
		srv := smtptest.NewServer(t)
		o := newDecisions()
		sender := observe(t, relay(srv).Pool(smtp.Pool{MinIdle: 1}), o)
		if err := srv.Wait(t.Context(), func() bool { return len(srv.Sessions()) > 0 }); err != nil {
			t.Fatal(err)
		}
		if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
			t.Fatal(err)
		}
		if d := o.wait(t, transport.DecisionConnect, ""); d.Conn == 0 || d.Relay != srv.Addr() || d.Wait <= 0 {
			t.Errorf("%+v", d)
		}
	})
	t.Run("could not be opened ahead", func(t *testing.T) {
		o := newDecisions()
		sender := observe(t, smtp.Relay("127.0.0.1").Port(1).Pool(smtp.Pool{MinIdle: 1}), o)
		_, _ = sender.Send(t.Context(), mail(t, "b@example.org")) // the observer is known from now on
		if d := o.wait(t, transport.DecisionConnectFail, ""); d.Err == nil || d.Relay != "127.0.0.1:1" {
			t.Errorf("%+v", d)
		}
	})
	for name, tc := range map[string]struct {
		pool  smtp.Pool
		state string
		then  func(t *testing.T, srv *smtptest.Server, sender transport.Transport)
	}{
		"idle":  {smtp.Pool{IdleTimeout: time.Millisecond}, "idle for IdleTimeout", nil},
		"old":   {smtp.Pool{MaxAge: time.Millisecond}, "as old as MaxAge", nil},
		"spent": {smtp.Pool{MaxMessages: 1}, "no longer usable", nil},
		"shutdown": {smtp.Pool{}, "the transport is closed", func(t *testing.T, _ *smtptest.Server, sender transport.Transport) {
			_ = transport.Shutdown(t.Context(), sender)
		}},
		"closed": {smtp.Pool{}, "the transport is closed", func(_ *testing.T, _ *smtptest.Server, sender transport.Transport) { _ = transport.Close(sender) }},
	} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewServer(t)
			o := newDecisions()
			sender := observe(t, relay(srv).Pool(tc.pool), o)
			if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
				t.Fatal(err)
			}
			if tc.then != nil {
				tc.then(t, srv, sender)
			}
			opened := o.wait(t, transport.DecisionConnect, "")
			if d := o.wait(t, transport.DecisionDisconnect, tc.state); d.Conn != opened.Conn || d.Conn == 0 || d.Relay != srv.Addr() {
				t.Errorf("%+v, want connection %d", d, opened.Conn)
			}
		})
	}
	t.Run("lost in a mail", func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		srv.Config.Hooks = []smtptest.Hook{smtptest.On(smtptest.Rcpt, smtptest.Close())}
		srv.Start()
		o := newDecisions()
		sender := observe(t, relay(srv), o)
		if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err == nil {
			t.Fatal("sent")
		}
		if d := o.wait(t, transport.DecisionDisconnect, "no longer usable"); d.Err == nil {
			t.Errorf("%+v", d)
		}
	})
}

// TestRefusedTokenIsSeen: that the server refused what the source gave is told as the source's failure is, with the
// answer and without the secret.
func TestRefusedTokenIsSeen(t *testing.T) {
	srv := smtptest.NewServer(t)
	const secret = "not-the-one"
	c, err := authentication.PasswordFrom(smtptest.User, func(context.Context) (string, error) { return secret, nil })
	if err != nil {
		t.Fatal(err)
	}
	o := newDecisions()
	sender := observe(t, smtp.StartTLSRelay(srv.Host()).Port(srv.Port()).TLSConfig(srv.ClientTLS()).Credentials(c), o)
	_, _ = sender.Send(t.Context(), mail(t, "b@example.org")) // the decisions tell
	o.wait(t, transport.DecisionToken, "")
	d := o.wait(t, transport.DecisionTokenFail, "")
	login, ok := errors.AsType[*authentication.Error](d.Err)
	if !ok || login.Kind != authentication.KindRejected || strings.Contains(d.Err.Error(), secret) {
		t.Errorf("%v", d.Err)
	}
}

// TestFlawOfASource: what is wrong with a password that comes from a file is said as with one in the program, also when
// it is not sent once more.
func TestFlawOfASource(t *testing.T) {
	for content, want := range map[string]string{
		smtptest.Password + "\n\n":     "ends in a line end",
		"\ufeff" + smtptest.Password:   "begins with a byte order mark",
		" " + smtptest.Password + "\n": "begins or ends with a blank",
	} {
		srv := smtptest.NewServer(t)
		path := filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := authentication.PasswordFrom(smtptest.User, authentication.File(path))
		if err != nil {
			t.Fatal(err)
		}
		sender := build(t, smtp.StartTLSRelay(srv.Host()).Port(srv.Port()).TLSConfig(srv.ClientTLS()).Credentials(c))
		for range 2 {
			if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err == nil || !strings.Contains(err.Error(), "the password "+want) {
				t.Errorf("%q: %v", content, err)
			}
		}
	}
}

// TestBusySaysForWhat: a send that may not even wait is told what it would have waited for, by Check too.
func TestBusySaysForWhat(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Hooks = []smtptest.Hook{smtptest.On(smtptest.Greeting, smtptest.Silence())}
	srv.Start()
	sender := build(t, relay(srv).Pool(smtp.Pool{MaxOpen: 1, MaxWaiting: 1}))
	ctx, cancel := context.WithCancel(t.Context())
	var others sync.WaitGroup
	for range 2 {
		others.Go(func() { _, _ = sender.Send(ctx, mail(t, "b@example.org")) }) // they hold the connection and the place
	}
	defer others.Wait()
	defer cancel()
	for sender.Stats().Waiting == 0 {
		time.Sleep(time.Millisecond)
	}
	const want = "waiting for one of 1 connections: as many wait for one as MaxWaiting allows"
	_, err := sender.Send(t.Context(), mail(t, "b@example.org"))
	if failed, ok := errors.AsType[*transport.SendError](err); !ok || failed.Phase != transport.PhaseWait || !errors.Is(err, smtp.ErrBusy) || !strings.HasSuffix(err.Error(), want) || !failed.Temporary() || !failed.SafeToRetry() {
		t.Errorf("%v", err)
	}
	if err := sender.Check(t.Context()); err == nil || err.Error() != want || !errors.Is(err, smtp.ErrBusy) {
		t.Errorf("%v", err)
	}
}
