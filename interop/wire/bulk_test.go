package wire_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/interop/rig"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/google/go-cmp/cmp"
)

// TestBulkWithRefusals sends 5,000 mails with 20 in flight and every third recipient refused, with a
// sender of its own for each, to Postfix and Exim with their default limits. Exim hangs up after 11
// refusals on a connection and Postfix after 20 errors in a row; Exim would deliver the mail after a
// refused one with the wrong sender if RSET were missing. Every result must line up with its mail, and
// what is stored with its sender and recipient.
func TestBulkWithRefusals(t *testing.T) {
	const n = 5000
	for _, server := range []string{"postfix", "exim"} {
		t.Run(server, func(t *testing.T) {
			r := rig.Start(t, server)
			upper := strings.ToUpper(server)
			host, port := r.HostPort(t, upper+"_SMTP_ADDR")
			sender, err := smtp.DangerousPlaintext(host).Port(port).BulkWindow(20).ResendUnsent().Pool(smtp.Pool{MaxOpen: 4}).Build()
			if err != nil {
				t.Fatal(err)
			}
			defer sender.Close()
			outcomes, accepted := map[string]int{}, map[string]entry{}
			for sent, err := range transport.SendAll(t.Context(), sender, func(yield func(transport.Mail) bool) {
				for i := range n {
					data := fmt.Sprintf("From: s%d@rig.test\r\nSubject: bulk %d\r\n\r\ntext\r\n", i, i)
					if !yield(mail(t, fmt.Sprintf("s%d@rig.test", i), data, recipient(i)+"@rig.test")) {
						return
					}
				}
			}) {
				got := sent.Result.Recipients[0]
				if got.Address.String() != recipient(sent.Index)+"@rig.test" {
					t.Fatalf("result %d is that of %s", sent.Index, got.Address)
				}
				want := transport.Accepted
				if sent.Index%3 == 0 {
					want = transport.Rejected
				}
				outcomes[got.Outcome.String()]++
				if want == transport.Accepted {
					accepted[fmt.Sprintf("s%d@rig.test", sent.Index)] = entry{got.Address.String(), sent.Result.QueueID}
				}
				if got.Outcome != want {
					t.Errorf("mail %d to %s: %v, %v", sent.Index, got.Address, got.Outcome, err)
				}
			}
			t.Logf("%v, %+v", outcomes, sender.Stats())
			if diff := cmp.Diff(accepted, logged(t, r, server, len(accepted))); diff != "" {
				t.Errorf("results and the log of the server differ:\n%.3000s", diff)
			}
			for i := range n {
				if !stored(i) {
					continue
				}
				messages := r.Stored(t, upper+"_MAIL", recipient(i), 1)
				if len(messages) != 1 || !bytes.Contains(messages[0], fmt.Appendf(nil, "Subject: bulk %d\n", i)) && !bytes.Contains(messages[0], fmt.Appendf(nil, "Subject: bulk %d\r\n", i)) {
					t.Errorf("mail %d is stored %d times, or another", i, len(messages))
				}
				if !bytes.Contains(messages[0], fmt.Appendf(nil, "Return-Path: <s%d@rig.test>", i)) && !bytes.Contains(messages[0], fmt.Appendf(nil, "Return-path: <s%d@rig.test>", i)) {
					t.Errorf("mail %d has another sender:\n%.300s", i, messages[0])
				}
			}
			if refused, _ := filepath.Glob(filepath.Join(r.Get(t, upper+"_MAIL"), "unknown*")); len(refused) > 0 {
				t.Errorf("refused and stored: %v", refused)
			}
		})
	}
}

// stored reports whether mail i is stored: a part of those that are accepted, because storing takes the
// servers longer than accepting.
func stored(i int) bool { return i%3 != 0 && i%25 == 1 }

func recipient(i int) string {
	switch {
	case i%3 == 0:
		return fmt.Sprintf("unknown%d", i)
	case stored(i):
		return fmt.Sprintf("bulk%d", i)
	}
	return fmt.Sprintf("discard%d", i)
}

// TestThousandOverOneConnection: nothing of ours makes Exim, which takes ten commands besides mail on a
// connection, hang up within 1,000 messages.
func TestThousandOverOneConnection(t *testing.T) {
	r := rig.Start(t, "exim")
	host, port := r.HostPort(t, "EXIM_SMTP_ADDR")
	sender, err := smtp.DangerousPlaintext(host).Port(port).Pool(smtp.Pool{MaxOpen: 1}).Build()
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	for i := range 1000 {
		if _, err := sender.Send(t.Context(), mail(t, "alice@rig.test", "Subject: x\r\n\r\nx\r\n", fmt.Sprintf("discard%d@rig.test", i))); err != nil {
			t.Fatalf("mail %d: %v", i, err)
		}
	}
	if opened := sender.Stats().Opened; opened != 1 {
		t.Errorf("%d connections", opened)
	}
}

// TestDovecotVerdicts: one good, one over-quota and one unknown recipient over LMTP.
func TestDovecotVerdicts(t *testing.T) {
	r := rig.Start(t, "dovecot")
	for name, sender := range map[string]smtp.Builder{
		"TCP":         lmtp(t, r),
		"Unix socket": smtp.LMTPSocket(r.Get(t, "DOVECOT_LMTP_UNIX")),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := sender.Build()
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for range 2 { // by DATA, then by BDAT
				result, err := s.Send(t.Context(), mail(t, "alice@rig.test", "Subject: x\r\n\r\nx\r\n", "bob@rig.test", "full@rig.test", "nobody@rig.test"))
				if err == nil {
					t.Fatal("no error")
				}
				want := []transport.Outcome{transport.Accepted, transport.Rejected, transport.Rejected}
				for i, rcpt := range result.Recipients {
					if rcpt.Outcome != want[i] {
						t.Errorf("%s is %v: %v", rcpt.Address, rcpt.Outcome, rcpt.Reply)
					}
				}
			}
		})
	}
}

func lmtp(t *testing.T, r *rig.Rig) smtp.Builder {
	t.Helper()
	host, port := r.HostPort(t, "DOVECOT_LMTP_ADDR")
	return smtp.LMTP(host).Port(port)
}
