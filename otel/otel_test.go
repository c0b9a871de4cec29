package otel_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/otel"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// rig is an observer whose spans and metrics stay in memory.
type rig struct {
	spans    *tracetest.InMemoryExporter
	tracer   *sdktrace.TracerProvider
	metrics  *sdkmetric.ManualReader
	observer *otel.Observer
}

func newRig(t *testing.T, sampler sdktrace.Sampler, links func(transport.Mail) []trace.Link) *rig {
	t.Helper()
	r := &rig{spans: tracetest.NewInMemoryExporter(), metrics: sdkmetric.NewManualReader()}
	r.tracer = sdktrace.NewTracerProvider(sdktrace.WithSyncer(r.spans), sdktrace.WithSampler(sampler))
	var err error
	r.observer, err = otel.New(otel.Config{
		TracerProvider: r.tracer, MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.metrics)), Links: links,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) over(t *testing.T, next transport.Transport) transport.Transport {
	t.Helper()
	sender, err := policy.Observe{Next: next, Observer: r.observer}.Build()
	if err != nil {
		t.Fatal(err)
	}
	return sender
}

// series returns every series of every metric, as text without its value.
func (r *rig) series(t *testing.T) []string {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := r.metrics.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	var list []string
	add := func(name string, set attribute.Set, value any) {
		text := []string{name}
		for _, kv := range set.ToSlice() {
			text = append(text, string(kv.Key)+"="+kv.Value.Emit())
		}
		list = append(list, fmt.Sprint(strings.Join(text, " "), " ", value))
	}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					add(m.Name, p.Attributes, p.Count)
				}
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					add(m.Name, p.Attributes, p.Value)
				}
			default:
				t.Fatalf("%s is a %T", m.Name, d)
			}
		}
	}
	slices.Sort(list)
	return list
}

func mail(t testing.TB, to ...string) transport.Mail {
	t.Helper()
	parse := func(s string) envelope.Address {
		a, err := envelope.ParseAddress(s)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	var list []envelope.Address
	for _, s := range to {
		list = append(list, parse(s))
	}
	env, err := envelope.New(parse("sender@private.example"), list...)
	if err != nil {
		t.Fatal(err)
	}
	return transport.WithKey(transport.Raw(env, []byte("Message-ID: <1@test.example>\r\nSubject: confidential\r\n\r\nhello\r\n")), "order-1")
}

// timed is a relay whose results have times and a queue id.
func timed(next transport.Transport) transport.Func {
	return func(ctx context.Context, m transport.Mail) (*transport.Result, error) {
		time.Sleep(10 * time.Millisecond) // longer than the phases together, so that they lie within the span
		result, err := next.Send(ctx, m)
		result.QueueID = "4XyZ"
		result.Timing = transport.Timing{Connect: 4 * time.Millisecond, Envelope: 2 * time.Millisecond, Body: time.Millisecond, Final: 3 * time.Millisecond}
		return result, err
	}
}

// TestSpan compares whole spans, of a mail that was accepted and of one that was not.
func TestSpan(t *testing.T) {
	for name, tc := range map[string]struct {
		script func(*stub.Transport)
		status string
		want   []string
	}{
		"accepted": {
			func(*stub.Transport) {}, "Unset", []string{
				"server.address=mx.example", "server.port=465", "network.protocol.name=smtp", "email.recipients=2", "depeche.outcome=accepted",
				"email.message_id=<1@test.example>", "depeche.key=order-1", "depeche.queue_id=4XyZ", "depeche.recipients.accepted=2",
			},
		},
		"one is refused": {
			func(s *stub.Transport) {
				s.AlwaysFor("joe@private.example", stub.Reject(transport.PhaseRcpt, 550, "5.1.1 <joe@private.example> unknown"))
			},
			"Error 550",
			[]string{
				"server.address=mx.example", "server.port=465", "network.protocol.name=smtp", "email.recipients=2", "depeche.outcome=rejected",
				"email.message_id=<1@test.example>", "depeche.key=order-1", "depeche.queue_id=4XyZ", "depeche.recipients.accepted=1", "depeche.recipients.rejected=1",
				"error.type=550", "depeche.phase=rcpt", "smtp.response.enhanced_status_code=5.1.1", "smtp.response.status_code=550", "depeche.fault=recipient",
			},
		},
		"not connected": {
			func(s *stub.Transport) { s.Always(stub.Fail(transport.PhaseDial, io.EOF)) },
			"Error dial",
			[]string{
				"server.address=mx.example", "server.port=465", "network.protocol.name=smtp", "email.recipients=2", "depeche.outcome=not_sent",
				"email.message_id=<1@test.example>", "depeche.key=order-1", "depeche.queue_id=4XyZ", "depeche.recipients.not_sent=2", "error.type=dial", "depeche.phase=dial",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, sdktrace.AlwaysSample(), nil)
			relay := stub.Named("mx.example:465")
			tc.script(relay)
			ctx, parent := r.tracer.Tracer("test").Start(t.Context(), "request")
			_, _ = r.over(t, timed(relay)).Send(ctx, mail(t, "jane@private.example", "joe@private.example")) // the span tells
			spans := r.spans.GetSpans()
			if len(spans) != 1 {
				t.Fatalf("%d spans", len(spans))
			}
			s := spans[0]
			if s.Name != "send mx.example" || s.SpanKind != trace.SpanKindClient || s.Parent.SpanID() != parent.SpanContext().SpanID() {
				t.Errorf("%s, %v, parent %v", s.Name, s.SpanKind, s.Parent.SpanID())
			}
			if status := strings.TrimSpace(s.Status.Code.String() + " " + s.Status.Description); status != tc.status {
				t.Errorf("status %s, want %s", status, tc.status)
			}
			var got []string
			for _, kv := range s.Attributes {
				got = append(got, string(kv.Key)+"="+kv.Value.Emit())
			}
			slices.Sort(got)
			slices.Sort(tc.want)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
			var events []string
			last := s.StartTime
			for _, e := range s.Events {
				events = append(events, e.Name)
				if e.Time.Before(last) || e.Time.After(s.EndTime) {
					t.Errorf("%s at %v is out of order", e.Name, e.Time)
				}
				last = e.Time
			}
			if diff := cmp.Diff([]string{"smtp.connect", "smtp.envelope", "smtp.body", "smtp.final"}, events); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLinks: the span of a mail leads to the one that asked for it.
func TestLinks(t *testing.T) {
	id := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	r := newRig(t, sdktrace.AlwaysSample(), func(m transport.Mail) []trace.Link {
		if transport.KeyOf(m) != "order-1" {
			t.Errorf("asked for the links of %s", transport.KeyOf(m))
		}
		return []trace.Link{{SpanContext: id}}
	})
	if _, err := r.over(t, stub.New()).Send(t.Context(), mail(t, "jane@private.example")); err != nil {
		t.Fatal(err)
	}
	if links := r.spans.GetSpans()[0].Links; len(links) != 1 || !links[0].SpanContext.Equal(id) {
		t.Errorf("links %v", links)
	}
}

// TestNotSampled: what is not sampled makes no span, and is counted all the same.
func TestNotSampled(t *testing.T) {
	r := newRig(t, sdktrace.NeverSample(), nil)
	if _, err := r.over(t, stub.Named("a")).Send(t.Context(), mail(t, "jane@private.example")); err != nil {
		t.Fatal(err)
	}
	if n := len(r.spans.GetSpans()); n != 0 {
		t.Errorf("%d spans", n)
	}
	want := []string{
		"smtp.client.recipients outcome=accepted server.address=a 1",
		"smtp.client.send.duration outcome=accepted server.address=a 1",
	}
	if diff := cmp.Diff(want, r.series(t)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

// TestMetrics compares every series after a few mails.
func TestMetrics(t *testing.T) {
	r := newRig(t, sdktrace.AlwaysSample(), nil)
	a, b := stub.Named("a:25"), stub.Named("b:587")
	a.AlwaysFor("joe@private.example", stub.Reject(transport.PhaseRcpt, 451, "4.3.0 later"))
	both, err := policy.Failover{Relays: []transport.Transport{timed(a), b}}.Build()
	if err != nil {
		t.Fatal(err)
	}
	sender := r.over(t, both)
	if _, err := sender.Send(t.Context(), mail(t, "jane@private.example", "joe@private.example")); err != nil {
		t.Fatal(err)
	}
	b.Always(stub.LoseReply())
	a.Always(stub.Fail(transport.PhaseDial, io.EOF))
	if _, err := sender.Send(t.Context(), mail(t, "jane@private.example")); err == nil {
		t.Fatal("accepted")
	}
	if err := r.observer.Connections("a:25", func() smtp.Stats { return smtp.Stats{Idle: 1, Busy: 2, Waiting: 3} }); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"smtp.client.connect.duration server.address=b server.port=587 2",
		"smtp.client.connections server.address=a server.port=25 state=idle 1",
		"smtp.client.connections server.address=a server.port=25 state=opening 0",
		"smtp.client.connections server.address=a server.port=25 state=used 2",
		"smtp.client.connections server.address=a server.port=25 state=waiting 3",
		"smtp.client.decisions decision=failover server.address=a server.port=25 2",
		"smtp.client.decisions decision=relay.rest server.address=a server.port=25 1",
		"smtp.client.decisions decision=relay.rest server.address=b server.port=587 1",
		"smtp.client.recipients outcome=accepted server.address=a server.port=25 1",
		"smtp.client.recipients outcome=accepted server.address=b server.port=587 1",
		"smtp.client.recipients outcome=unknown server.address=b server.port=587 1",
		"smtp.client.send.duration error.type=unknown outcome=unknown server.address=b server.port=587 1",
		"smtp.client.send.duration outcome=accepted server.address=b server.port=587 1",
	}
	if diff := cmp.Diff(want, r.series(t)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

// TestTwoObservers: observers over one provider count together, each recipient once however often metrics are read.
func TestTwoObservers(t *testing.T) {
	r := newRig(t, sdktrace.NeverSample(), nil)
	r.metrics = sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.metrics))
	for range 2 {
		observer, err := otel.New(otel.Config{TracerProvider: r.tracer, MeterProvider: provider})
		if err != nil {
			t.Fatal(err)
		}
		r.observer = observer
		if _, err := r.over(t, stub.Named("a:25")).Send(t.Context(), mail(t, "jane@private.example", "joe@private.example")); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"smtp.client.recipients outcome=accepted server.address=a server.port=25 4",
		"smtp.client.send.duration outcome=accepted server.address=a server.port=25 2",
	}
	for range 2 {
		if diff := cmp.Diff(want, r.series(t)); diff != "" {
			t.Errorf("metrics (-want +got):\n%s", diff)
		}
	}
}

// TestCardinality: 10,000 mails to as many people, with every outcome, over three relays, by Send and SendAll, make
// fewer than 100 series; no address, subject, body or text of a server is in them or in the spans.
func TestCardinality(t *testing.T) {
	r := newRig(t, sdktrace.TraceIDRatioBased(0.1), nil)
	random := rand.New(rand.NewPCG(1, 2))
	var relays []transport.Transport
	for _, name := range []string{"a.example:465", "b.example:587", "c.example:25"} {
		relays = append(relays, transport.Func(func(ctx context.Context, m transport.Mail) (*transport.Result, error) {
			answer := []stub.Answer{
				stub.Accept(), stub.Accept(), stub.Reject(transport.PhaseRcpt, 550, "5.1.1 person@private.example unknown"),
				stub.Reject(transport.PhaseMail, 451, "4.3.0 secret text of a server"), stub.LoseReply(),
				stub.Fail(transport.PhaseTLS, errors.New("secret text")), stub.Reject(transport.PhaseFinal, 554, "5.7.1 no"),
			}[len(m.Envelope().At(0).Address.LocalPart())%7]
			return stub.Named(name).Always(answer).Send(ctx, m)
		}))
	}
	both, err := policy.Balance{Relays: relays}.Build()
	if err != nil {
		t.Fatal(err)
	}
	sender := r.over(t, both)
	mails := func(yield func(transport.Mail) bool) {
		for i := range 10_000 {
			if !yield(mail(t, fmt.Sprintf("person%s%d@private.example", strings.Repeat("x", random.IntN(7)), i))) {
				return
			}
		}
	}
	n := 0
	for range transport.SendAll(t.Context(), sender, mails) {
		n++
	}
	series := r.series(t)
	if n != 10_000 || len(series) >= 100 || len(series) < 20 {
		t.Errorf("%d mails, %d series", n, len(series))
	}
	spans := r.spans.GetSpans()
	if len(spans) < 500 || len(spans) > 1500 {
		t.Errorf("%d spans of 10,000 mails at 10 %%", len(spans))
	}
	told := series
	for _, s := range spans.Snapshots() {
		told = append(told, fmt.Sprint(s.Name(), s.Attributes(), s.Events(), s.Status()))
	}
	text := strings.Join(told, "\n")
	for _, secret := range []string{"private.example", "person", "confidential", "hello", "secret text"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is told", secret)
		}
	}
}

// TestManyRelays: a program that has a name for each mail does not make a series for each.
func TestManyRelays(t *testing.T) {
	r := newRig(t, sdktrace.NeverSample(), nil)
	for i := range 1000 {
		name := fmt.Sprintf("relay%d", i)
		if _, err := r.over(t, stub.Named(name)).Send(t.Context(), mail(t, "jane@private.example")); err != nil {
			t.Fatal(err)
		}
		r.observer.Decide(t.Context(), transport.Decision{Kind: transport.DecisionKind(name), Relay: "one"})
	}
	series := r.series(t)
	if len(series) > 3*70 || !slices.ContainsFunc(series, func(s string) bool { return strings.Contains(s, "_OTHER") }) {
		t.Errorf("%d series", len(series))
	}
}
