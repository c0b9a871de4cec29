package otel

import (
	"context"
	"strconv"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// ending is the end of a mail.
type ending struct {
	relay      *relay
	result     *transport.Result
	failed     *transport.SendError
	begin, end time.Time
}

var clientKind = trace.WithSpanKind(trace.SpanKindClient)

// span makes the span of a mail that has ended, as a child of the span of ctx.
func (o *Observer) span(ctx context.Context, mail transport.Mail, e ending) {
	_, span := o.tracer.Start(ctx, e.relay.span, trace.WithTimestamp(e.begin), clientKind)
	if !span.IsRecording() { // most are not, where one of a hundred is sampled
		span.End()
		return
	}
	defer func() { span.End(trace.WithTimestamp(e.end)) }()
	if o.links != nil {
		for _, link := range o.links(mail) {
			span.AddLink(link)
		}
	}
	span.SetAttributes(e.relay.server...)
	span.SetAttributes(attributes(e)...)
	if e.failed != nil {
		span.SetStatus(codes.Error, errorType(e.failed))
	}
	events(span, e)
}

func attributes(e ending) []attribute.KeyValue {
	list := []attribute.KeyValue{
		attribute.String("network.protocol.name", "smtp"),
		attribute.Int("email.recipients", len(e.result.Recipients)),
		attribute.String("depeche.outcome", outcomeWord(worst(e.result))),
	}
	text := func(key, value string) {
		if value != "" {
			list = append(list, attribute.String(key, value))
		}
	}
	text("email.message_id", e.result.MessageID)
	text("depeche.key", transport.HideAddresses(e.result.Key))
	text("depeche.queue_id", e.result.QueueID)
	for outcome := range transport.Unknown + 1 {
		if n := e.result.Count(outcome); n > 0 {
			list = append(list, attribute.Int("depeche.recipients."+outcomeWord(outcome), n))
		}
	}
	if e.failed == nil {
		return list
	}
	text("error.type", errorType(e.failed))
	text("depeche.phase", string(e.failed.Phase))
	text("smtp.response.enhanced_status_code", e.failed.Reply.Enhanced)
	if code := e.failed.Reply.Code; code != 0 {
		list = append(list, attribute.Int("smtp.response.status_code", code))
	}
	if fault := e.failed.Fault(); fault != transport.FaultUnknown {
		text("depeche.fault", fault.String())
	}
	return list
}

// errorType is the code of a refusal, or the phase of a failure.
func errorType(e *transport.SendError) string {
	if e.Reply.Code != 0 {
		return strconv.Itoa(e.Reply.Code)
	}
	return string(e.Phase)
}

// events adds one for the end of each phase that happened. The phases of a mail end with the mail; what it waited
// for before the first of them is between the begin of the span and the first event.
func events(span trace.Span, e ending) {
	t := e.result.Timing
	phases := []struct {
		name string
		took time.Duration
	}{
		{"smtp.wait", t.Wait},
		{"smtp.connect", t.Connect},
		{"smtp.envelope", t.Envelope},
		{"smtp.body", t.Body},
		{"smtp.final", t.Final},
	}
	at := e.end
	for _, phase := range phases {
		at = at.Add(-phase.took)
	}
	for _, phase := range phases {
		if phase.took > 0 {
			at = at.Add(phase.took)
			span.AddEvent(phase.name, trace.WithTimestamp(at), trace.WithAttributes(attribute.Float64("seconds", phase.took.Seconds())))
		}
	}
}
