package sendmail_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/interop/rig"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/sendmail"
	"github.com/google/go-cmp/cmp"
)

// wishes are delivery options, and for which of the commands they can be passed on.
var wishes = []struct {
	name    string
	notify  envelope.Notify
	options envelope.Options
	can     []string
}{
	{"never", envelope.NotifyNever, envelope.Options{}, []string{"Postfix", "msmtp", "Sendmail"}},
	{"failure", envelope.NotifyFailure, envelope.Options{}, []string{"Postfix", "msmtp", "Sendmail"}},
	{"three", envelope.NotifySuccess | envelope.NotifyFailure | envelope.NotifyDelay, envelope.Options{}, []string{"Postfix", "msmtp", "Sendmail"}},
	{"headers", 0, envelope.Options{DSNReturn: envelope.ReturnHeaders}, []string{"Postfix", "msmtp", "Sendmail"}},
	{"full", 0, envelope.Options{DSNReturn: envelope.ReturnFull}, []string{"Postfix", "msmtp", "Sendmail"}},
	{"id", 0, envelope.Options{EnvelopeID: "failure"}, []string{"Postfix", "Sendmail"}},
	{"all", envelope.NotifyFailure, envelope.Options{DSNReturn: envelope.ReturnHeaders, EnvelopeID: "id-1"}, []string{"Postfix", "Sendmail"}},
}

// wishing is the mail with a subject for one recipient, with delivery options.
func wishing(t *testing.T, subject string, notify envelope.Notify, o envelope.Options) transport.Mail {
	t.Helper()
	m := mail(t, "a@rig.test", subject, subject+"@rig.test")
	to := envelope.Recipient{Address: m.Envelope().At(0).Address, Notify: notify}
	env, err := envelope.NewWithOptions(m.Envelope().From(), []envelope.Recipient{to}, o)
	if err != nil {
		t.Fatal(err)
	}
	return transport.WithEnvelope(m, env)
}

// TestOptions: whatever delivery options a mail has, each command either delivers it to its recipient and to no
// one else, or refuses it before it runs. (With flags of Sendmail, Exim delivered nothing and said that all was well, or
// delivered to "failure" and "--".)
func TestOptions(t *testing.T) {
	for _, c := range commands {
		t.Run(c.name, func(t *testing.T) {
			r := rig.Start(t, c.servers...)
			sender := c.make(t, r)
			before := mailboxes(t, r.Get(t, c.mail))
			var want []string
			for _, w := range wishes {
				name := strings.ToLower(c.name) + "-" + w.name
				result, err := sender.Send(t.Context(), wishing(t, name, w.notify, w.options))
				if !slices.Contains(w.can, c.name) {
					if !errors.Is(err, sendmail.ErrUnsupported) || result.Recipients[0].Outcome != transport.NotSent {
						t.Errorf("%s: %v", w.name, err)
					}
					continue
				}
				if err != nil {
					t.Errorf("%s: %v", w.name, err)
					continue
				}
				check(t, r.Stored(t, c.mail, name, 1)[0])
				want = append(want, name)
			}
			// One mail more: when it has arrived, what came before it has, too.
			last := strings.ToLower(c.name) + "-last"
			if _, err := sender.Send(t.Context(), mail(t, "a@rig.test", last, last+"@rig.test")); err != nil {
				t.Fatal(err)
			}
			r.Stored(t, c.mail, last, 1)
			got := slices.DeleteFunc(mailboxes(t, r.Get(t, c.mail)), func(name string) bool {
				return slices.Contains(before, name) || name == "a" // the sender, who may get the notifications
			})
			want = append(want, last)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("who got mail: %s", diff)
			}
		})
	}
}

// mailboxes returns the names of those who have mail.
func mailboxes(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// queueOnly is a configuration of Sendmail that puts mail in its queue and sends none.
const queueOnly = `V10/Berkeley
Cwlocalhost
Dj%[2]s
DnMAILER-DAEMON
O QueueDirectory=%[1]s/queue
O ServiceSwitchFile=%[1]s/switch
O DeliveryMode=q
O DontProbeInterfaces=True
O TempFileMode=0600
O RunAsUser=root
O SuperSafe=False
Troot
Pfirst-class=0
SCanonify=3
R< >	$@ @
R$* < $* > $*	$: $2
R$+ @ $+	$@ $1 < @ $2 >
Sfinal=4
R@	$@
R$* < @ $+ >	$@ $1 @ $2
Sparse=0
R@	$#local $: MAILER-DAEMON
R$* < @ $+ >	$#local $: $1
R$+	$#local $: $1
Mlocal,	P=/bin/false, F=lsDFMm, S=4, R=4, E=\n, T=DNS/RFC822/X-Unix, A=false
Mprog,	P=/bin/false, F=lsDFM, A=false
`

// TestSendmail: what Sendmail 8 writes in its queue is exactly the envelope, with its delivery options.
func TestSendmail(t *testing.T) {
	rig.Install(t, "sendmail")
	for _, w := range wishes {
		t.Run(w.name, func(t *testing.T) {
			dir := t.TempDir()
			wrapper := filepath.Join(dir, "sendmail")
			for name, content := range map[string]string{
				"sendmail.cf": fmt.Sprintf(queueOnly, dir, "mail.rig.test"),
				"switch":      "hosts files\naliases files\n",
				// It sleeps for a minute where the name of the host has no domain.
				"sendmail": "#!/bin/sh\nhostname mail.rig.test\nexec " + opt() + "/sendmail/usr/libexec/sendmail/sendmail \"$@\"\n",
			} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Mkdir(filepath.Join(dir, "queue"), 0o700); err != nil {
				t.Fatal(err)
			}
			sender := build(t, sendmail.Config{
				Path: "/usr/bin/unshare", Kind: sendmail.Sendmail,
				Args: []string{"--uts", wrapper, "-C", filepath.Join(dir, "sendmail.cf")},
			})
			if _, err := sender.Send(t.Context(), wishing(t, "sendmail-"+w.name, w.notify, w.options)); err != nil {
				t.Fatal(err)
			}
			got := queued(t, filepath.Join(dir, "queue"))
			flags := "P"
			for _, n := range []struct {
				notify envelope.Notify
				flags  string
			}{{envelope.NotifyNever, "N"}, {envelope.NotifySuccess, "NS"}, {envelope.NotifyFailure, "NF"}, {envelope.NotifyDelay, "ND"}} {
				if w.notify&n.notify != 0 {
					flags += strings.TrimPrefix(n.flags, strings.Repeat("N", min(strings.Count(flags, "N"), 1)))
				}
			}
			if w.notify == 0 {
				flags += "FD" // the default of Sendmail: failure and delay
			}
			want := []string{"Sa@rig.test", "R" + flags + ":sendmail-" + w.name + "@rig.test"}
			if w.options.EnvelopeID != "" {
				want = append(want, "Z"+w.options.EnvelopeID)
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// queued returns the lines of the control file that say who sends, who receives and by which id.
func queued(t *testing.T, dir string) (lines []string) {
	t.Helper()
	control, err := filepath.Glob(filepath.Join(dir, "qf*"))
	if err != nil || len(control) != 1 {
		t.Fatalf("%q, %v", control, err)
	}
	data, err := os.ReadFile(control[0])
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if strings.ContainsRune("SRZ", rune(line[0])) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	slices.Sort(lines)
	return lines
}
