package smtp_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/google/go-cmp/cmp"
)

var updateTexts = flag.Bool("update-texts", false, "write testdata/texts.golden anew")

// failing is one way to fail in one place.
type failing struct {
	name string
	send func(t *testing.T) (transport.Mail, *transport.Result, error)
}

// stable takes out of a text what differs from run to run: ports, folders, and by which system call a lost connection
// shows.
var stable = []struct {
	from *regexp.Regexp
	to   string
}{
	{regexp.MustCompile(`(read|write) tcp 127\.0\.0\.1:\d+->127\.0\.0\.1:\d+: `), "$1 tcp ADDRESSES: "},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "RELAY"},
	{regexp.MustCompile(`(read|write) tcp ADDRESSES: (write: broken pipe|read: connection reset by peer|write: connection reset by peer)`), "unexpected EOF"},
	{regexp.MustCompile(`(/[A-Za-z0-9._-]+)+/`), "FOLDER/"},
	{regexp.MustCompile(`FOLDER/[0-9]{8}T[0-9TZA-Z.-]+`), "FOLDER/ID"},
	{regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]+Z`), "DATE"},
}

// line says everything about an error that a program or a person goes by.
func line(name string, err error) string {
	failed, ok := errors.AsType[*transport.SendError](err)
	if !ok {
		return name + ": accepted"
	}
	var outcomes, flags, sentinels []string
	for _, r := range failed.Result.Recipients {
		outcomes = append(outcomes, r.Outcome.String()+"/"+r.Fault.String())
	}
	for flag, set := range map[string]bool{"temporary": failed.Temporary(), "safe": failed.SafeToRetry(), "uncertain": failed.Uncertain()} {
		if set {
			flags = append(flags, flag)
		}
	}
	slices.Sort(flags)
	for _, s := range []struct {
		name string
		err  error
	}{
		{"closed", transport.ErrClosed},
		{"lost", transport.ErrConnectionLost},
		{"busy", smtp.ErrBusy},
		{"canceled", context.Canceled},
		{"deadline", context.DeadlineExceeded},
		{"injection", client.ErrInjection},
		{"unsolicited", client.ErrUnsolicited},
		{"no STARTTLS", client.ErrNoStartTLS},
	} {
		if errors.Is(err, s.err) {
			sentinels = append(sentinels, s.name)
		}
	}
	text := err.Error()
	for _, s := range stable {
		text = s.from.ReplaceAllString(text, s.to)
	}
	return fmt.Sprintf("%s\n  %s, phase %s, reply %q, %s, is %s\n  %s", name, strings.Join(outcomes, " "), failed.Phase,
		failed.Reply.String(), strings.Join(flags, " "), strings.Join(sentinels, " "), text)
}

// TestTexts compares everything that is said of a failure with one file in which all texts can be looked at: for all phases
// and ways to fail over SMTP in each form, LMTP, the command, files and stubs, and for groups. Through each transport over
// one other, the same is said.
func TestTexts(t *testing.T) {
	cases := slices.Concat(overRelays(), aroundRelays(), local(), overStubs(), elsewhere())
	lines := make([]string, len(cases))
	t.Run("all", func(t *testing.T) {
		for i, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				m, result, err := c.send(t)
				lines[i] = line(c.name, err)
				if err != nil && m.Envelope().Len() > 0 { // those above refuse a mail to no recipient themselves
					sayTheSame(t, m, result, err)
				}
			})
		}
	})
	got := strings.Join(lines, "\n") + "\n"
	path := filepath.Join("testdata", "texts.golden")
	if *updateTexts {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("texts (-want +got); go test -update-texts writes them:\n%s", diff)
	}
	for _, text := range lines {
		last := text[strings.LastIndex(text, "\n")+1:]
		for _, twice := range []string{"send: ", "smtp: ", "TLS: "} {
			if strings.Count(last, twice) > 1 {
				t.Errorf("%q more than once: %s", twice, last)
			}
		}
	}
}
