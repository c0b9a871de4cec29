package client_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// TestMailThatTheServerCannotTake: each reason that the offers of a server give is told apart, nothing of the mail is said,
// and the connection goes on.
func TestMailThatTheServerCannotTake(t *testing.T) {
	const plain = "from a@x.org\nto b@x.org\n\nx\n"
	for name, tc := range map[string]struct {
		keywords []string
		cfg      client.Config
		mail     string
		want     error
	}{
		"too large":             {[]string{"SIZE 10"}, client.Config{}, "from a@x.org\nto b@x.org\n\nsomewhat longer\n", client.ErrTooLarge},
		"8-bit":                 {nil, client.Config{}, "from a@x.org\nto b@x.org\n\né\n", client.ErrNo8BitMIME},
		"binary":                {[]string{"8BITMIME"}, client.Config{}, "from a@x.org\nto b@x.org\nbinary\n\nx\n", client.ErrNoBinaryMIME},
		"UTF-8 addresses":       {[]string{"8BITMIME"}, client.Config{}, "from a@x.org\nto é@x.org\n\nx\n", client.ErrNoSMTPUTF8},
		"too many at once":      {[]string{"LIMITS RCPTMAX=1"}, client.Config{AllOrNothing: true}, "from a@x.org\nto b@x.org c@x.org\n\nx\n", client.ErrTooManyRecipients},
		"no reports":            {nil, client.Config{}, "from a@x.org\nto b@x.org\nnotify failure\n\nx\n", client.ErrUnsupported},
		"a line feed by itself": {nil, client.Config{}, "from a@x.org\nto b@x.org\n\nx\x00y\n", client.ErrNotCanonical},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &oracle{keywords: tc.keywords}
				conn := open(t, o, tc.cfg)
				mail := newMail(t, tc.mail)
				mail.data = strings.ReplaceAll(mail.data, "\x00", "\n")
				result := conn.Send(t.Context(), unknownBody{mail})
				if mail.binary {
					result = conn.Send(t.Context(), mail)
				}
				failed, ok := result.Failure()
				if !ok || !errors.Is(result.Err, tc.want) || failed.Phase != client.PhaseMessage {
					t.Errorf("%v, want %v", result.Err, tc.want)
				}
				if result := conn.Send(t.Context(), newMail(t, plain)); tc.keywords == nil && result.Err != nil {
					t.Errorf("the next mail: %v", result.Err)
				}
				_ = conn.Close()
			})
		})
	}
}

// unknownBody is a mail of which nothing is known before it is read.
type unknownBody struct{ client.Mail }

// TestAfterTheEnd: who uses a connection after its end is told how that came.
func TestAfterTheEnd(t *testing.T) {
	t.Run("closed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			conn := open(t, &oracle{}, client.Config{})
			_ = conn.Close()
			if err := conn.Noop(t.Context()); !errors.Is(err, client.ErrBroken) || conn.State() != client.StateBroken {
				t.Error(err)
			}
		})
	})
	t.Run("a reply too many", func(t *testing.T) {
		near, far := net.Pipe()
		go func() {
			buf := make([]byte, 1000)
			for _, reply := range []string{"220 mx\r\n", "250 mx\r\n", "250 here\r\n250 and once more\r\n"} {
				if reply[0:3] != "220" {
					_, _ = far.Read(buf) // the next write shows what is wrong
				}
				if _, err := far.Write([]byte(reply)); err != nil {
					return
				}
			}
			_, _ = far.Read(buf) // until the client closes
		}()
		conn, err := client.New(t.Context(), near, client.Config{TLS: client.TLSNone})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for err == nil {
			err = conn.Noop(ctx)
		}
		if !errors.Is(err, client.ErrUnsolicited) || !errors.As(err, new(*response.ProtocolError)) || !strings.Contains(err.Error(), "and once more") {
			t.Error(err)
		}
		if failed, ok := errors.AsType[*client.Error](err); !ok || failed.Temporary() {
			t.Error(err)
		}
	})
}
