package policy

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/expired"
	"github.com/depeche-mail/depeche/transport"
)

// ByDomain describes a transport that sends to each recipient over the relay of its domain. A mail to
// several relays is sent to one after the other, to each for its own recipients.
type ByDomain struct {
	// Routes are relays by domain: "example.org" for that domain alone, ".example.org" for all
	// domains below it; the longest name that fits counts. The transport owns them.
	Routes map[string]transport.Transport
	// Default serves all other domains; nil means that their recipients are NotSent, with the cause
	// [ErrNoRoute]. The transport owns it.
	Default transport.Transport
}

// ErrNoRoute is the cause when there is no relay for a domain.
var ErrNoRoute = errors.New("no relay for the domain of a recipient")

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s.
func (b ByDomain) Build() (transport.Transport, error) {
	var bad configErrors
	t := &table{routes: map[string]int{}, otherwise: -1}
	var over []transport.Transport
	for _, name := range slices.Sorted(maps.Keys(b.Routes)) {
		domain, err := canonical(name)
		_, twice := t.routes[domain]
		switch {
		case err != nil:
			bad.add("Routes", 0, name, err)
		case twice:
			bad.add("Routes", 0, name, errors.New("the same domain twice"))
		case b.Routes[name] == nil:
			bad.add("Routes", 0, name, ErrNoTransport)
		}
		t.routes[domain] = len(over)
		over = append(over, b.Routes[name])
	}
	if b.Default != nil {
		t.otherwise = len(over)
		over = append(over, b.Default)
	}
	if len(over) == 0 {
		bad.add("Routes", 0, "", ErrNoTransport)
	}
	if err := bad.err(); err != nil {
		return nil, err
	}
	return newCompound(func(mail transport.Mail) plan { return t.route(mail.Envelope()) }, over...), nil
}

// canonical is a name of Routes with its domain as addresses have it.
func canonical(name string) (string, error) {
	domain, below := strings.CutPrefix(name, ".")
	address, err := envelope.NewAddress("x", domain)
	if err != nil {
		return "", err
	}
	if below {
		return "." + address.Domain(), nil
	}
	return address.Domain(), nil
}

// table says which transport serves which domain.
type table struct {
	routes    map[string]int
	otherwise int // negative when there is none
}

// find returns the transport for a domain, or a negative number.
func (t *table) find(domain string) int {
	if i, ok := t.routes[domain]; ok {
		return i
	}
	for {
		at := strings.IndexByte(domain, '.')
		if at < 0 {
			return t.otherwise
		}
		if i, ok := t.routes[domain[at:]]; ok {
			return i
		}
		domain = domain[at+1:]
	}
}

// route is the plan of a mail: the relays in the order of their first recipients.
func (t *table) route(env envelope.Envelope) *routePlan {
	p := &routePlan{}
	place := map[int]int{}
	for i := range env.Len() {
		over := t.find(env.At(i).Address.Domain())
		if over < 0 {
			p.lost = true
			continue
		}
		at, known := place[over]
		if !known {
			at = len(p.steps)
			place[over] = at
			p.steps = append(p.steps, step{over: over})
		}
		p.steps[at].to = append(p.steps[at].to, i)
	}
	return p
}

type routePlan struct {
	steps []step
	lost  bool // there are recipients without a relay
}

func (p *routePlan) next(ctx context.Context, a *attempts) (step, bool) {
	if p.lost {
		a.stop(transport.PhaseMessage, ErrNoRoute)
		p.lost = false
	}
	if len(p.steps) == 0 {
		return step{}, false
	}
	if a.last != nil && expired.Cause(ctx) != nil {
		a.stop(transport.PhaseWait, context.Cause(ctx))
		return step{}, false
	}
	first := p.steps[0]
	p.steps = p.steps[1:]
	return first, true
}
