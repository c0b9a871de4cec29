package bolt_test

import (
	"fmt"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/ledger/bolt"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// BenchmarkSendAll sends over loopback with and without a ledger; an operation is a mail.
func BenchmarkSendAll(b *testing.B) {
	for _, connections := range []int{1, 8} {
		for _, with := range []string{"none", "memory", "bolt"} {
			b.Run(fmt.Sprintf("connections=%d/ledger=%s", connections, with), func(b *testing.B) {
				server := smtptest.NewUnstartedServer(b)
				server.Config.Forget, server.Config.DiscardContent = true, true
				server.Start()
				relay, err := smtp.DangerousPlaintext("127.0.0.1").Port(server.Port()).BulkWindow(64).
					Pool(smtp.Pool{MaxOpen: connections}).Build()
				if err != nil {
					b.Fatal(err)
				}
				var sender transport.Transport = relay
				if with != "none" {
					sender, err = ledger.Once{Next: relay, Ledger: openBench(b, with)}.Build()
					if err != nil {
						b.Fatal(err)
					}
				}
				defer transport.Close(sender)
				from, _ := envelope.ParseAddress("from@example.org")
				to, _ := envelope.ParseAddress("to@example.org")
				env, err := envelope.New(from, to)
				if err != nil {
					b.Fatal(err)
				}
				content := transport.Raw(env, []byte("Message-ID: <m@example.org>\r\n\r\nhello\r\n"))
				b.ResetTimer()
				for sent, err := range transport.SendAll(b.Context(), sender, func(yield func(transport.Mail) bool) {
					for i := range b.N {
						if !yield(transport.WithKey(content, fmt.Sprint("mail/", i))) {
							return
						}
					}
				}) {
					if err != nil {
						b.Fatal(sent.Index, err)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
			})
		}
	}
}

func openBench(b *testing.B, name string) ledger.Ledger {
	b.Helper()
	if name == "memory" {
		return ledger.NewMemory()
	}
	l, err := bolt.Open(b.TempDir()+"/mail.ledger", bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	return l
}
