package smtp

import (
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// Provider is a provider whose host, port and TLS are known, and what it says about its limits.
type Provider struct {
	Name string
	Host string
	Port int
	TLS  client.TLSMode
	// User is the user name that every customer has; "" where each has its own.
	User   string
	Limits Limits
}

// Limits are what a provider says that it allows one customer; a zero field means that it says nothing.
// They change without notice: Source has what is true today.
type Limits struct {
	Connections int           // at once
	PerSession  int           // messages over one connection
	PerMinute   int           // messages
	PerDay      int           // messages
	Recipients  int           // of one message
	RcptPerDay  int           // recipients of all messages
	Size        int64         // octets of a message
	Idle        time.Duration // how long a connection may say nothing before the provider closes it
	// Source is the page of the provider that says so, and Read the day on which a copy or a quotation of
	// it was read.
	Source string
	AsOf   time.Time
}

// ForProvider begins a transport to a provider by its name, such as "gmail", "outlook365", "ses-eu-west-1",
// "mailgun", "postmark" or "sendgrid"; [Providers] lists them. What Pool leaves open follows the
// provider's limits of connections, of messages over one connection and of idle time. A mail with more recipients
// than one message may have goes in several transactions, and one with more octets is NotSent. The rate is where
// policy.Pace begins. The quota of a day is kept where policy.Quota is used, and there alone. Names are in lower case. An unknown name is an error of Build, and so is a missing
// login, or another user than the one that a provider has for all customers.
func ForProvider(name string) Builder {
	preset, ok := LookupProvider(name)
	if !ok {
		return Relay("localhost").step(func(s *state) {
			s.fault("ForProvider", name, errors.New("unknown; docs/providers.md and Providers have the known ones"))
		})
	}
	return begin(preset.Host, preset.Port, preset.TLS).step(func(s *state) { s.provider, s.byName = preset, true })
}

// LookupProvider returns the preset of a provider. Amazon SES has one for each region, "ses-" and its
// code.
func LookupProvider(name string) (Provider, bool) {
	if region, ok := strings.CutPrefix(name, sesPrefix); ok && awsRegion.MatchString(region) {
		return ses(region), true
	}
	for _, p := range services {
		if p.Name == name {
			return p, true
		}
	}
	return Provider{}, false
}

// resolveProvider finds the provider of a host that was given as such, so that its limits hold there too.
func (s *state) resolveProvider() {
	if s.provider.Name == "" && s.config.Network != networkUnix {
		s.provider = providerOf(s.host)
	}
}

// providerOf returns the preset of a host. Of several for one host it returns the first, with the limits that are
// the same in all; the zero Provider for an unknown host.
func providerOf(host string) (p Provider) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if rest, ok := strings.CutPrefix(host, sesHostPrefix); ok {
		if region, ok := strings.CutSuffix(rest, sesHostSuffix); ok && awsRegion.MatchString(region) {
			return ses(region)
		}
	}
	for _, other := range services {
		switch {
		case other.Host != host:
		case p.Name == "":
			p = other
		default:
			p.Limits = p.Limits.common(other.Limits)
		}
	}
	return p
}

// common returns the limits that both have.
func (l Limits) common(other Limits) Limits {
	both := func(a *int, b int) {
		if *a != b {
			*a = 0
		}
	}
	both(&l.Connections, other.Connections)
	both(&l.PerSession, other.PerSession)
	both(&l.PerMinute, other.PerMinute)
	both(&l.PerDay, other.PerDay)
	both(&l.Recipients, other.Recipients)
	both(&l.RcptPerDay, other.RcptPerDay)
	if l.Size != other.Size {
		l.Size = 0
	}
	if l.Idle != other.Idle {
		l.Idle = 0
	}
	return l
}

// awsRegion is a code such as eu-west-1 or us-gov-east-1. It becomes part of a host name.
var awsRegion = regexp.MustCompile(`^[a-z]{2}(-[a-z]{2,12}){1,2}-[1-9]$`)

// Providers returns the presets in alphabetical order, Amazon SES with one of its regions.
func Providers() []Provider { return append([]Provider(nil), services...) }

// within fills in what p leaves open from the limits of a provider.
func (p Pool) within(l Limits) Pool {
	if p.MaxOpen == 0 && l.Connections > 0 {
		p.MaxOpen = min(defaultMaxOpen, l.Connections)
	}
	if p.MaxMessages == 0 {
		p.MaxMessages = l.PerSession
	}
	if p.IdleTimeout == 0 && l.Idle > 0 {
		p.IdleTimeout = min(defaultIdle, l.Idle*3/4) // before the provider does it, over a slow line too
	}
	return p
}

// MessageRate returns how many messages in which time the provider says that it takes; 0 when it says nothing.
// policy.Pace asks for it.
func (t *Transport) MessageRate() (messages int, per time.Duration) {
	return t.provider.Limits.PerMinute, time.Minute
}
