package otel_test

import (
	"testing"

	"github.com/depeche-mail/depeche/otel"
	"github.com/depeche-mail/depeche/transport"
	api "go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// TestWithoutAProvider asks for nothing while the program has set no provider, and for everything from then on.
func TestWithoutAProvider(t *testing.T) {
	o, err := otel.New(otel.Config{})
	if err != nil {
		t.Fatal(err)
	}
	m := mail(t, "jane@private.example")
	if end := o.Begin(t.Context(), m); end != nil || o.Enabled(t.Context()) {
		t.Fatal("a mail is observed without a provider")
	}
	spans := tracetest.NewSpanRecorder()
	api.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	end := o.Begin(t.Context(), m)
	if end == nil || !o.Enabled(t.Context()) {
		t.Fatal("a provider is set, and no mail is observed")
	}
	end(transport.NewResult(m.Envelope(), transport.Accepted, transport.Reply{}), nil)
	if n := len(spans.Ended()); n != 1 {
		t.Errorf("%d spans, want 1", n)
	}
	late, err := otel.New(otel.Config{}) // made after the provider
	if err != nil {
		t.Fatal(err)
	}
	if late.Begin(t.Context(), m) == nil {
		t.Error("an observer that was made after the provider observes nothing")
	}
	metrics, err := otel.New(otel.Config{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))})
	if err != nil {
		t.Fatal(err)
	}
	if !metrics.Enabled(t.Context()) {
		t.Error("a provider of metrics alone is not enough")
	}
}

// BenchmarkMail is what the observer itself costs a mail.
func BenchmarkMail(b *testing.B) {
	for name, c := range map[string]otel.Config{"no provider": {}, "1 percent": {
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.TraceIDRatioBased(0.01))),
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())),
	}} {
		b.Run(name, func(b *testing.B) {
			o, err := otel.New(c)
			if err != nil {
				b.Fatal(err)
			}
			m := mail(b, "jane@private.example")
			r := transport.NewResult(m.Envelope(), transport.Accepted, transport.Reply{})
			r.Relay = "smtp.example.org:465"
			b.ReportAllocs()
			for b.Loop() {
				if end := o.Begin(b.Context(), m); end != nil {
					end(r, nil)
				}
			}
		})
	}
}
