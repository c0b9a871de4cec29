package smtp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"
)

// zone is what a name server knows: SRV records by name; nil for a failure.
type zone map[string][]dnsmessage.SRVResource

// resolver returns the resolver of the standard library before a name server of our own.
func (z zone) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		z.serve(conn)
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-served
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (z zone) serve(conn net.PacketConn) {
	buffer := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		var query dnsmessage.Message
		if query.Unpack(buffer[:n]) != nil || len(query.Questions) != 1 {
			continue
		}
		question := query.Questions[0]
		answer := dnsmessage.Message{
			Header:    dnsmessage.Header{ID: query.ID, Response: true, Authoritative: true},
			Questions: query.Questions,
		}
		records, known := z[question.Name.String()]
		switch {
		case !known:
			answer.RCode = dnsmessage.RCodeNameError
		case records == nil:
			answer.RCode = dnsmessage.RCodeServerFailure
		}
		for i := range records {
			answer.Answers = append(answer.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: question.Name, Type: dnsmessage.TypeSRV, Class: dnsmessage.ClassINET, TTL: 60},
				Body:   &records[i],
			})
		}
		if packed, err := answer.Pack(); err == nil {
			_, _ = conn.WriteTo(packed, from)
		}
	}
}

func srv(priority uint16, target string, port uint16) dnsmessage.SRVResource {
	return dnsmessage.SRVResource{Priority: priority, Weight: 1, Port: port, Target: dnsmessage.MustNewName(target)}
}

func TestDiscover(t *testing.T) {
	const submissions, submission = "_submissions._tcp.example.org.", "_submission._tcp.example.org."
	found := func(host string, port int, mode client.TLSMode) smtp.DiscoveredRelay {
		return smtp.DiscoveredRelay{Domain: "example.org", Host: host, Port: port, TLS: mode}
	}
	outside := func(d smtp.DiscoveredRelay) smtp.DiscoveredRelay {
		d.OutOfDomain = true
		return d
	}
	for name, tc := range map[string]struct {
		zone    zone
		address string // a@example.org when empty
		want    []smtp.DiscoveredRelay
		err     error
	}{
		"both services, by priority": {
			zone: zone{
				submissions: {srv(20, "b.example.org.", 465), srv(10, "A.Example.ORG.", 4465)},
				submission:  {srv(0, "c.example.org.", 587)},
			},
			want: []smtp.DiscoveredRelay{
				found("a.example.org", 4465, client.TLSImplicit), found("b.example.org", 465, client.TLSImplicit),
				found("c.example.org", 587, client.TLSStartTLS),
			},
		},
		"STARTTLS alone":       {zone: zone{submission: {srv(0, "example.org.", 587)}}, want: []smtp.DiscoveredRelay{found("example.org", 587, client.TLSStartTLS)}},
		"TLS explicitly not":   {zone: zone{submissions: {srv(0, ".", 0)}, submission: {srv(0, "example.org.", 587)}}, want: []smtp.DiscoveredRelay{found("example.org", 587, client.TLSStartTLS)}},
		"neither":              {zone: zone{submissions: {srv(0, ".", 0)}, submission: {srv(0, ".", 0)}}, err: smtp.ErrNoRelay},
		"no records":           {zone: zone{}, err: smtp.ErrNoRelay},
		"a provider's":         {zone: zone{submissions: {srv(0, "smtp.provider.example.", 465)}}, want: []smtp.DiscoveredRelay{outside(found("smtp.provider.example", 465, client.TLSImplicit))}},
		"only looks inside":    {zone: zone{submissions: {srv(0, "evilexample.org.", 465)}}, want: []smtp.DiscoveredRelay{outside(found("evilexample.org", 465, client.TLSImplicit))}},
		"the first one fails":  {zone: zone{submissions: nil, submission: {srv(0, "example.org.", 587)}}, err: smtp.ErrLookup},
		"the second one fails": {zone: zone{submissions: {srv(0, "example.org.", 465)}, submission: nil}, err: smtp.ErrLookup},
		"an international domain": {
			zone: zone{"_submissions._tcp.xn--bcher-kva.example.": {srv(0, "mx.xn--bcher-kva.example.", 465)}}, address: "a@Bücher.example",
			want: []smtp.DiscoveredRelay{{Domain: "xn--bcher-kva.example", Host: "mx.xn--bcher-kva.example", Port: 465}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.address == "" {
				tc.address = "a@example.org"
			}
			got, err := smtp.DiscoverWith(t.Context(), tc.zone.resolver(t), tc.address)
			if diff := cmp.Diff(tc.want, got); diff != "" || !errors.Is(err, tc.err) {
				t.Errorf("%v, want %v (-want +got):\n%s", err, tc.err, diff)
			}
			if _, ok := errors.AsType[*net.DNSError](err); errors.Is(err, smtp.ErrLookup) && !ok {
				t.Errorf("no *net.DNSError in %v", err)
			}
		})
	}
}

func TestDiscoverRefuses(t *testing.T) {
	for _, address := range []string{"", "example.org", "a@[192.0.2.1]", "a@b..c", "a@example.org\r\n", "<>"} {
		_, err := smtp.DiscoverWith(t.Context(), zone{}.resolver(t), address)
		if _, ok := errors.AsType[*smtp.FieldError](err); !ok {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// TestDiscoveredVerifies: a relay outside of the domain, which a forger of DNS can choose, needs a
// certificate of the domain, or a confirmation; one inside a certificate of its own.
func TestDiscoveredVerifies(t *testing.T) {
	for name, tc := range map[string]struct {
		host        string
		confirmed   bool
		certificate string
		refused     bool
	}{
		"inside":                               {host: "mx.example.org", certificate: "mx.example.org"},
		"inside, a certificate of another":     {host: "mx.example.org", certificate: "mx.provider.example", refused: true},
		"outside, its own certificate":         {host: "mx.provider.example", certificate: "mx.provider.example", refused: true},
		"outside, a certificate of the domain": {host: "mx.provider.example", certificate: "example.org"},
		"confirmed, its own certificate":       {host: "mx.provider.example", confirmed: true, certificate: "mx.provider.example"},
		"confirmed, another's certificate":     {host: "mx.provider.example", confirmed: true, certificate: "mx.evil.example", refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := smtp.DiscoverWith(t.Context(), zone{
				"_submissions._tcp.example.org.": {srv(0, tc.host+".", 465)},
			}.resolver(t), "a@example.org")
			if err != nil {
				t.Fatal(err)
			}
			relay := found[0]
			if tc.confirmed {
				relay = relay.Trust()
			}
			server := smtptest.NewUnstartedServer(t)
			server.Config.CertificateNames = []string{tc.certificate}
			server.StartImplicitTLS()
			var wire recorder
			b := relay.Builder().Login(smtptest.User, smtptest.Password).
				TLSConfig(&tls.Config{RootCAs: server.CertPool()}).Dialer(wire.dialer(server.Addr()))
			if !tc.refused {
				wantSent(t, b)
				return
			}
			if e := fault(t, b); e.Kind != client.TLSWrongName || !strings.Contains(e.Error(), tc.certificate) {
				t.Errorf("%v", e)
			}
		})
	}
}

// both is a resolver that answers when both lookups have begun.
type both struct{ begun sync.WaitGroup }

func (b *both) LookupSRV(_ context.Context, service, _, name string) (string, []*net.SRV, error) {
	b.begun.Done()
	b.begun.Wait()
	if name == "down.example." {
		return "", nil, &net.DNSError{Err: service + " is down", Name: name}
	}
	return "", []*net.SRV{{Target: service + ".example.org.", Port: 465}}, nil
}

// TestDiscoverTogether: the lookups run at the same time, and the answers keep their order, as errors do.
func TestDiscoverTogether(t *testing.T) {
	var b both
	b.begun.Add(2)
	found, err := smtp.DiscoverWith(t.Context(), &b, "a@example.org")
	if err != nil || len(found) != 2 || found[0].Host != "submissions.example.org" || found[1].Host != "submission.example.org" {
		t.Errorf("%v, %v", found, err)
	}
	b.begun.Add(2)
	found, err = smtp.DiscoverWith(t.Context(), &b, "a@down.example")
	if !errors.Is(err, smtp.ErrLookup) || found != nil || !strings.Contains(err.Error(), "submissions is down") || !strings.Contains(err.Error(), "submission is down") {
		t.Errorf("%v, %v", found, err)
	}
}
