package otel_test

import (
	"testing"
	"time"

	"github.com/depeche-mail/depeche/otel"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	nospans "go.opentelemetry.io/otel/trace/noop"
)

// BenchmarkSendAll is bulk mail to a server in this process: with an observer and no provider, with 1 % of the spans, with
// metrics, and with both, each in turn with mail that nothing observes. x is the rate in relation to that, and cpu-x what the process needs a core for,
// which is the server's work too.
func BenchmarkSendAll(b *testing.B) {
	observer := func(c otel.Config) transport.Observer {
		o, err := otel.New(c)
		if err != nil {
			b.Fatal(err)
		}
		return o
	}
	sampled := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.TraceIDRatioBased(0.01)))
	metrics := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	for _, way := range []struct {
		name     string
		observer transport.Observer
	}{
		{"no provider", observer(otel.Config{})},
		{"spans of 1 percent", observer(otel.Config{TracerProvider: sampled, MeterProvider: noop.NewMeterProvider()})},
		{"metrics", observer(otel.Config{TracerProvider: nospans.NewTracerProvider(), MeterProvider: metrics})},
		{"both", observer(otel.Config{TracerProvider: sampled, MeterProvider: metrics})},
	} {
		b.Run(way.name, func(b *testing.B) {
			plain, observed := sender(b, nil), sender(b, way.observer)
			m := mail(b, "jane@private.example")
			round(b, plain, m) // connections and windows
			round(b, observed, m)
			var without, with cost
			for n := 0; b.Loop(); n++ {
				if n%2 == 0 { // who goes first changes
					without.add(round(b, plain, m))
				}
				with.add(round(b, observed, m))
				if n%2 == 1 {
					without.add(round(b, plain, m))
				}
			}
			b.ReportMetric(float64(without.time)/float64(with.time), "x")
			b.ReportMetric(float64(without.cpu)/float64(with.cpu), "cpu-x")
		})
	}
}

// cost is what some mails took: of time, and of that how long the process had a core.
type cost struct{ time, cpu time.Duration }

func (c *cost) add(more cost) {
	c.time += more.time
	c.cpu += more.cpu
}

// sender is bulk mail over two connections to a server of its own, which keeps nothing, so that the last round costs it as much as
// the first.
func sender(b *testing.B, o transport.Observer) transport.Transport {
	b.Helper()
	srv, err := smtptest.Start(smtptest.Config{Security: smtptest.Plaintext, Forget: true, DiscardContent: true})
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

// round sends some mails, and returns what they took.
func round(b *testing.B, t transport.Transport, m transport.Mail) cost {
	b.Helper()
	const mails = 2000
	begin, busyBefore := time.Now(), busy()
	for _, err := range transport.SendAll(b.Context(), t, func(yield func(transport.Mail) bool) {
		for n := 0; n < mails && yield(m); n++ {
		}
	}) {
		if err != nil {
			b.Fatal(err)
		}
	}
	return cost{time.Since(begin), busy() - busyBefore}
}
