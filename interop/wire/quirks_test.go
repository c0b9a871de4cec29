package wire_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/interop/rig"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/google/go-cmp/cmp"
)

// plain begins a transport without TLS over one connection, with its events.
func plain(t *testing.T, r *rig.Rig, setting string) (smtp.Builder, *client.Transcript) {
	t.Helper()
	host, port := r.HostPort(t, setting)
	transcript := &client.Transcript{}
	return smtp.DangerousPlaintext(host).Port(port).Pool(smtp.Pool{MaxOpen: 1}).Trace(transcript.Add), transcript
}

const short = "From: alice@rig.test\r\n\r\nx\r\n"

// TestRefusalsOneByOne: a long row of refused mails, which makes Exim hang up after 11 and Postfix
// after 20. Each result is that of its mail, and good mail after them arrives.
func TestRefusalsOneByOne(t *testing.T) {
	for _, setting := range []string{"EXIM_SMTP_ADDR", "POSTFIX_SMTP_ADDR"} {
		t.Run(setting, func(t *testing.T) {
			server, _, _ := strings.Cut(strings.ToLower(setting), "_")
			r := rig.Start(t, server)
			b, transcript := plain(t, r, setting)
			sender := build(t, b)
			for i := range 25 {
				result, err := sender.Send(t.Context(), mail(t, "alice@rig.test", short, fmt.Sprintf("unknown%d@rig.test", i)))
				if err == nil || result.Recipients[0].Outcome != transport.Rejected {
					t.Fatalf("mail %d: %+v, %v\n%s", i, result.Recipients, err, transcript)
				}
			}
			if _, err := sender.Send(t.Context(), mail(t, "alice@rig.test", short, "discard@rig.test")); err != nil {
				t.Errorf("%v\n%s", err, transcript)
			}
		})
	}
}

// TestNeverTwoCommandsAtOnce: OpenSMTPD hangs up on a second command in a segment, and aiosmtpd does not
// offer PIPELINING.
func TestNeverTwoCommandsAtOnce(t *testing.T) {
	for _, server := range []string{"opensmtpd", "aiosmtpd"} {
		t.Run(server, func(t *testing.T) {
			r := rig.Start(t, server)
			b, transcript := plain(t, r, strings.ToUpper(server)+"_SMTP_ADDR")
			sender := build(t, b.BulkWindow(20))
			var mails []transport.Mail
			for i := range 4 {
				mails = append(mails, mail(t, "alice@rig.test", short, fmt.Sprintf("quirk%d@rig.test", i), fmt.Sprintf("unknown%d@rig.test", i)))
			}
			for sent := range transport.SendAll(t.Context(), sender, func(yield func(transport.Mail) bool) {
				for _, m := range mails {
					if !yield(m) {
						return
					}
				}
			}) {
				if sent.Result.Count(transport.Accepted) != 1 || sent.Result.Count(transport.Rejected) != 1 {
					t.Errorf("%+v", sent.Result.Recipients)
				}
			}
			waits := false
			for line := range strings.Lines(transcript.String()) {
				switch {
				case strings.HasPrefix(line, "C: ("):
				case strings.HasPrefix(line, "C: ") && waits:
					t.Fatalf("%s before the reply to the command before it:\n%s", line, transcript)
				case strings.HasPrefix(line, "C: "):
					waits = true
				case strings.HasPrefix(line, "S: "):
					waits = false
				}
			}
		})
	}
}

// TestOversizeSaysNothing: Exim runs the lines of an oversize chunk as commands, so a message that is
// larger than the server takes must not be begun.
func TestOversizeSaysNothing(t *testing.T) {
	for _, setting := range []string{"EXIM_LIMITS_ADDR", "POSTFIX_LIMITS_ADDR"} {
		t.Run(setting, func(t *testing.T) {
			server, _, _ := strings.Cut(strings.ToLower(setting), "_")
			r := rig.Start(t, server)
			b, transcript := plain(t, r, setting)
			sender := build(t, b.Chunking(client.ChunkingTrusted))
			result, err := sender.Send(t.Context(), mail(t, "alice@rig.test", short+strings.Repeat("0123456789\r\n", 2000), "discard@rig.test"))
			if !errors.Is(err, client.ErrTooLarge) || result.Recipients[0].Outcome != transport.NotSent {
				t.Errorf("%v, %+v", err, result.Recipients)
			}
			if said := transcript.String(); strings.Contains(said, "BDAT") || strings.Contains(said, "MAIL") {
				t.Error(said)
			}
			if _, err := sender.Send(t.Context(), mail(t, "alice@rig.test", short, "discard@rig.test")); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestHandshakeFails: OpenSMTPD on Debian 12 offers STARTTLS and cannot shake hands. Nothing goes out in
// clear, also where TLS was only wanted if offered.
func TestHandshakeFails(t *testing.T) {
	r := rig.Start(t, "opensmtpd", "dovecot") // Dovecot's settings name the CA
	host, port := r.HostPort(t, "OPENSMTPD_BROKENTLS_ADDR")
	for name, b := range map[string]smtp.Builder{
		"required":      smtp.StartTLSRelay(host),
		"opportunistic": smtp.DangerousOpportunisticTLS(host),
	} {
		t.Run(name, func(t *testing.T) {
			transcript := &client.Transcript{}
			sender := build(t, b.Port(port).TLSConfig(r.TLS(t)).Trace(transcript.Add))
			result, err := sender.Send(t.Context(), mail(t, "alice@rig.test", short, "discard@rig.test"))
			var failed *transport.SendError
			if !errors.As(err, &failed) || failed.Phase != transport.PhaseTLS || result.Recipients[0].Outcome != transport.NotSent {
				t.Errorf("%v, %+v", err, result.Recipients)
			}
			if said := transcript.String(); strings.Contains(said, "MAIL") {
				t.Error(said)
			}
		})
	}
}

// TestBadCertificates: a server that cannot prove to be the host is told nothing.
func TestBadCertificates(t *testing.T) {
	r := rig.Start(t, "postfix")
	for _, kind := range []string{"EXPIRED", "WRONGHOST", "SELFSIGNED"} {
		t.Run(kind, func(t *testing.T) {
			host, port := r.HostPort(t, "POSTFIX_"+kind+"_ADDR")
			sender := build(t, smtp.Relay(host).Port(port).TLSConfig(r.TLS(t)))
			result, err := sender.Send(t.Context(), mail(t, "alice@rig.test", short, "discard@rig.test"))
			var failed *transport.SendError
			if !errors.As(err, &failed) || failed.Phase != transport.PhaseTLS || failed.Temporary() || result.Recipients[0].Outcome != transport.NotSent {
				t.Errorf("%v, %+v", err, result.Recipients)
			}
		})
	}
}

// TestTooManyRecipients: what a transaction has no room for goes in the next one. Postfix and Exim say
// 452 after the fifth, go-smtp announces a limit of 100.
func TestTooManyRecipients(t *testing.T) {
	for setting, n := range map[string]int{"POSTFIX_LIMITS_ADDR": 12, "EXIM_LIMITS_ADDR": 12, "GOSMTP_SMTP_ADDR": 250} {
		t.Run(setting, func(t *testing.T) {
			server, _, _ := strings.Cut(strings.ToLower(setting), "_")
			r := rig.Start(t, server)
			b, transcript := plain(t, r, setting)
			var to []string
			for i := range n {
				to = append(to, fmt.Sprintf("discard%d@rig.test", i))
			}
			result, err := build(t, b).Send(t.Context(), mail(t, "alice@rig.test", short, to...))
			if err != nil {
				t.Errorf("%+v, %v\n%s", result.Recipients, err, transcript)
			}
		})
	}
}

// TestNobodyAccepted: Dovecot answers the content with one reply where a client could wait for one per
// recipient when it accepted none. The connection must be good for the next mail.
func TestNobodyAccepted(t *testing.T) {
	r := rig.Start(t, "dovecot")
	sender := build(t, lmtp(t, r).Pool(smtp.Pool{MaxOpen: 1}))
	for range 3 {
		result, err := sender.Send(t.Context(), mail(t, "alice@rig.test", short, "nobody1@rig.test", "nobody2@rig.test"))
		if err == nil || result.Count(transport.Rejected) != 2 {
			t.Fatalf("%v, %+v", err, result.Recipients)
		}
		if _, err := sender.Send(t.Context(), mail(t, "alice@rig.test", short, "alice@rig.test")); err != nil {
			t.Fatal(err)
		}
	}
	if opened := sender.Stats().Opened; opened != 1 {
		t.Errorf("%d connections", opened)
	}
}

// TestSenderOfTheRefused: Exim delivers a mail after a refused one with the sender of that one unless
// RSET comes between them. Refused and good mails alternate in a window; each is stored with its own.
func TestSenderOfTheRefused(t *testing.T) {
	r := rig.Start(t, "exim")
	b, _ := plain(t, r, "EXIM_SMTP_ADDR")
	sender := build(t, b.Chunking(client.ChunkingTrusted).BulkWindow(20).ResendUnsent())
	want := map[string]string{}
	for sent, err := range transport.SendAll(t.Context(), sender, func(yield func(transport.Mail) bool) {
		for i := range 18 {
			from, to := fmt.Sprintf("trap%d@rig.test", i), fmt.Sprintf("trap%d", i)
			if i%3 == 2 {
				to = "unknown-" + to
			}
			if !yield(mail(t, from, short, to+"@rig.test")) {
				return
			}
		}
	}) {
		i := sent.Index
		if (err == nil) != (i%3 != 2) {
			t.Errorf("mail %d: %v", i, err)
		}
		if i%3 != 2 {
			want[fmt.Sprintf("trap%d", i)] = fmt.Sprintf("trap%d@rig.test", i)
		}
	}
	got := map[string]string{}
	for local := range want {
		first, _, _ := strings.Cut(string(r.Stored(t, "EXIM_MAIL", local, 1)[0]), "\n")
		got[local] = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(first), "Return-path: <"), ">")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
