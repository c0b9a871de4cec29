package smtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/panics"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// Resolver looks up SRV records. A *net.Resolver is one. The records come in the order in which they
// are to be tried (RFC 2782).
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, records []*net.SRV, err error)
}

// DiscoveredRelay is a relay that a domain names for the mail of its users.
type DiscoveredRelay struct {
	Domain string // of the address
	Host   string
	Port   int
	TLS    client.TLSMode // TLSImplicit or TLSStartTLS, never without TLS
	// OutOfDomain says that the relay is not in the domain. DNS can be forged, so it may be an attacker's, and
	// Builder takes it only with a certificate of the domain itself; see Trust.
	OutOfDomain bool
}

// Errors of Discover.
var (
	// ErrNoRelay means that the domain names no relay with TLS for the mail of its users.
	ErrNoRelay = errors.New("the domain names no submission server in DNS")
	// ErrLookup means that DNS could not be asked. It wraps a *net.DNSError.
	ErrLookup = errors.New("the lookup failed")
)

// Discover finds the relays for the mail of an address in DNS, best first: those with TLS from the first
// octet, then those with STARTTLS (RFC 8314 section 5.1, RFC 6186 section 3.1). It asks the resolver of
// the system; see [DiscoverWith]. Only the domain of the address is looked up, nothing is connected.
// The error wraps ErrNoRelay, ErrLookup or a *[FieldError].
func Discover(ctx context.Context, address string) ([]DiscoveredRelay, error) {
	return DiscoverWith(ctx, net.DefaultResolver, address)
}

// DiscoverWith is Discover with another resolver, one that validates DNSSEC for instance.
func DiscoverWith(ctx context.Context, resolver Resolver, address string) ([]DiscoveredRelay, error) {
	parsed, err := envelope.ParseAddress(address)
	if err != nil {
		return nil, &FieldError{Field: "Address", Value: address, Err: err}
	}
	domain := parsed.Domain()
	if domain == "" || strings.HasPrefix(domain, "[") {
		return nil, &FieldError{Field: "Address", Value: address, Err: errors.New("want an address with a domain")}
	}
	services := [...]struct {
		name string
		mode client.TLSMode
	}{
		{"submissions", client.TLSImplicit},
		{"submission", client.TLSStartTLS},
	}
	var (
		records [len(services)][]*net.SRV
		errs    [len(services)]error
		all     panics.Group // the resolver is the caller's
	)
	for i := range services { // at the same time: a server that does not answer costs its limit once
		all.Go(func() { records[i], errs[i] = lookup(ctx, resolver, services[i].name, domain) })
	}
	all.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	var found []DiscoveredRelay
	for i, service := range services {
		for _, r := range records[i] {
			host := strings.ToLower(strings.TrimSuffix(r.Target, "."))
			if host == "" { // the domain says that it has no such service, RFC 6186 section 3.4
				continue
			}
			found = append(found, DiscoveredRelay{
				Domain: domain, Host: host, Port: int(r.Port), TLS: service.mode, OutOfDomain: !within(host, domain),
			})
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: %w", domain, ErrNoRelay)
	}
	return found, nil
}

// lookup returns no records where there are none. An attacker who can make a lookup fail must not choose which
// service is used, so any other failure is one of the whole.
func lookup(ctx context.Context, resolver Resolver, service, domain string) ([]*net.SRV, error) {
	_, records, err := resolver.LookupSRV(ctx, service, "tcp", domain+".") // the dot keeps search lists out
	if missing, ok := errors.AsType[*net.DNSError](err); ok && missing.IsNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", domain, ErrLookup, err)
	}
	return records, nil
}

// within reports whether a host belongs to a domain.
func within(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// Trust returns the relay as one that the user of a program, who can judge it, has found to be
// the right one although it is outside of the domain (RFC 6186 section 6). Its certificate then must be
// valid for its own name.
func (d DiscoveredRelay) Trust() DiscoveredRelay {
	d.OutOfDomain = false
	return d
}

// Builder begins a transport to the relay. Of a relay outside of the domain that was not confirmed the
// certificate must be valid for the domain (RFC 6186 section 6, RFC 7817 section 3).
func (d DiscoveredRelay) Builder() Builder {
	return begin(d.Host, d.Port, d.TLS).step(func(s *state) {
		if d.OutOfDomain {
			s.config.ServerName = d.Domain
		}
	})
}
