package diagnose

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
)

// Report is what Run found out about a relay. It holds no secret. What the server did not come to is
// left zero.
type Report struct {
	Server    string   // host:port, or the path of a socket
	Addresses []string // what DNS says, if it was asked
	Remote    string   // the address that was connected
	Greeting  string   // the server's first words
	// ExtensionsBeforeTLS is what the server offered before TLS, Extensions what it offers in the end.
	ExtensionsBeforeTLS, Extensions []string
	TLS                             *TLSReport // nil without TLS
	Mechanisms                      []string   // of login
	User                            string     // who logs in, "" without a login
	LoggedIn                        bool
	Sender                          envelope.Address  // that was tried by RunFor
	Recipients                      []RecipientReport // that were tried by RunFor
	Size                            int64             // the largest message in octets, 0 where the server does not say
	Limits                          extension.SessionLimits
	Times                           Times
	Hints                           []Hint
	Transcript                      []client.Event // of all connections
	// Err is why no mail could be sent now; nil when all is well. It is what Send would return.
	Err error
}

// TLSReport is what a relay showed of itself. Of a certificate that was refused only its own data is
// there.
type TLSReport struct {
	Version, CipherSuite string
	Names                []string
	Issuer               string
	NotBefore, NotAfter  time.Time
	Pin                  client.Pin
}

// Times are how long the parts of a check took.
type Times struct {
	DNS       time.Duration
	Connect   time.Duration // TCP, and DNS once more
	Ready     time.Duration // from there to the point where mail could be sent
	RoundTrip time.Duration // a NOOP and its answer
}

// answerLimit is the longest wait for an answer when the caller set none: a person waits for the report.
const answerLimit = 15 * time.Second

// Run finds out whether a relay can be used as it is configured: it connects, logs in and says
// goodbye. No mail is sent, and a login is tried once. When something fails, Run may connect once more,
// without login, to find out why. It waits at most 15 s for each answer unless the builder says
// otherwise. b stays usable. The error is that of Build; what the relay does wrong is in the Report.
func Run(ctx context.Context, b smtp.Builder) (*Report, error) { return run(ctx, b, nil) }

func run(ctx context.Context, b smtp.Builder, env *envelope.Envelope) (*Report, error) {
	config, err := b.Clone().ClientConfig()
	if err != nil {
		return nil, err
	}
	if config.Timeouts == (client.Timeouts{}) {
		config.Timeouts = client.Timeouts{
			Dial: answerLimit, TLS: answerLimit, Reply: answerLimit, Data: answerLimit, Body: answerLimit, Reset: answerLimit,
		}
	}
	c := &check{config: config, envelope: env, report: &Report{Server: config.Address, User: config.Credentials.ShownUser()}}
	c.config.Mask = authentication.NewSecretMask()
	c.run(ctx)
	c.report.User = c.config.Mask.User(config.Credentials) // a secret from a source is known by now
	c.addHints()
	c.report.Transcript = c.events
	return c.report, nil
}

// check is a check under way.
type check struct {
	found    client.Findings // whether the server does what it offers
	config   client.Config
	envelope *envelope.Envelope // to try, or nil
	report   *Report
	implicit bool // the server wants TLS from the first octet, and was not given it
	asked    bool // for a client certificate, and there is none
	info     extension.ServerInfo

	mu     sync.Mutex
	events []client.Event
}

func (c *check) run(ctx context.Context) {
	userTrace := c.config.Trace
	c.config.Trace = func(e client.Event) {
		c.mu.Lock()
		c.events = append(c.events, e)
		c.mu.Unlock()
		if userTrace != nil {
			userTrace(e)
		}
	}
	c.watchCertificate()
	if err := c.lookup(ctx); err != nil {
		c.report.Err = &client.Error{Phase: client.PhaseDial, Server: c.config.Address, Err: err}
		return
	}
	begin := time.Now()
	conn, err := client.Dial(ctx, c.config)
	c.report.Err = err
	if connected := c.connected(); !connected.IsZero() {
		c.report.Times.Connect = connected.Sub(begin)
		if err == nil {
			c.report.Times.Ready = time.Since(connected)
		}
	}
	if err != nil {
		c.probe(ctx, err)
		return
	}
	c.report.LoggedIn = !c.config.Credentials.IsZero()
	c.describe(conn)
	begin = time.Now()
	if c.report.Err = conn.Noop(ctx); c.report.Err == nil {
		c.report.Times.RoundTrip = time.Since(begin)
		if c.envelope != nil {
			c.report.Err = c.try(ctx, conn)
		}
	}
	if c.report.Err == nil && conn.Err() == nil {
		c.found, _ = conn.TryExtensions(ctx) // a server that breaks here is found out, and takes mail all the same
	}
	_ = conn.Quit(ctx) // the check is over
}

// watchCertificate notes whether the server asks for a certificate that we do not have. Some do so without
// need, so it only matters when something fails.
func (c *check) watchCertificate() {
	settings := c.config.TLSConfig
	if settings == nil || len(settings.Certificates) > 0 || settings.GetClientCertificate != nil {
		return
	}
	settings.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		c.mu.Lock()
		c.asked = true
		c.mu.Unlock()
		return &tls.Certificate{}, nil
	}
}

// lookup asks DNS, which the dialer will do again, unless there is nothing to ask or a proxy does it.
func (c *check) lookup(ctx context.Context) error {
	host, _, err := net.SplitHostPort(c.config.Address)
	if _, literal := netip.ParseAddr(host); err != nil || literal == nil || c.config.Dial != nil || c.config.Network != "" {
		return nil
	}
	begin := time.Now()
	c.report.Addresses, err = net.DefaultResolver.LookupHost(ctx, host)
	c.report.Times.DNS = time.Since(begin)
	return err
}

// connected returns when the first connection was there.
func (c *check) connected() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.events {
		if e.Kind == client.EventConnected {
			c.report.Remote = e.Text
			return e.Time
		}
	}
	return time.Time{}
}

// probe connects once more where that tells more about a failure.
func (c *check) probe(ctx context.Context, failure error) {
	failed, ok := errors.AsType[*client.Error](failure)
	if !ok || ctx.Err() != nil {
		return
	}
	if fault, ok := errors.AsType[*client.TLSError](failure); ok && fault.Certificate != nil {
		c.report.TLS = &TLSReport{}
		c.report.TLS.read(fault.Certificate)
	}
	again := c.config
	again.Credentials = authentication.Credentials{}
	switch {
	case failed.Phase == client.PhaseAuth:
		if conn, err := client.Dial(ctx, again); err == nil {
			c.describe(conn)
			_ = conn.Quit(ctx) // the check is over
		}
	case failed.Phase == client.PhaseGreeting && failed.Response.IsZero() && again.TLS != client.TLSImplicit:
		again.TLS = client.TLSImplicit
		conn, err := client.Dial(ctx, again)
		if err == nil {
			_ = conn.Quit(ctx) // the check is over
		}
		fault, refused := errors.AsType[*client.TLSError](err)
		c.implicit = err == nil || refused && fault.Certificate != nil
	}
}

// describe takes down what a session says of its server.
func (c *check) describe(conn *client.Conn) {
	info := conn.Info()
	c.info = info
	r := c.report
	r.Greeting = conn.Greeting().String()
	r.ExtensionsBeforeTLS, r.Extensions = offers(conn.InfoBeforeTLS()), offers(info)
	r.Mechanisms, r.Size, r.Limits = info.Mechanisms(), info.SizeLimit(), info.Limits()
	if state := conn.TLS(); state != nil {
		r.TLS = newTLSReport(state)
	}
}

func offers(info extension.ServerInfo) []string {
	var list []string
	for _, keyword := range info.Keywords() {
		text := string(keyword)
		if param := info.Param(keyword); param != "" {
			text += " " + param
		}
		list = append(list, text)
	}
	return list
}

// offered reports whether the server offers an extension in the end.
func (c *check) offered(keyword extension.Keyword) bool {
	return slices.ContainsFunc(c.report.Extensions, func(line string) bool { return isKeyword(line, keyword) })
}

// isKeyword reports whether a line of an offer begins with keyword.
func isKeyword(line string, keyword extension.Keyword) bool {
	word, _, _ := strings.Cut(line, " ")
	return word == string(keyword)
}
