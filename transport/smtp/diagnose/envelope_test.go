package diagnose_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/diagnose"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

func newEnvelope(t *testing.T, from string, to ...string) envelope.Envelope {
	t.Helper()
	parse := func(s string) envelope.Address {
		a, err := envelope.ParseAddress(s)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	var list []envelope.Address
	for _, s := range to {
		list = append(list, parse(s))
	}
	env, err := envelope.New(parse(from), list...)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// TestRunFor: a check with an envelope finds what one without says "ready" to, and sends no content.
func TestRunFor(t *testing.T) {
	for name, tc := range map[string]struct {
		hook  smtptest.Hook
		from  string
		phase client.Phase // "" for ready
		hint  diagnose.HintKind
		says  string
	}{
		"ready":                       {says: "recipient    <c@example.net>: 250"},
		"no login":                    {hook: smtptest.On(smtptest.Mail, smtptest.Reply("530 5.7.0 Authentication required")), phase: client.PhaseMail, hint: diagnose.HintLoginNeeded, says: "530"},
		"not allowed to send as":      {hook: smtptest.On(smtptest.Mail, smtptest.Reply("550 5.7.60 not allowed to send as this sender")), phase: client.PhaseMail, hint: diagnose.HintSender, says: "sender       <a@example.org>"},
		"relay denied":                {hook: smtptest.On(smtptest.Rcpt, smtptest.Reply("554 5.7.1 Relay access denied")), phase: client.PhaseRcpt, hint: diagnose.HintRelay, says: "554 5.7.1 Relay access denied"},
		"a hello name, said at RCPT":  {hook: smtptest.On(smtptest.Rcpt, smtptest.Reply("504 5.5.2 <client.example>: Helo command rejected: need fully-qualified hostname")), phase: client.PhaseRcpt, hint: diagnose.HintHello, says: "does not like client.example"},
		"one recipient":               {hook: smtptest.Script(smtptest.Case{At: smtptest.Rcpt, Ordinal: 2, Do: smtptest.Reply("550 5.1.1 no such user")}), phase: client.PhaseRcpt, hint: diagnose.HintRecipient, says: "<c@example.net>: 550 5.1.1"},
		"a connection lost at RCPT":   {hook: smtptest.On(smtptest.Rcpt, smtptest.Close()), phase: client.PhaseRcpt, says: "recipient    <b@example.org>: no answer"},
		"a sender of letters of UTF8": {from: "jörg@example.org"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			if tc.hook != nil {
				srv.Config.Hooks = []smtptest.Hook{tc.hook}
			}
			srv.Start()
			from := tc.from
			if from == "" {
				from = "a@example.org"
			}
			report, err := diagnose.RunFor(t.Context(), relay(srv).HelloName("client.example"), newEnvelope(t, from, "b@example.org", "c@example.net"))
			if err != nil {
				t.Fatal(err)
			}
			var phase client.Phase
			if failed, ok := errors.AsType[*client.Error](report.Err); ok {
				phase = failed.Phase
			}
			if phase != tc.phase || report.OK() != (tc.phase == "") {
				t.Errorf("%v, want a failure in %q", report.Err, tc.phase)
			}
			var kinds []diagnose.HintKind
			for _, h := range report.Hints {
				if h.Kind != diagnose.HintExpiresSoon {
					kinds = append(kinds, h.Kind)
				}
			}
			if tc.hint != "" && (len(kinds) != 1 || kinds[0] != tc.hint) {
				t.Errorf("hints %q, want %q", kinds, tc.hint)
			}
			if !strings.Contains(report.String(), tc.says) {
				t.Errorf("the text does not say %q:\n%s", tc.says, report)
			}
			for _, s := range srv.Sessions() {
				if s.Count("DATA") > 0 || s.Count("BDAT") > 1 { // one probe, which is outside of a transaction
					t.Errorf("sent content: %v", s.Commands)
				}
				if tc.phase == "" && s.Count("RSET") != 1+2 { // two of them belong to the probes
					t.Errorf("the transaction was left open: %v", s.Commands)
				}
			}
			if len(srv.Messages()) > 0 {
				t.Error("a message arrived")
			}
		})
	}
	if _, err := diagnose.RunFor(t.Context(), smtp.Relay("mx.example.org"), envelope.Envelope{}); !errors.Is(err, envelope.ErrNoRecipient) {
		t.Errorf("without recipients: %v", err)
	}
}

// TestRunHost: a bare name is tried in every usual way, and each way is explained.
func TestRunHost(t *testing.T) {
	tls, starttls := smtptest.NewUnstartedServer(t), smtptest.NewServer(t)
	tls.StartImplicitTLS()
	reports, err := diagnose.RunHost(t.Context(), "127.0.0.1", func(b smtp.Builder) smtp.Builder {
		return b.DangerousSkipVerify().HelloName("client.example").Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
			var d net.Dialer
			switch _, port, _ := net.SplitHostPort(address); port {
			case "465":
				return d.DialContext(ctx, network, tls.Addr())
			case "587":
				return d.DialContext(ctx, network, starttls.Addr())
			}
			return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
		})
	})
	if err != nil || len(reports) != 3 {
		t.Fatalf("%d reports, %v", len(reports), err)
	}
	for i, want := range []struct {
		server string
		ok     bool
	}{{"127.0.0.1:465", true}, {"127.0.0.1:587", true}, {"127.0.0.1:25", false}} {
		if r := reports[i]; r.Server != want.server || r.OK() != want.ok || !want.ok && len(r.Hints) == 0 {
			t.Errorf("want %+v:\n%s", want, r)
		}
	}
	if _, err := diagnose.RunHost(t.Context(), "", nil); err == nil {
		t.Error("no host is not an error")
	}
}
