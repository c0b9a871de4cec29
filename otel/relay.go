package otel

import (
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/depeche-mail/depeche/transport"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// relays are the relays that were seen, with the attributes that are made once for each. What a transport calls
// itself is the program's, so a program could have any number of them: after the first maxRelays all are one.
type relays struct {
	known sync.Map              // string to *relay
	last  atomic.Pointer[relay] // that of the last mail, which is most often that of the next
	count atomic.Int32
}

const (
	maxRelays = 64
	// otherRelay is the value that the conventions of OpenTelemetry have for what is not named.
	otherRelay = "_OTHER"
	// maxKinds bounds the kinds of decisions of one relay.
	maxKinds = 64
)

func (r *relays) of(name string) *relay {
	if last := r.last.Load(); last != nil && last.name == name {
		return last
	}
	found := r.find(name)
	r.last.Store(found)
	return found
}

func (r *relays) find(name string) *relay {
	if found, ok := r.known.Load(name); ok {
		return found.(*relay) //nolint:forcetypeassert // nothing else is in it
	}
	if r.count.Add(1) > maxRelays {
		name = otherRelay
	}
	found, _ := r.known.LoadOrStore(name, newRelay(name))
	return found.(*relay) //nolint:forcetypeassert // nothing else is in it
}

// relay has the attributes of one relay, in the form in which instruments take them: as lists, which a call would make else.
type relay struct {
	name       string
	span       string // the name of a span
	server     []attribute.KeyValue
	plain      []metric.RecordOption
	outcomes   [transport.Unknown + 1][]metric.RecordOption // of a mail
	recipients [transport.Unknown + 1][]metric.AddOption    // by outcome
	kinds      sync.Map                                     // transport.DecisionKind to []metric.AddOption
	count      atomic.Int32
}

func newRelay(name string) *relay {
	r := &relay{name: name, span: "send", server: serverAttributes(name)}
	if len(r.server) > 0 {
		r.span += " " + r.server[0].Value.AsString()
	}
	r.plain = []metric.RecordOption{r.with()}
	for o := range transport.Unknown + 1 {
		word := attribute.String("outcome", outcomeWord(o))
		of := r.with(word)
		r.recipients[o], r.outcomes[o] = []metric.AddOption{of}, []metric.RecordOption{of}
		if o != transport.Accepted {
			r.outcomes[o] = []metric.RecordOption{r.with(word, attribute.String("error.type", outcomeWord(o)))}
		}
	}
	return r
}

func (r *relay) with(more ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(append(append([]attribute.KeyValue(nil), r.server...), more...)...))
}

func (r *relay) decision(kind transport.DecisionKind) []metric.AddOption {
	if found, ok := r.kinds.Load(kind); ok {
		return found.([]metric.AddOption) //nolint:forcetypeassert // nothing else is in it
	}
	if r.count.Add(1) > maxKinds {
		kind = otherRelay
	}
	found, _ := r.kinds.LoadOrStore(kind, []metric.AddOption{r.with(attribute.String("decision", string(kind)))})
	return found.([]metric.AddOption) //nolint:forcetypeassert // nothing else is in it
}

// outcomeWord is an outcome as attributes have values.
func outcomeWord(o transport.Outcome) string { return strings.ReplaceAll(o.String(), " ", "_") }

// serverAttributes are those of a relay by its name: host and port, or the name as it is.
func serverAttributes(name string) []attribute.KeyValue {
	if name == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(name)
	number, bad := strconv.Atoi(port)
	if err != nil || bad != nil {
		return []attribute.KeyValue{attribute.String("server.address", name)}
	}
	return []attribute.KeyValue{attribute.String("server.address", host), attribute.Int("server.port", number)}
}
