package smtp_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// faults are what a server can do in place of a reply.
var faults = []struct {
	name string
	do   smtptest.Action
}{
	{"FIN", smtptest.Close()},
	{"FIN without close_notify", smtptest.Cut()},
	{"RST", smtptest.Reset()},
	{"421", smtptest.Reply("421 4.3.2 going down").Then(smtptest.Close())},
	{"silence", smtptest.Silence()},
	{"half-close", smtptest.HalfClose()},
	{"garbage", smtptest.Raw("\x00\x1b[31mwhat\r\n")},
	{"impossible code", smtptest.Raw("099 what\r\n")},
}

// forms are the ways of a mail over the wire.
var formNames = []string{"DATA", "BDAT", "LMTP DATA", "LMTP BDAT", "lockstep"}

// form returns a server and a transport that speak one form, in clear or in TLS.
func form(t *testing.T, name string, secure bool, limits client.Timeouts, hook smtptest.Hook) (*smtptest.Server, *smtp.Transport) {
	t.Helper()
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Hooks = []smtptest.Hook{hook}
	if !secure {
		srv.Config.Security = smtptest.Plaintext
	}
	if name == "lockstep" {
		srv.Config.Extensions = smtptest.Without("PIPELINING", "CHUNKING", "BINARYMIME")
	}
	lmtp := strings.HasPrefix(name, "LMTP")
	if lmtp {
		srv.Config.Protocol = smtptest.LMTP
		if secure {
			srv.Config.Security = smtptest.Plaintext // LMTP is for the same machine: our transport has no TLS for it
		}
	}
	srv.Start()
	b := smtp.DangerousPlaintext(srv.Host())
	switch {
	case lmtp:
		b = smtp.LMTP(srv.Host())
	case secure:
		b = relay(srv)
	}
	chunking := client.ChunkingOff
	if strings.HasSuffix(name, "BDAT") {
		chunking = client.ChunkingTrusted
	}
	return srv, build(t, b.Port(srv.Port()).Chunking(chunking).Timeouts(limits))
}

// waits are the limits that a case is tried with, one after the other: silence costs a limit, and a busy machine
// needs a long one.
var waits = []time.Duration{50 * time.Millisecond, time.Second, 20 * time.Second}

// TestFaultInPlaceOfEachReply puts every fault in the place of every reply, over every form, in clear and
// in TLS, and demands the outcome of the contract: NotSent or Deferred before the end of the content,
// Unknown after it (Deferred for a 421; the end of the stream without close_notify too), and what the server has stored agrees. The mail after it goes
// through.
func TestFaultInPlaceOfEachReply(t *testing.T) {
	points := []string{
		smtptest.Greeting, smtptest.Ehlo, smtptest.StartTLS, smtptest.Auth, smtptest.Mail, smtptest.Rcpt, smtptest.Data, smtptest.Body, smtptest.End,
	}
	for _, name := range formNames {
		for _, secure := range []bool{false, true} {
			for _, at := range points {
				for _, fault := range faults {
					t.Run(fmt.Sprintf("%s, TLS %v, %s at %s", name, secure, fault.name, at), func(t *testing.T) {
						t.Parallel()
						faultCase{name, secure, at, fault.name, fault.do}.check(t)
					})
				}
			}
		}
	}
}

// faultCase is a fault in the place of one reply.
type faultCase struct {
	form   string
	secure bool
	at     string
	name   string
	do     smtptest.Action
}

// check tries the case, again with longer limits when one of them struck anywhere else than at the fault.
func (c faultCase) check(t *testing.T) {
	for i, wait := range waits {
		err := c.try(t, client.Timeouts{Reply: wait, Data: wait, Final: wait, Reset: wait})
		if err == nil {
			return
		}
		if i == len(waits)-1 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
	}
}

// try returns the error of a mail that the fault does not concern; what is wrong with the other fails t.
func (c faultCase) try(t *testing.T, limits client.Timeouts) error {
	at := c.at
	if strings.HasPrefix(c.form, "LMTP") && at == smtptest.Ehlo {
		at = smtptest.Lhlo
	}
	var hit atomic.Bool
	srv, sender := form(t, c.form, c.secure, limits, func(e smtptest.Event) smtptest.Action {
		if e.Session == 1 && e.At == at && e.Ordinal == 1 {
			hit.Store(true)
			return c.do
		}
		return smtptest.Action{}
	})
	result, err := sender.Send(t.Context(), mail(t, "b@example.org"))
	sent := result.Recipients[0].Outcome
	if !hit.Load() {
		if err != nil {
			return fmt.Errorf("this session has no such point, and Send says %w", err)
		}
		return nil
	}
	var failed *transport.SendError
	stored := len(srv.Messages())
	if err == nil && c.name == "silence" && at == smtptest.Rcpt && len(srv.Sessions()) == 2 && stored == 1 {
		return nil // a flight of which only the first line is answered is repeated in lockstep
	}
	if !errors.As(err, &failed) {
		t.Fatalf("%v, %v", sent, err)
	}
	switch reply := result.Recipients[0].Reply; {
	case reply.Code == 421:
		if sent != transport.Deferred || stored != 0 {
			t.Errorf("421, and the outcome is %v, stored %d times", sent, stored)
		}
	case at == smtptest.End:
		if sent != transport.Unknown {
			t.Errorf("the verdict was lost, and the outcome is %v", sent)
		}
	case sent == transport.Unknown:
		// A small content leaves in one write, over BDAT even with RCPT: whole before the fault is seen.
		if at != smtptest.Body && !strings.HasSuffix(c.form, "BDAT") {
			t.Errorf("in doubt before the end of the content: %v", err)
		}
	case sent != transport.NotSent || stored != 0:
		t.Errorf("the outcome is %v, stored %d times", sent, stored)
	}
	if strings.ContainsAny(err.Error(), "\x00\x1b") {
		t.Errorf("the error holds what the server sent as it is: %q", err)
	}
	if _, err := sender.Send(t.Context(), mail(t, "c@example.org")); err != nil {
		return fmt.Errorf("the mail after it: %w", err)
	}
	return nil
}

// TestReplyOctetByOctet: replies that come one octet a segment make no difference, and one that
// takes longer than its limit ends it although something comes all the time.
func TestReplyOctetByOctet(t *testing.T) {
	for name, tc := range map[string]struct {
		pause, limit time.Duration
		want         transport.Outcome
	}{
		"quickly": {time.Nanosecond, time.Minute, transport.Accepted},
		"slowly":  {10 * time.Millisecond, 50 * time.Millisecond, transport.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			_, sender := form(t, "DATA", false, client.Timeouts{Final: tc.limit}, smtptest.On(smtptest.End, smtptest.Slowly(tc.pause).Then(smtptest.Default())))
			result, err := sender.Send(t.Context(), mail(t, "b@example.org"))
			if result.Recipients[0].Outcome != tc.want || tc.want == transport.Unknown && !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%v, %v", result.Recipients[0].Outcome, err)
			}
		})
	}
}

// TestStaleUnderTLS: an idle connection that the server has closed is noticed under TLS 1.2 and 1.3 too.
func TestStaleUnderTLS(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for name, end := range map[string]smtptest.Action{"close": smtptest.Close(), "cut": smtptest.Cut(), "reset": smtptest.Reset()} {
			t.Run(tls.VersionName(version)+" "+name, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				srv.Config.TLS = &tls.Config{MinVersion: version, MaxVersion: version}
				srv.Config.Hooks = []smtptest.Hook{smtptest.Script(smtptest.Case{At: smtptest.End, Session: 1, Do: smtptest.Default().Then(end)})}
				srv.Start()
				sender := build(t, relay(srv).Chunking(client.ChunkingOff)) // by BDAT the content leaves with MAIL
				for range 2 {
					if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
						t.Fatal(err)
					}
				}
				if n := len(srv.Messages()); n != 2 {
					t.Errorf("%d messages", n)
				}
			})
		}
	}
}

// TestContentIsNeverACommand: a server that refuses a BDAT without swallowing its octets never parses an
// octet of content as a command, whatever is refused and whatever the content looks like.
func TestContentIsNeverACommand(t *testing.T) {
	for _, depth := range []int{1, 16} {
		t.Run(fmt.Sprint("depth ", depth), func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(depth), 7))
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Security = smtptest.Plaintext
			srv.Config.Hooks = []smtptest.Hook{smtptest.ChunksUnread(), func(e smtptest.Event) smtptest.Action {
				if strings.HasPrefix(e.Recipient, "bad") && e.At == smtptest.Rcpt {
					return smtptest.Reply("550 5.1.1 no")
				}
				return smtptest.Action{}
			}}
			srv.Start()
			sender := build(t, smtp.DangerousPlaintext(srv.Host()).Port(srv.Port()).BulkWindow(depth).Pool(smtp.Pool{MaxOpen: 2}))
			commands := []string{"NOOP", "RSET", "MAIL FROM:<evil@example.org>", "RCPT TO:<victim@example.org>", "DATA", ".", "QUIT", "BDAT 3 LAST"}
			mails := func(yield func(transport.Mail) bool) {
				for i := range 500 {
					var text strings.Builder
					for range random.IntN(8) {
						text.WriteString(commands[random.IntN(len(commands))] + "\r\n")
					}
					local := "good"
					if random.IntN(2) == 0 {
						local = "bad"
					}
					env, err := envelope.New(address(t, "a@example.org"), address(t, fmt.Sprintf("%s%d@example.org", local, i)))
					if err != nil {
						t.Error(err)
					}
					if !yield(transport.Raw(env, []byte(text.String()))) {
						return
					}
				}
			}
			n := 0
			for range transport.SendAll(t.Context(), sender, mails) {
				n++
			}
			for i := range 50 {
				_, _ = sender.Send(t.Context(), mail(t, fmt.Sprintf("bad%d@example.org", i))) // refused by intention
				_, _ = sender.Send(t.Context(), mail(t, fmt.Sprintf("good%d@example.org", i)))
			}
			if n != 500 || len(srv.Messages()) == 0 {
				t.Errorf("%d results, %d messages", n, len(srv.Messages()))
			}
			probes := 0
			for _, s := range srv.Sessions() {
				for _, line := range s.Smuggled {
					if line != "DATA" { // of the probe, which does not count as content
						t.Errorf("session %d parsed %q", s.ID, line)
					}
					probes++
				}
			}
			if probes == 0 {
				t.Error("the server is not as hostile as it should be")
			}
		})
	}
}

// TestOtherAddress: the next address of a name is tried when the first is dead.
func TestOtherAddress(t *testing.T) {
	srv := smtptest.NewServer(t)
	if _, err := net.ResolveIPAddr("ip", "localhost"); err != nil {
		t.Fatal(err)
	}
	sender := build(t, relay(srv).Clone())
	if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
		t.Error(err)
	}
	// localhost may be ::1 first, where no server listens.
	sender = build(t, smtp.StartTLSRelay("localhost").Port(srv.Port()).TLSConfig(srv.ClientTLS()).Login(smtptest.User, smtptest.Password))
	if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
		t.Error(err)
	}
}
