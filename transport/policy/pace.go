package policy

import (
	"cmp"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// Pace describes a transport that finds out how fast a relay takes mail, and sends no faster. It begins with the rate
// that Next names, or slowly, and goes faster with each mail that is taken. When the relay says that it is too much, the
// rate falls, and rises again little by little. Only refusals about the relay or the account count, never bad addresses.
//
// A mail that the relay did not take for that reason waits and is sent again; nothing of it is lost. It waits as long as
// the relay asks for (RetryAfter). Recipients whose domain alone is refused have a lane of their own: they wait, and mail
// to other domains does not. What is Unknown is not sent again.
//
// A relay that cannot be reached, or breaks off, is not for Pace but for a Retry or a Failover above it. Several
// processes may use one relay without knowing of each other: each finds its part.
type Pace struct {
	// Next sends the mail. The transport owns it.
	Next transport.Transport
	// Start is the rate to begin with; the zero Rate is the one that Next names, such as that of a provider
	// (transport.MessageRateOf), or one mail a second, doubled from second to second until a mail is refused.
	// Its Burst must be 0.
	Start Rate
	// Max is a rate that is never exceeded; the zero Rate allows any. Its Burst must be 0.
	Max Rate
	// WarmUp is how many mails may go on the first day, the second, and so on; on later days there may be any number.
	// What is beyond waits for the next day. A mail counts when the relay took it, refused it for good, or may have taken it. Mails are
	// counted in the memory of this process.
	WarmUp []int
	// WarmUpFrom is when the first day of WarmUp begins; the zero Time is the call of Build.
	WarmUpFrom time.Time
	// MaxWait is how long a mail waits after its first refusal, and how long a wait a relay may ask for; 0 means an hour.
	// What would take longer, such as the quota of a day, ends as the relay said, Deferred, with RetryAfter. Later mails end so too,
	// at once, until the rest of that wait is no longer than MaxWait. A wait beyond the deadline of ctx is not begun.
	MaxWait time.Duration
	// MaxWaiting is how many mails of one SendAll wait in memory; 0 means 4096. When all of them wait for one domain, the
	// others wait too.
	MaxWaiting int
	// With lets several Paces send at one rate together, over transports of one account such as those of an smtp.Account: what
	// one of them learns of the relay and of domains holds for all, and their mails leave in one row. nil is a rate of its own.
	// Start, Max, WarmUp and WarmUpFrom are for the first Pace that is built with it to set; for another one they are a fault.
	With *SharedPace
}

// SharedPace is what several Paces share; see [Pace]. The zero value is ready, and safe for concurrent use.
type SharedPace struct {
	mu      sync.Mutex
	relay   *paceLane            // nil before the first Pace was built
	domains map[string]*paceLane // those that were refused while others were not
	warmUp  []int
	from    time.Time // when its first day begins
	today   int       // the day of the warm-up, from 0
	sent    int       // mails that have left on that day
}

var errShared = errors.New("is set by the first Pace with this SharedPace")

// begin takes the settings of the first Pace.
func (s *SharedPace) begin(p *Pace, bad *configErrors) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.relay != nil {
		for _, own := range []struct {
			field string
			set   bool
		}{{"Start", p.Start.Count > 0}, {"Max", p.Max.Count > 0}, {"WarmUp", len(p.WarmUp) > 0}, {"WarmUpFrom", !p.WarmUpFrom.IsZero()}} {
			if own.set {
				bad.add(own.field, 0, "", errShared)
			}
		}
		return
	}
	s.relay, s.domains = &paceLane{rateFinder: p.finder()}, map[string]*paceLane{}
	s.warmUp, s.from = p.WarmUp, p.WarmUpFrom
	if s.from.IsZero() {
		s.from = time.Now()
	}
}

var errBurst = errors.New("a pace has no bursts")

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s.
func (p Pace) Build() (transport.Transport, error) {
	var bad configErrors
	bad.over("Next", p.Next)
	bad.rate("Start", &p.Start)
	bad.rate("Max", &p.Max)
	bad.noBurst("Start", p.Start)
	bad.noBurst("Max", p.Max)
	for i, n := range p.WarmUp {
		if n < 1 {
			bad.add("WarmUp", i, strconv.Itoa(n), errors.New("want at least one mail a day"))
		}
	}
	bad.duration("MaxWait", p.MaxWait)
	bad.count("MaxWaiting", int64(p.MaxWaiting))
	if err := bad.err(); err != nil {
		return nil, err
	}
	const waiting = 4096
	p.MaxWait = cmp.Or(p.MaxWait, time.Hour)
	if p.With == nil {
		p.With = new(SharedPace)
	}
	if p.With.begin(&p, &bad); bad.err() != nil {
		return nil, bad.err()
	}
	s := &pacer{Pace: p, SharedPace: p.With}
	c := newCompound(func(transport.Mail) plan { return &pacePlan{pacer: s} }, p.Next)
	c.limit = cmp.Or(p.MaxWaiting, waiting)
	return c, nil
}

func (f *configErrors) noBurst(field string, r Rate) {
	if r.Burst != 0 {
		f.add(field+".Burst", 0, strconv.FormatInt(r.Burst, 10), errBurst)
	}
}

// finder is where the search for the rate begins.
func (p *Pace) finder() rateFinder {
	f := rateFinder{rate: 1, max: perSecond(p.Max), starting: true}
	switch n, per := transport.MessageRateOf(p.Next); {
	case p.Start.Count > 0:
		f.rate = perSecond(p.Start)
	case n > 0 && per > 0:
		f.rate, f.starting = float64(n)/per.Seconds(), false
	}
	if f.max > 0 {
		f.rate = min(f.rate, f.max)
	}
	f.scale = f.rate
	return f
}

func perSecond(r Rate) float64 {
	if r.Count == 0 {
		return 0
	}
	return float64(r.Count) / r.Per.Seconds()
}
