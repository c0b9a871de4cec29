package smtp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// textForm is a way in which a mail goes over the wire.
type textForm struct {
	name       string
	extensions []string
	lmtp       bool
	points     []string
}

// textForms are: commands in a flight and DATA, one command at a time, all in one flight with BDAT, and LMTP.
func textForms() []textForm {
	session := []string{smtptest.Greeting, smtptest.Ehlo, smtptest.StartTLS, smtptest.Auth}
	mail := []string{smtptest.Mail, smtptest.Rcpt, smtptest.Data, smtptest.End}
	return []textForm{
		{"smtp", smtptest.Without("CHUNKING", "BINARYMIME"), false, append(session, mail...)},
		{"lockstep", smtptest.Without("CHUNKING", "BINARYMIME", "PIPELINING"), false, mail},
		{"bdat", nil, false, []string{smtptest.Mail, smtptest.Rcpt, smtptest.Chunk, smtptest.End}},
		{"lmtp", smtptest.Without("CHUNKING", "BINARYMIME"), true, append([]string{smtptest.Greeting, smtptest.Lhlo}, mail...)},
	}
}

// wrongWay is a way to fail at a point.
type wrongWay struct {
	name string
	do   smtptest.Action
	wait time.Duration // of the caller
}

var wrongWays = []wrongWay{
	{"for now", smtptest.Reply("450 4.3.0 later"), 0},
	{"for good", smtptest.Reply("550 5.1.1 <b@example.org>: no"), 0},
	{"a bare code", smtptest.Reply("550 no"), 0},
	{"a policy", smtptest.Reply("554 5.7.1 not from there"), 0},
	{"421", smtptest.Reply("421 4.3.2 closing").Then(smtptest.Close()), 0},
	{"closed", smtptest.Close(), 0},
	{"reset", smtptest.Reset(), 0},
	{"silence", smtptest.Silence(), 0},
	{"garbage", smtptest.Raw("hello there\r\n"), 0},
	{"the caller's deadline", smtptest.Silence(), time.Second},
}

// overRelays are all phases times ways to fail of a relay, in each form.
func overRelays() (list []failing) {
	for _, f := range textForms() {
		for _, at := range f.points {
			for _, way := range wrongWays {
				if at == smtptest.Greeting && way.name == "reset" { // some systems show it to the dial
					continue
				}
				list = append(list, failing{fmt.Sprintf("%s/%s/%s", f.name, at, way.name), func(t *testing.T) (transport.Mail, *transport.Result, error) {
					return f.fail(t, at, way)
				}})
			}
		}
	}
	return list
}

func (f textForm) fail(t *testing.T, at string, way wrongWay) (transport.Mail, *transport.Result, error) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Extensions = f.extensions
	srv.Config.Hooks = []smtptest.Hook{smtptest.On(at, way.do)}
	if f.lmtp {
		srv.Config.Protocol, srv.Config.Security = smtptest.LMTP, smtptest.Plaintext
	}
	srv.Start()
	b := relay(srv).HelloName("client.example")
	if f.lmtp {
		b = smtp.LMTP(srv.Host()).Port(srv.Port())
	}
	if f.name == "bdat" {
		b = b.Chunking(client.ChunkingProven)
	}
	ctx, limits := t.Context(), client.Timeouts{}
	if way.name == "silence" { // long enough for all phases before it on a busy machine
		limits = client.Timeouts{Reply: 2 * time.Second, Data: 2 * time.Second, Final: 2 * time.Second, Reset: 2 * time.Second}
	}
	if way.wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, way.wait)
		defer cancel()
	}
	m := mail(t, "b@example.org")
	result, err := build(t, b.Timeouts(limits)).Send(ctx, m)
	return m, result, err
}

// aroundRelays are the failures of a relay that no reply brings: the dial, TLS, the login, the wait, and the mail itself.
func aroundRelays() []failing {
	send := func(t *testing.T, s transport.Transport, m transport.Mail) (transport.Mail, *transport.Result, error) {
		result, err := s.Send(t.Context(), m)
		return m, result, err
	}
	dial := func(name string, err error) failing {
		return failing{"smtp/dial/" + name, func(t *testing.T) (transport.Mail, *transport.Result, error) {
			b := smtp.Relay("mx.example.org").Dialer(func(context.Context, string, string) (net.Conn, error) { return nil, err })
			return send(t, build(t, b), mail(t, "b@example.org"))
		}}
	}
	certificate := func(name string, kind smtptest.Certificate) failing {
		return failing{"smtp/tls/" + name, func(t *testing.T) (transport.Mail, *transport.Result, error) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Certificate = kind
			srv.Start()
			return send(t, build(t, relay(srv)), mail(t, "b@example.org"))
		}}
	}
	login := func(name string, credentials func() (authentication.Credentials, error), mechanisms ...string) failing {
		return failing{"smtp/auth/" + name, func(t *testing.T) (transport.Mail, *transport.Result, error) {
			srv := smtptest.NewUnstartedServer(t)
			if len(mechanisms) > 0 {
				srv.Config.Mechanisms = map[string]smtptest.Mechanism{}
				for _, m := range mechanisms {
					srv.Config.Mechanisms[m] = nil
				}
			}
			srv.Start()
			c, err := credentials()
			if err != nil {
				t.Fatal(err)
			}
			return send(t, build(t, relay(srv).Credentials(c)), mail(t, "b@example.org"))
		}}
	}
	content := func(name string, m func(t *testing.T) transport.Mail, without ...string) failing {
		return failing{"smtp/message/" + name, func(t *testing.T) (transport.Mail, *transport.Result, error) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Extensions = append(smtptest.Without(append(without, "SIZE")...), "SIZE 1000")
			srv.Start()
			return send(t, build(t, relay(srv)), m(t))
		}}
	}
	raw := func(text string, to ...string) func(t *testing.T) transport.Mail {
		return func(t *testing.T) transport.Mail { return transport.Raw(mail(t, to...).Envelope(), []byte(text)) }
	}
	return []failing{
		dial("refused", &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connect: connection refused")}),
		dial("unknown host", &net.DNSError{Err: "no such host", Name: "mx.example.org", IsNotFound: true}),
		certificate("expired", smtptest.Expired), certificate("another name", smtptest.WrongName), certificate("unknown authority", smtptest.UnknownCA),
		login("wrong password", func() (authentication.Credentials, error) { return authentication.Password(smtptest.User, "wrong") }),
		login("a source that fails", func() (authentication.Credentials, error) {
			return authentication.PasswordFrom(smtptest.User, func(context.Context) (string, error) { return "", errors.New("the vault is sealed") })
		}),
		login("a token where passwords are wanted", func() (authentication.Credentials, error) { return authentication.Token(smtptest.User, "t") }),
		content("too large", raw("Subject: x\r\n\r\n"+strings.Repeat("0123456789abcdef\r\n", 60), "b@example.org")),
		content("8-bit", raw("Subject: x\r\n\r\n\xc3\xa9\r\n", "b@example.org"), "8BITMIME"),
		content("a UTF-8 address", raw("Subject: x\r\n\r\nx\r\n", "é@example.org"), "SMTPUTF8"),
		content("a source that fails", func(t *testing.T) transport.Mail { return half{mail(t, "b@example.org")} }),
		content("no recipient", func(*testing.T) transport.Mail { return transport.Raw(envelope.Envelope{}, nil) }),
		{"smtp/wait/closed", func(t *testing.T) (transport.Mail, *transport.Result, error) {
			s := build(t, smtp.DangerousPlaintext("127.0.0.1"))
			_ = s.Close() // that it is closed is what matters
			return send(t, s, mail(t, "b@example.org", "c@example.org"))
		}},
		{"smtp/wait/canceled before", func(t *testing.T) (transport.Mail, *transport.Result, error) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			m := mail(t, "b@example.org")
			result, err := build(t, smtp.DangerousPlaintext("127.0.0.1")).Send(ctx, m)
			return m, result, err
		}},
	}
}

// half is a mail whose source fails after its first line.
type half struct{ transport.Mail }

func (h half) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, "Subject: x\r\n")
	if err == nil {
		err = errors.New("the disk failed")
	}
	return int64(n), err
}
