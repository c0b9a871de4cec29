package otel_test

import (
	"testing"

	"github.com/depeche-mail/depeche/otel"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// BenchmarkSendAll is bulk mail to a server in this process: without an observer, with one and no provider, with
// metrics and 1 % of the spans.
func BenchmarkSendAll(b *testing.B) {
	observer := func(c otel.Config) transport.Observer {
		o, err := otel.New(c)
		if err != nil {
			b.Fatal(err)
		}
		return o
	}
	for _, way := range []struct {
		name     string
		observer transport.Observer
	}{
		{"none", nil},
		{"no provider", observer(otel.Config{})},
		{"1 percent", observer(otel.Config{
			TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.TraceIDRatioBased(0.01))),
			MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())),
		})},
	} {
		b.Run(way.name, func(b *testing.B) {
			srv, err := smtptest.Start(smtptest.Config{Security: smtptest.Plaintext})
			if err != nil {
				b.Fatal(err)
			}
			defer srv.Close()
			relay, err := smtp.DangerousPlaintext(srv.Host()).Port(srv.Port()).BulkWindow(64).Pool(smtp.Pool{MaxOpen: 2}).Build()
			if err != nil {
				b.Fatal(err)
			}
			sender, err := policy.Observe{Next: relay, Observer: way.observer}.Build()
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = transport.Close(sender) }()
			m := mail(b, "jane@private.example")
			mails := func(yield func(transport.Mail) bool) {
				for b.Loop() {
					if !yield(m) {
						return
					}
				}
			}
			for _, err := range transport.SendAll(b.Context(), sender, mails) {
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
