package otel

import (
	"context"
	"errors"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// scope is the name of the instrumentation.
const scope = "github.com/depeche-mail/depeche/otel"

// Config says where spans and metrics go. Its zero value uses the global providers.
type Config struct {
	// TracerProvider makes the spans; nil means the global one.
	TracerProvider trace.TracerProvider
	// MeterProvider takes the metrics; nil means the global one.
	MeterProvider metric.MeterProvider
	// Links, if it is set, returns what the span of a mail is linked to, such as the span of the request that
	// put the mail into a queue. It may be called from several goroutines.
	Links func(mail transport.Mail) []trace.Link
}

// Observer is a [transport.Observer] that makes spans and metrics. It is safe for concurrent use, and one may be
// over any number of transports.
type Observer struct {
	tracer trace.Tracer
	meter  metric.Meter
	links  func(transport.Mail) []trace.Link
	instruments
	relays relays
}

var _ transport.Observer = (*Observer)(nil)

// New returns an observer. The error is that of the meter provider.
func New(config Config) (*Observer, error) {
	if config.TracerProvider == nil {
		config.TracerProvider = otel.GetTracerProvider()
	}
	if config.MeterProvider == nil {
		config.MeterProvider = otel.GetMeterProvider()
	}
	o := &Observer{
		tracer: config.TracerProvider.Tracer(scope), meter: config.MeterProvider.Meter(scope), links: config.Links,
	}
	var err error
	if o.instruments, err = newInstruments(o.meter); err != nil {
		return nil, err
	}
	return o, nil
}

// Begin implements [transport.Observer].
func (o *Observer) Begin(ctx context.Context, mail transport.Mail) func(*transport.Result, error) {
	begin := time.Now()
	return func(result *transport.Result, err error) {
		end := time.Now()
		var failed *transport.SendError
		errors.As(err, &failed)
		o.measure(ctx, result, end.Sub(begin))
		o.span(ctx, mail, ending{result: result, failed: failed, begin: begin, end: end})
	}
}

// Decide implements [transport.Observer].
func (o *Observer) Decide(ctx context.Context, d transport.Decision) {
	o.decisions.Add(ctx, 1, o.relays.of(d.Relay).decision(d.Kind))
}
