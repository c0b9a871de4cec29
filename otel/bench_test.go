package otel_test

import (
	"testing"
	"time"

	"github.com/depeche-mail/depeche/otel"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// BenchmarkSendAll is bulk mail to a server in this process: with an observer and no provider, and with metrics and 1 % of
// the spans, each in turn with mail that nothing observes. x is the rate in relation to that.
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
		{"no provider", observer(otel.Config{})},
		{"1 percent", observer(otel.Config{
			TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.TraceIDRatioBased(0.01))),
			MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())),
		})},
	} {
		b.Run(way.name, func(b *testing.B) {
			plain, observed := sender(b, nil), sender(b, way.observer)
			m := mail(b, "jane@private.example")
			round(b, plain, m) // connections and windows
			round(b, observed, m)
			var without, with time.Duration
			for n := 0; b.Loop(); n++ {
				if n%2 == 0 { // who goes first changes
					without += round(b, plain, m)
				}
				with += round(b, observed, m)
				if n%2 == 1 {
					without += round(b, plain, m)
				}
			}
			b.ReportMetric(float64(without)/float64(with), "x")
		})
	}
}

// sender is bulk mail over two connections to a server of its own.
func sender(b *testing.B, o transport.Observer) transport.Transport {
	b.Helper()
	srv, err := smtptest.Start(smtptest.Config{Security: smtptest.Plaintext})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(srv.Close)
	relay, err := smtp.DangerousPlaintext(srv.Host()).Port(srv.Port()).BulkWindow(64).Pool(smtp.Pool{MaxOpen: 2}).Build()
	if err != nil {
		b.Fatal(err)
	}
	t, err := policy.Observe{Next: relay, Observer: o}.Build()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = transport.Close(t) })
	return t
}

// round sends some mails, and returns how long the process had a core for that: what else the machine does is not in it.
func round(b *testing.B, t transport.Transport, m transport.Mail) time.Duration {
	b.Helper()
	const mails = 500
	begin := busy()
	for _, err := range transport.SendAll(b.Context(), t, func(yield func(transport.Mail) bool) {
		for n := 0; n < mails && yield(m); n++ {
		}
	}) {
		if err != nil {
			b.Fatal(err)
		}
	}
	return busy() - begin
}
