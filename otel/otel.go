package otel

import (
	"context"
	"errors"
	"reflect"
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
	// TracerProvider makes the spans; nil means the global one, and no spans until the program has set one. An agent
	// that instruments programs from outside is given as go.opentelemetry.io/auto/sdk.TracerProvider.
	TracerProvider trace.TracerProvider
	// MeterProvider takes the metrics; nil means the global one, and none until the program has set one.
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
	unset  trace.TracerProvider // what stands for the global one while there is none; nil for one that was given
	instruments
	relays relays
}

var _ transport.Enabler = (*Observer)(nil)

// New returns an observer. The error is that of the meter provider.
func New(config Config) (*Observer, error) {
	var unset trace.TracerProvider
	if config.TracerProvider == nil {
		config.TracerProvider = otel.GetTracerProvider()
		if isPlaceholder(config.TracerProvider) {
			unset = config.TracerProvider
		}
	}
	if config.MeterProvider == nil {
		config.MeterProvider = otel.GetMeterProvider()
	}
	o := &Observer{
		tracer: config.TracerProvider.Tracer(scope), meter: config.MeterProvider.Meter(scope), links: config.Links,
		unset: unset,
	}
	var err error
	if o.instruments, err = newInstruments(o.meter); err != nil {
		return nil, err
	}
	return o, nil
}

// isPlaceholder reports whether p stands for the global provider until the program sets one. The package does not
// say so otherwise, and a span that is not wanted costs as much as a tenth of a mail.
func isPlaceholder(p trace.TracerProvider) bool {
	return reflect.TypeOf(p).String() == "*global.tracerProvider"
}

// spans reports whether there is a provider of spans.
func (o *Observer) spans() bool { return o.unset == nil || otel.GetTracerProvider() != o.unset }

// Enabled implements [transport.Enabler]: there is a provider. A SendAll that began before the program set one is not observed.
func (o *Observer) Enabled(ctx context.Context) bool { return o.spans() || o.duration.Enabled(ctx) }

// Begin implements [transport.Observer]. It returns nil while no provider is set.
func (o *Observer) Begin(ctx context.Context, mail transport.Mail) func(*transport.Result, error) {
	spans := o.spans()
	if !spans && !o.duration.Enabled(ctx) {
		return nil
	}
	begin := time.Now()
	return func(result *transport.Result, err error) {
		end, relay := time.Now(), o.relays.of(result.Relay)
		o.measure(ctx, relay, result, end.Sub(begin))
		if !spans {
			return
		}
		e := ending{relay: relay, result: result, begin: begin, end: end}
		if err != nil {
			e.failed, _ = errors.AsType[*transport.SendError](err)
		}
		o.span(ctx, mail, e)
	}
}

// Decide implements [transport.Observer].
func (o *Observer) Decide(ctx context.Context, d transport.Decision) {
	o.decisions.Add(ctx, 1, o.relays.of(d.Relay).decision(d.Kind)...)
}
