package sendmail_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/sendmail"
	"github.com/google/go-cmp/cmp"
)

// named is fake for a named program.
func named(t *testing.T, kind sendmail.Kind) (*sendmail.Transport, func() []call) {
	t.Helper()
	_, calls := fake(t)
	return build(t, sendmail.Config{Path: os.Args[0], Kind: kind, Env: fakes}), calls
}

// TestArguments: the envelope is arguments and never read by a shell, the recipients after "--", and
// each delivery option one argument, so that no value can become a recipient.
func TestArguments(t *testing.T) {
	to := []envelope.Recipient{
		{Address: address(t, "-oQ/tmp@example.org"), Notify: envelope.NotifySuccess | envelope.NotifyDelay},
		{Address: address(t, `"a b; rm"@example.org`), Notify: envelope.NotifySuccess | envelope.NotifyDelay},
	}
	recipients := []string{"--", "-oQ/tmp@example.org", `"a b; rm"@example.org`}
	for kind, flags := range map[sendmail.Kind][]string{
		sendmail.Sendmail: {"-Nsuccess,delay", "-Rhdrs", "-Vid-1"},
		sendmail.Postfix:  {"-Nsuccess,delay", "-Rhdrs", "-Vid-1"},
		sendmail.Msmtp:    {"-Nsuccess,delay", "-Rhdrs"},
	} {
		tr, calls := named(t, kind)
		o := envelope.Options{DSNReturn: envelope.ReturnHeaders, EnvelopeID: "id-1"}
		if kind == sendmail.Msmtp {
			o.EnvelopeID = ""
		}
		if _, err := tr.Send(t.Context(), mail(t, to, o)); err != nil {
			t.Fatal(err)
		}
		want := []call{{
			slices.Concat([]string{"-i", "-f", "a@example.org"}, flags, recipients),
			"Subject: x\n\n.\ntext\n",
		}}
		if diff := cmp.Diff(want, calls()); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	}
}

// TestPostmasterArgument: the postmaster without a domain is a user of the command's own system, without the brackets of SMTP.
func TestPostmasterArgument(t *testing.T) {
	tr, calls := fake(t)
	if _, err := tr.Send(t.Context(), mail(t, []envelope.Recipient{{Address: envelope.Postmaster()}}, envelope.Options{})); err != nil {
		t.Fatal(err)
	}
	if args := calls()[0].Args; !slices.Equal(args[len(args)-2:], []string{"--", "Postmaster"}) {
		t.Errorf("run with %q", args)
	}
}

// TestUnsupported: what a program has no flag for is refused before it runs, and the error says what it is.
func TestUnsupported(t *testing.T) {
	b, c := address(t, "b@example.org"), address(t, "c@example.org")
	all := []sendmail.Kind{sendmail.Unnamed, sendmail.Sendmail, sendmail.Postfix, sendmail.Exim, sendmail.Msmtp}
	for name, tc := range map[string]struct {
		mail transport.Mail
		no   []sendmail.Kind
	}{
		"RequireTLS":        {mail(t, []envelope.Recipient{{Address: b}}, envelope.Options{RequireTLS: true}), all},
		"Notify":            {mail(t, []envelope.Recipient{{Address: b}, {Address: c, Notify: envelope.NotifyNever}}, envelope.Options{}), all},
		"OriginalRecipient": {mail(t, []envelope.Recipient{{Address: b, OriginalRecipient: c}}, envelope.Options{}), all},
		"Notify with": {
			mail(t, []envelope.Recipient{{Address: b, Notify: envelope.NotifyFailure}}, envelope.Options{}),
			[]sendmail.Kind{sendmail.Unnamed, sendmail.Exim},
		},
		"DSNReturn": {
			mail(t, []envelope.Recipient{{Address: b}}, envelope.Options{DSNReturn: envelope.ReturnFull}),
			[]sendmail.Kind{sendmail.Unnamed, sendmail.Exim},
		},
		"EnvelopeID": {
			mail(t, []envelope.Recipient{{Address: b}}, envelope.Options{EnvelopeID: "x"}),
			[]sendmail.Kind{sendmail.Unnamed, sendmail.Exim, sendmail.Msmtp},
		},
	} {
		for _, kind := range all {
			tr, calls := named(t, kind)
			result, err := tr.Send(t.Context(), tc.mail)
			refused := errors.Is(err, sendmail.ErrUnsupported) && strings.Contains(err.Error(), name) && result.Count(transport.NotSent) == len(result.Recipients)
			if want := slices.Contains(tc.no, kind); refused != want || (len(calls()) == 0) != want {
				t.Errorf("%s, %v: %v, run %d times", name, kind, err, len(calls()))
			}
		}
	}
}

// TestOnlyLines: content that is not made of lines is refused, and the command does not see its end.
func TestOnlyLines(t *testing.T) {
	env := plain(t).Envelope()
	for _, text := range []string{"a\nb\r\n", "a\rb\r\n", "a\x00\r\n", "a\r"} {
		tr, calls := fake(t)
		result, err := tr.Send(t.Context(), transport.Raw(env, []byte(text)))
		if !errors.Is(err, transport.ErrNotCanonical) || result.Recipients[0].Outcome != transport.NotSent || len(calls()) > 0 {
			t.Errorf("%q: %v, run %v", text, err, calls())
		}
	}
	tr, calls := fake(t)
	if _, err := tr.Send(t.Context(), binary{plain(t)}); !errors.Is(err, sendmail.ErrUnsupported) || len(calls()) > 0 {
		t.Errorf("binary: %v", err)
	}
}

type binary struct{ transport.Mail }

func (binary) BodyInfo() (transport.BodyInfo, bool) { return transport.BodyInfo{Binary: true}, true }

// TestEnvironment: the command finds what it needs and what the caller names, and no secret of this process.
func TestEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"MAIL_URL": "smtps://u:hunter2hunter2@relay.example.org", "AWS_SECRET": "hunter2", "XDG_CONFIG_HOME": "/xdg",
		"TZ": "UTC", "LANG": "C", "HOME": "/home/x", "LOGNAME": "x", "USER": "x", "NAMED": "yes",
	} {
		t.Setenv(name, value)
	}
	folder := t.TempDir()
	note := filepath.Join(folder, "environ")
	script := filepath.Join(folder, "sendmail")
	if err := os.WriteFile(script, []byte("#!/bin/sh\ncat >/dev/null\nenv >"+note+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	tr := build(t, sendmail.Config{Path: script, Env: []string{"NAMED", "GIVEN=a=b", "ABSENT"}})
	if _, err := tr.Send(t.Context(), plain(t)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(note)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if !slices.Contains([]string{"PATH", "PWD", "OLDPWD", "SHLVL", "_"}, name) && !strings.HasPrefix(name, "XDG_") || name == "XDG_CONFIG_HOME" {
			found[name] = value // the shell makes some of its own
		}
	}
	want := map[string]string{
		"XDG_CONFIG_HOME": "/xdg", "TZ": "UTC", "LANG": "C", "HOME": "/home/x", "LOGNAME": "x", "USER": "x", "NAMED": "yes", "GIVEN": "a=b",
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
}

// TestConfigFaults: all that is wrong is said at once, and a value that may be a secret is not.
func TestConfigFaults(t *testing.T) {
	_, err := sendmail.Config{Path: "/bin/true", Kind: "qmail", Env: []string{"OK", "=hunter2"}}.Build()
	var field *envelope.FieldError
	if !errors.As(err, &field) || !strings.Contains(err.Error(), "qmail") || !strings.Contains(err.Error(), "Env") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}
