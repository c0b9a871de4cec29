package otel

import (
	"context"
	"errors"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// instruments are the metrics of mail.
type instruments struct {
	duration, wait, connect metric.Float64Histogram
	recipients, decisions   metric.Int64Counter
}

// buckets are the boundaries of the times, in seconds: from a relay next door to one that takes its time.
var buckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300}

func newInstruments(m metric.Meter) (instruments, error) {
	var errs []error
	seconds := func(name, text string) metric.Float64Histogram {
		h, err := m.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(text), metric.WithExplicitBucketBoundaries(buckets...))
		errs = append(errs, err)
		return h
	}
	count := func(name, unit, text string) metric.Int64Counter {
		c, err := m.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(text))
		errs = append(errs, err)
		return c
	}
	i := instruments{
		duration:   seconds("smtp.client.send.duration", "From the begin of a mail to its end, waits and further attempts included."),
		wait:       seconds("smtp.client.queue.wait", "How long a mail waited for a free connection."),
		connect:    seconds("smtp.client.connect.duration", "How long it took to open a connection: dial, TLS and login included."),
		recipients: count("smtp.client.recipients", "{recipient}", "Recipients by outcome."),
		decisions:  count("smtp.client.decisions", "{decision}", "What transports decided: retries, failovers, breakers, connections."),
	}
	return i, errors.Join(errs...)
}

// measure records the end of a mail.
func (o *Observer) measure(ctx context.Context, r *relay, result *transport.Result, took time.Duration) {
	o.duration.Record(ctx, took.Seconds(), r.outcomes[worst(result)]...)
	if wait := result.Timing.Wait; wait > 0 {
		o.wait.Record(ctx, wait.Seconds(), r.plain...)
	}
	if connect := result.Timing.Connect; connect > 0 {
		o.connect.Record(ctx, connect.Seconds(), r.plain...)
	}
	for rest := result.Recipients; len(rest) > 0; { // those that ended alike at once
		first, n := &rest[0], 1
		for n < len(rest) && rest[n].Outcome == first.Outcome && rest[n].Relay == first.Relay {
			n++
		}
		rest = rest[n:]
		of := r
		if first.Relay != "" && first.Relay != result.Relay {
			of = o.relays.of(first.Relay)
		}
		o.recipients.Add(ctx, int64(n), of.recipients[first.Outcome]...)
	}
}

// worst is the outcome that the most care is needed for.
func worst(result *transport.Result) transport.Outcome {
	for _, o := range []transport.Outcome{transport.Unknown, transport.Rejected, transport.Deferred, transport.NotSent} {
		if result.Count(o) > 0 {
			return o
		}
	}
	if len(result.Recipients) == 0 {
		return transport.NotSent
	}
	return transport.Accepted
}

// Connections adds the connections of a transport, by state, to the metrics, as smtp.client.connections. It is asked
// for them when metrics are read:
//
//	observer.Connections("smtp.example.org:465", sender.Stats)
func (o *Observer) Connections(relayName string, stats func() smtp.Stats) error {
	gauge, err := o.meter.Int64ObservableUpDownCounter("smtp.client.connections", metric.WithUnit("{connection}"),
		metric.WithDescription("Connections by state; waiting are mails that wait for one."))
	if err != nil {
		return err
	}
	set := func(state string) metric.ObserveOption {
		list := append(serverAttributes(relayName), attribute.String("state", state))
		return metric.WithAttributeSet(attribute.NewSet(list...))
	}
	idle, used, opening, waiting := set("idle"), set("used"), set("opening"), set("waiting")
	_, err = o.meter.RegisterCallback(func(_ context.Context, observer metric.Observer) error {
		s := stats()
		observer.ObserveInt64(gauge, int64(s.Idle), idle)
		observer.ObserveInt64(gauge, int64(s.Busy), used)
		observer.ObserveInt64(gauge, int64(s.Opening), opening)
		observer.ObserveInt64(gauge, int64(s.Waiting), waiting)
		return nil
	}, gauge)
	return err
}
