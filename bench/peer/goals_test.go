package peer_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/smtp"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/bench/peer"
	"github.com/depeche-mail/depeche/bench/sink"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
	depeche "github.com/depeche-mail/depeche/transport/smtp"
	gomessage "github.com/emersion/go-message/mail"
	"github.com/wneessen/go-mail"
)

// doer is one library doing one thing against a server.
type doer struct {
	name string
	open func(t testing.TB, target peer.Target) (do func() error)
}

// beside runs libraries against servers of the same kind; x is the speed in relation to the first one.
func beside(b *testing.B, c condition, doers ...doer) {
	b.Helper()
	var reference float64
	for _, d := range doers {
		b.Run(d.name, func(b *testing.B) {
			_, target := serve(b, c)
			do := d.open(b, target)
			for range 2 { // what is learned once is known
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
			each := b.Elapsed().Seconds() / float64(b.N)
			if reference == 0 {
				reference = each
			}
			b.ReportMetric(reference/each, "x")
		})
	}
}

func sender(t testing.TB, target peer.Target) *depeche.Transport {
	t.Helper()
	s, err := depeche.DangerousPlaintext(target.Host).Port(target.Port).Build()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func goMailClient(t testing.TB, target peer.Target) *mail.Client {
	t.Helper()
	c, err := mail.NewClient(target.Host, mail.WithPort(target.Port), mail.WithTLSPolicy(mail.NoTLS))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.DialWithContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func goMailMessage(set func(*mail.Msg)) (*mail.Msg, error) {
	m := mail.NewMsg()
	if err := m.From("a@example.org"); err != nil {
		return nil, err
	}
	if err := m.To("b@example.net"); err != nil {
		return nil, err
	}
	m.Subject("a kibibyte of text")
	m.SetDate()
	m.SetMessageID()
	set(m)
	return m, nil
}

// BenchmarkComposeAndSend composes and sends a kibibyte of text each time, over one connection.
func BenchmarkComposeAndSend(b *testing.B) {
	beside(b, condition{extensions: modern}, composers()...)
}

// composers compose a kibibyte of text and send it, over one connection.
func composers() []doer {
	text := load().Body
	return []doer{
		{"net/smtp and go-message", func(t testing.TB, target peer.Target) func() error {
			c, err := smtp.Dial(target.Addr())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			return func() error { return goMessageSend(c, text) }
		}},
		{"go-mail", func(t testing.TB, target peer.Target) func() error {
			c := goMailClient(t, target)
			return func() error {
				m, err := goMailMessage(func(m *mail.Msg) { m.SetBodyString(mail.TypeTextPlain, text) })
				if err != nil {
					return err
				}
				return c.Send(m)
			}
		}},
		{"depeche", func(t testing.TB, target peer.Target) func() error {
			s := sender(t, target)
			return func() error {
				m, err := message.New().From("a@example.org").To("b@example.net").Subject("a kibibyte of text").Text(text).Build()
				if err != nil {
					return err
				}
				_, err = s.Send(context.Background(), m)
				return err
			}
		}},
	}
}

func goMessageSend(c *smtp.Client, text string) error {
	var h gomessage.Header
	h.SetAddressList("From", []*gomessage.Address{{Address: "a@example.org"}})
	h.SetAddressList("To", []*gomessage.Address{{Address: "b@example.net"}})
	h.SetSubject("a kibibyte of text")
	h.SetDate(time.Now())
	if err := h.GenerateMessageID(); err != nil {
		return err
	}
	h.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	if err := c.Mail("a@example.org"); err != nil {
		return err
	}
	if err := c.Rcpt("b@example.net"); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	body, err := gomessage.CreateSingleInlineWriter(w, h)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(body, text); err != nil {
		return err
	}
	if err := body.Close(); err != nil {
		return err
	}
	return w.Close()
}

const attachmentSize = 57 * 460_000 // 25 MiB, in whole lines of base64

func bigFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data.bin")
	if err := os.WriteFile(path, bytes.Repeat([]byte("0123456789abcdef"), attachmentSize/16), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func attach(path string) (*message.Message, error) {
	return message.New().From("a@example.org").To("b@example.net").Subject("x").Text("See the attachment.").
		Attach(message.File(os.DirFS(filepath.Dir(path)), filepath.Base(path))).Build()
}

// attachers compose and send a file.
func attachers(path string) []doer {
	return []doer{
		{"go-mail", func(t testing.TB, target peer.Target) func() error {
			c := goMailClient(t, target)
			return func() error {
				m, err := goMailMessage(func(m *mail.Msg) {
					m.SetBodyString(mail.TypeTextPlain, "See the attachment.")
					m.AttachFile(path)
				})
				if err != nil {
					return err
				}
				return c.Send(m)
			}
		}},
		{"depeche", func(t testing.TB, target peer.Target) func() error {
			s := sender(t, target)
			return func() error {
				m, err := attach(path)
				if err != nil {
					return err
				}
				_, err = s.Send(context.Background(), m)
				return err
			}
		}},
	}
}

// TestAttachmentMemory counts what composing and sending a file of 25 MiB allocates, the server's part
// included.
func TestAttachmentMemory(t *testing.T) {
	path := bigFile(t)
	_, target := serve(t, condition{extensions: modern})
	s := sender(t, target)
	send := func() {
		m, err := attach(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	send() // what is learned once is known
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	send()
	runtime.ReadMemStats(&after)
	allocations, octets := after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
	if allocations > 200 || octets > 512<<10 {
		t.Errorf("%d allocations of %d octets", allocations, octets)
	}
	t.Logf("%d allocations of %d octets", allocations, octets)
}

// TestConnectFlights counts the flights of a program that sends one mail, with a login: greeting, EHLO, AUTH and mail, with
// STARTTLS and EHLO once more. TCP and TLS come to one each, which the sink does not see.
func TestConnectFlights(t *testing.T) {
	serverTLS, clientTLS := certificate(t)
	for name, tc := range map[string]struct {
		config  sink.Config
		builder func(string) depeche.Builder
		want    int64
	}{
		"TLS":                   {sink.Config{Extensions: modern, TLS: serverTLS}, depeche.Relay, 4},
		"STARTTLS":              {sink.Config{Extensions: modern, StartTLS: serverTLS}, depeche.StartTLSRelay, 6},
		"TLS, PIPELINING alone": {sink.Config{Extensions: []string{"PIPELINING"}, TLS: serverTLS}, depeche.Relay, 5},
	} {
		t.Run(name, func(t *testing.T) {
			server := start(t, tc.config)
			target := reach(t, server, 0)
			s, err := tc.builder(target.Host).Port(target.Port).TLSConfig(clientTLS).Login("u", "p").Build()
			if err != nil {
				t.Fatal(err)
			}
			m, err := message.New().From("a@example.org").To("b@example.net").Subject("x").Text(load().Body).Build()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.SendLast(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			if got := server.Counts(); got.Flights != tc.want || got.Messages != 1 || got.Connections != 1 {
				t.Errorf("%d flights, want %d: %+v", got.Flights, tc.want, got)
			}
		})
	}
}

// BenchmarkConnect opens a connection with STARTTLS and a login, sends a mail and closes it, over a
// link of 40 ms. "trips" is the time in round trips. A transport that is new has to find out whether
// chunks are safe; one that has done so knows.
func BenchmarkConnect(b *testing.B) {
	const roundTrip = 40 * time.Millisecond
	serverTLS, clientTLS := certificate(b)
	for _, d := range []struct {
		name string
		once func(target peer.Target) func() error
	}{
		{"net/smtp", func(target peer.Target) func() error {
			return func() error { return netSMTPOnce(target, clientTLS) }
		}},
		{"depeche, new transport", func(target peer.Target) func() error {
			return func() error {
				s, err := relay(target, clientTLS).Build()
				if err != nil {
					return err
				}
				return sendComposed(s.SendLast)
			}
		}},
		{"depeche, same transport", func(target peer.Target) func() error {
			s, err := relay(target, clientTLS).Pool(depeche.Pool{MaxMessages: 1}).Build()
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = s.Close() })
			return func() error { return composeAndSend(s) }
		}},
	} {
		b.Run(d.name, func(b *testing.B) {
			server := start(b, sink.Config{Extensions: modern, StartTLS: serverTLS})
			once := d.once(reach(b, server, roundTrip))
			if err := once(); err != nil {
				b.Fatal(err)
			}
			before := server.Counts()
			for b.Loop() {
				if err := once(); err != nil {
					b.Fatal(err)
				}
			}
			if n := server.Counts().Sub(before).Connections; n < int64(b.N) {
				b.Errorf("%d connections for %d mails", n, b.N)
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/roundTrip.Seconds(), "trips/op")
		})
	}
}

func relay(target peer.Target, config *tls.Config) depeche.Builder {
	return depeche.StartTLSRelay(target.Host).Port(target.Port).TLSConfig(config).Login("u", "p")
}

func composeAndSend(s *depeche.Transport) error { return sendComposed(s.Send) }

func sendComposed(send func(context.Context, transport.Mail) (*transport.Result, error)) error {
	m, err := message.New().From("a@example.org").To("b@example.net").Subject("x").Text(load().Body).Build()
	if err != nil {
		return err
	}
	_, err = send(context.Background(), m)
	return err
}

func netSMTPOnce(target peer.Target, config *tls.Config) error {
	c, err := smtp.Dial(target.Addr())
	if err != nil {
		return err
	}
	if err := c.StartTLS(config); err != nil {
		return err
	}
	if err := c.Auth(smtp.PlainAuth("", "u", "p", "127.0.0.1")); err != nil {
		return err
	}
	if err := c.Mail("a@example.org"); err != nil {
		return err
	}
	if err := c.Rcpt("b@example.net"); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(load().Octets()); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}
