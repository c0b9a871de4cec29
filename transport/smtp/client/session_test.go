package client_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// TestCommandsThatAreNotFollowed: a command that would change the session without the knowledge of the Conn is
// refused with the method to use, nothing is said, and the next mail is one.
func TestCommandsThatAreNotFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &oracle{keywords: pipelining}
		conn := open(t, o, client.Config{})
		defer conn.Close()
		id, err := extension.ParseHelloName("host.example")
		if err != nil {
			t.Fatal(err)
		}
		for _, tc := range []struct {
			command commands.Command
			use     string
		}{
			{commands.Data{}, "Begin"},
			{commands.Bdat{Size: 1, Last: true}, "Begin"},
			{commands.Mail{From: address(t, "a@x.org")}, "Begin"},
			{&commands.Mail{From: address(t, "a@x.org")}, "Begin"},
			{commands.Rcpt{To: address(t, "a@x.org")}, "Begin"},
			{commands.StartTLS{}, "StartTLS"},
			{commands.Auth{Mechanism: "PLAIN"}, "Authenticate"},
			{commands.AuthResponse{Response: []byte("x")}, "Authenticate"},
			{commands.AuthCancel{}, "Authenticate"},
			{commands.Quit{}, "Quit"},
			{commands.Rset{}, "Reset"},
			{commands.Ehlo{HelloName: id}, "Rehello"},
			{commands.Helo{HelloName: id}, "Rehello"},
			{commands.Lhlo{HelloName: id}, "Rehello"},
		} {
			_, err := conn.Command(t.Context(), tc.command)
			if !errors.Is(err, client.ErrNotFollowed) || !strings.Contains(err.Error(), tc.use) {
				t.Errorf("%T: %v", tc.command, err)
			}
		}
		if r := conn.Send(t.Context(), newMail(t, "from a@x.org\nto b@x.org\n\nx\n")); r.Err != nil || len(o.taken) != 1 {
			t.Errorf("%v, taken %v", r.Err, o.taken)
		}
	})
}

// TestSessionByHand: a session that first looks at what is offered, then encrypts, and then chooses an account.
func TestSessionByHand(t *testing.T) {
	srv := smtptest.NewServer(t)
	conn, err := client.Dial(t.Context(), client.Config{
		Address: net.JoinHostPort(srv.Host(), fmt.Sprint(srv.Port())), TLS: client.TLSNone, TLSConfig: srv.ClientTLS(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	credentials, err := authentication.Password(smtptest.User, smtptest.Password)
	if err != nil {
		t.Fatal(err)
	}
	if !conn.Info().Has(extension.StartTLS) || conn.TLS() != nil {
		t.Fatal("no STARTTLS to begin with")
	}
	if err := conn.Authenticate(t.Context(), credentials); err == nil {
		t.Error("a login without TLS")
	}
	if err := conn.StartTLS(t.Context()); err != nil || conn.TLS() == nil {
		t.Fatal(err)
	}
	if err := conn.StartTLS(t.Context()); !errors.Is(err, client.ErrEncrypted) {
		t.Errorf("a second StartTLS: %v", err)
	}
	if conn.Info().Has(extension.StartTLS) || !conn.InfoBeforeTLS().Has(extension.StartTLS) {
		t.Error("what was offered before TLS is still believed")
	}
	wrong, err := authentication.Password(smtptest.User, "wrong")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Authenticate(t.Context(), wrong); err == nil {
		t.Error("a wrong password was good")
	}
	if err := conn.Authenticate(t.Context(), credentials); err != nil {
		t.Fatal(err)
	}
	if err := conn.Authenticate(t.Context(), credentials); !errors.Is(err, client.ErrLoggedIn) {
		t.Errorf("a second login: %v", err)
	}
	other, err := extension.ParseHelloName("other.example")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Rehello(t.Context(), other); err != nil {
		t.Error(err)
	}
	if r := conn.Send(t.Context(), newMail(t, "from a@x.org\nto b@x.org\n\nSubject: x\n\nx\n")); r.Err != nil || len(srv.Messages()) != 1 {
		t.Errorf("%v, %d messages", r.Err, len(srv.Messages()))
	}
	if said := srv.Sessions()[0].String(); !strings.Contains(said, "C: EHLO other.example") {
		t.Errorf("said\n%s", said)
	}
}

// TestTryExtensions: a server that offers what it does not do is found out without a mail.
func TestTryExtensions(t *testing.T) {
	const head = "S: 220 mx\nC: EHLO [127.0.0.1]\nS: 250-mx\nS: 250-PIPELINING\nS: 250 CHUNKING\nC: RSET\nC: NOOP\nC: BDAT 6 LAST\nC: DATA\nC: RSET\n"
	for name, tc := range map[string]struct {
		replies string
		want    client.Findings
		fails   bool
	}{
		"it does":              {"S: 250 ok\nS: 250 ok\nS: 503 no\nS: 250 ok\n", client.Findings{ChunkingSafe: true, ChunkingUsed: true}, false},
		"chunks are run":       {"S: 250 ok\nS: 250 ok\nS: 503 no\nS: 503 no\nS: 250 ok\n", client.Findings{ChunkingUnsafe: true}, false},
		"BDAT is not known":    {"S: 250 ok\nS: 250 ok\nS: 502 no\nS: 250 ok\n", client.Findings{ChunkingUnsafe: true}, false},
		"one line of a flight": {"S: 250 ok\n* silence\n", client.Findings{PipeliningBroken: true}, true},
		"500 to a flight":      {"S: 500 what\nS: 250 ok\nS: 503 no\nS: 250 ok\n", client.Findings{PipeliningBroken: true, ChunkingSafe: true, ChunkingUsed: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				served := make(chan struct{})
				go func() {
					defer close(served)
					serve(t, far, head+tc.replies)
				}()
				conn, err := client.New(t.Context(), near, client.Config{TLS: client.TLSNone})
				if err != nil {
					t.Fatal(err)
				}
				found, err := conn.TryExtensions(t.Context())
				if diff := cmp.Diff(tc.want, found); diff != "" || (err != nil) != tc.fails {
					t.Errorf("%v, %s", err, diff)
				}
				_ = conn.Close()
				<-served
			})
		})
	}
}
