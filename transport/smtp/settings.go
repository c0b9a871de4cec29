package smtp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/internal/keys"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
)

// The keys that more than one place knows.
const (
	passwordFile  = "password_file"
	tokenFile     = "token_file"
	opportunistic = "dangerous_opportunistic_tls"
	proxyKey      = "proxy"
)

// settings are all that a URL and a Config can say, in the order in which they are applied: what is set as a whole
// comes before its parts.
var settings = slices.Concat(settingsOfLogin, settingsOfTLS, settingsOfConnections, settingsOfMail)

var settingsOfLogin = []setting{
	own(
		func(s *state, path string) error { return s.login.readFile(passwordFile, path) },
		func(s *state) string { return s.login.fileOf(passwordFile) },
	).as(passwordFile, "Credentials").page("the file that holds the password of the user; read for each login", ""),
	own(
		func(s *state, path string) error { return s.login.readFile(tokenFile, path) },
		func(s *state) string { return s.login.fileOf(tokenFile) },
	).as(tokenFile, "Credentials").page("the file that holds an OAuth 2.0 access token of the user; read for each login", ""),
	list(
		func(s *state, name string) error { return s.login.addMechanism(name) },
		func(s *state) []string { return s.login.mechanisms },
	).as("auth", "Mechanisms").strict().page("the mechanisms that may be used, separated by commas; `EXTERNAL` and `ANONYMOUS` need no user, and with token mechanisms alone the password is a token", "all that fit, the strongest first"),
	text(func(s *state) *string { return &s.login.authorizationID }).as("authorization_id", "AuthorizationID").
		page("the user to act as, where that is not the one who logs in", "the user"),
	truth(func(s *state) *bool { return &s.config.InsecureAuth }).as("dangerous_plaintext_auth", "DangerousPlaintextAuth").
		page("the password may be sent without TLS", "`false`"),
}

var settingsOfTLS = []setting{
	own((*state).setOpportunistic, func(s *state) string {
		if s.config.TLS == client.TLSDangerousOpportunistic {
			return "true"
		}
		return ""
	}).as(opportunistic, "DangerousOpportunisticTLS").
		page("of `smtp://`: STARTTLS where the relay offers it, and no TLS where it does not", "`false`"),
	text(func(s *state) *string { return &s.config.ServerName }).as("tls_name", "ServerName").secure().
		page("the name that the certificate must have", "the host"),
	choice(func(s *state) *uint16 { return &s.security.minVersion }, []string{"1.2", "1.3"}, []uint16{tls.VersionTLS12, tls.VersionTLS13}).
		as("tls_min", "MinVersion").secure().page("`1.2` or `1.3`", "`1.2`"),
	choice(func(s *state) *uint16 { return &s.config.DangerousMinVersion }, []string{"1.0", "1.1"}, []uint16{tls.VersionTLS10, tls.VersionTLS11}).
		as("dangerous_tls_min", "DangerousMinVersion").secure().page("`1.0` or `1.1`", "`1.2`"),
	own(
		func(s *state, value string) error {
			if err := refuseSecret(keys.Key{Name: "tls_roots", Value: value}); err != nil {
				return err
			}
			s.security.rootFiles = append(s.security.rootFiles, value)
			return nil
		},
		func(s *state) string {
			return strings.Join(append(slices.Clone(s.security.rootFiles), texts(s.security.roots)...), "")
		},
	).as("tls_roots", "ExtraRoots").secure().
		page("a file of certificates in PEM form to trust besides those of the system, or the PEM text itself", ""),
	list(
		func(s *state, pin string) error { return addPin(&s.config.Pins, pin) },
		func(s *state) []string { return pinTexts(s.config.Pins) },
	).as("tls_pin", "PinnedKeys").secure().strict().
		page("keys of which the relay must have one in a certificate that is valid besides, separated by commas; see [tls.md](tls.md)", ""),
	list(
		func(s *state, pin string) error { return addPin(&s.security.trusted, pin) },
		func(s *state) []string { return pinTexts(s.security.trusted) },
	).as("tls_trusted_key", "TrustedKeys").secure().strict().
		page("keys of which the relay must have one, whatever its certificate says besides: for a relay that signed its own", ""),
	text(func(s *state) *string { return &s.security.certificateFile }).as("tls_certificate", "ClientCertificate").secure().
		page("the file of our own certificate in PEM form, for a relay that asks for one", ""),
	text(func(s *state) *string { return &s.security.keyFile }).as("tls_key", "ClientCertificate").secure().
		page("the file of the key of `tls_certificate` in PEM form", "in the file `tls_certificate`"),
	truth(func(s *state) *bool { return &s.security.skipVerify }).as("dangerous_skip_verify", "DangerousSkipVerify").secure().
		page("no certificate is verified: every attacker on the way can be the relay", "`false`"),
}

func texts(pem [][]byte) (list []string) {
	for _, p := range pem {
		list = append(list, string(p))
	}
	return list
}

// setOpportunistic turns smtp:// into the transport of DangerousOpportunisticTLS.
func (s *state) setOpportunistic(value string) error {
	switch {
	case value == "false":
		return nil
	case value != "true":
		return fmt.Errorf("%q: %w", value, errFlag)
	case s.config.TLS != client.TLSNone && s.config.TLS != client.TLSDangerousOpportunistic || s.config.Network == networkUnix:
		return errors.New("is for smtp:// alone: TLS is required there, or of no use")
	}
	s.config.TLS = client.TLSDangerousOpportunistic
	return nil
}

// timeout is a setting of one phase; "" where all phases have what the key timeout says.
func timeout(field func(*client.Timeouts) *time.Duration) setting {
	x := duration(func(s *state) *time.Duration { return field(&s.config.Timeouts) })
	get := x.get
	x.get = func(s *state) string {
		if commonTimeout(s) != 0 {
			return ""
		}
		return get(s)
	}
	return x
}

// commonTimeout is the argument of Timeout by which the limits came about; 0 for other limits.
func commonTimeout(s *state) time.Duration {
	if d := s.config.Timeouts.Reply; d > 0 && s.config.Timeouts == timeouts(d) {
		return d
	}
	return 0
}

var settingsOfConnections = []setting{
	own((*state).helloName, func(s *state) string { return s.config.HelloName.String() }).as("hello", "HelloName").
		page("what we call ourselves in EHLO: a host name or an IP address", "the host's name, or our address"),
	own((*state).localAddr, func(s *state) string {
		if s.config.LocalAddr == nil {
			return ""
		}
		return s.config.LocalAddr.String()
	}).as("local_addr", "LocalAddr").page("the address of this machine that connections come from, with a port or without", "the system chooses"),
	own(
		func(s *state, value string) error { return s.proxy.readText(value) },
		func(s *state) string { return s.proxy.String() },
	).as(proxyKey, "Proxy").page("a proxy, as in `socks5://host:1080`, `http://host:3128` or `https://user@host`", ""),
	text(func(s *state) *string { return &s.proxy.passwordFile }).as("proxy_password_file", "Proxy").
		page("the file that holds the password of the user of the proxy", ""),
	own(
		func(s *state, value string) error {
			d, err := parseDuration(value)
			s.config.Timeouts = timeouts(d)
			return err
		},
		func(s *state) string { return durationText(commonTimeout(s)) },
	).as("timeout", "Timeout").page("the longest wait for each answer, such as `30s`; see `Builder.Timeout`", "minutes, as in RFC 5321"),
	timeout(func(t *client.Timeouts) *time.Duration { return &t.Dial }).as("dial_timeout", "Timeouts").
		page("for the connection", "`30s`"),
	timeout(func(t *client.Timeouts) *time.Duration { return &t.TLS }).as("tls_timeout", "Timeouts").
		page("for the handshake of TLS", "`30s`"),
	timeout(func(t *client.Timeouts) *time.Duration { return &t.Reply }).as("reply_timeout", "Timeouts").
		page("for the reply to each command", "`5m`"),
	timeout(func(t *client.Timeouts) *time.Duration { return &t.Data }).as("data_timeout", "Timeouts").
		page("for the answer to DATA", "`2m`"),
	timeout(func(t *client.Timeouts) *time.Duration { return &t.Body }).as("body_timeout", "Timeouts").
		page("for each 64 KiB of content", "`3m`"),
	timeout(func(t *client.Timeouts) *time.Duration { return &t.Final }).as("final_timeout", "Timeouts").
		page("for the verdict on the content; a short one creates duplicates", "`10m`"),
	timeout(func(t *client.Timeouts) *time.Duration { return &t.Reset }).as("reset_timeout", "Timeouts").
		page("for RSET and QUIT", "`20s`"),
	count(func(s *state) *int { return &s.pool.MaxOpen }).as("pool", "Pool").page("connections at once", "10, or what the provider allows"),
	count(func(s *state) *int { return &s.pool.MaxIdle }).as("max_idle", "Pool").page("idle connections that are kept", "as many as `pool`"),
	count(func(s *state) *int { return &s.pool.MinIdle }).as("min_idle", "Pool").page("idle connections that are opened ahead of need", "0"),
	count(func(s *state) *int { return &s.pool.MaxWaiting }).as("max_waiting", "Pool").page("mails that may wait for a connection", "any number"),
	duration(func(s *state) *time.Duration { return &s.pool.MaxWait }).as("max_wait", "Pool").
		page("how long a mail waits for connections, free or new ones, in all", "as long as the program waits for the mail"),
	count(func(s *state) *int { return &s.pool.MaxMessages }).as("max_messages", "Pool").page("messages over one connection", "what the relay allows"),
	duration(func(s *state) *time.Duration { return &s.pool.IdleTimeout }).as("idle_timeout", "Pool").
		page("how long a connection may be idle", "`1m`"),
	duration(func(s *state) *time.Duration { return &s.pool.MaxAge }).as("max_age", "Pool").
		page("how old a connection may get", "`30m`"),
}

// localAddr reads an IP address, with a port or without.
func (s *state) localAddr(value string) error {
	if ip, err := netip.ParseAddr(value); err == nil {
		s.config.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, 0))
		return nil
	}
	end, err := netip.ParseAddrPort(value)
	if err != nil {
		return fmt.Errorf("%q: want an IP address, with a port or without", value)
	}
	s.config.LocalAddr = net.TCPAddrFromAddrPort(end)
	return nil
}

var errRate = errors.New("depeche.Open and OpenEnv keep a rate; over a transport of this package policy.RateLimit does")

var settingsOfMail = []setting{
	own(
		func(*state, string) error { return errRate },
		func(*state) string { return "" },
	).as("rate", "policy.RateLimit").page("mails in a time, such as `100/1m`; later ones wait", "any number"),
	truth(func(s *state) *bool { return &s.config.AllOrNothing }).as("all_or_nothing", "AllOrNothing").
		page("the content is sent only when the relay accepts every recipient", "`false`"),
	list(
		func(s *state, keyword string) error {
			if keyword == "" {
				return errors.New("want the keyword of an extension")
			}
			s.config.Without = append(s.config.Without, extension.Keyword(strings.ToUpper(keyword)))
			return nil
		},
		func(s *state) (words []string) {
			for _, k := range s.config.Without {
				words = append(words, string(k))
			}
			return words
		},
	).as("disable_extensions", "DisableExtensions").page("extensions that are not used although the relay offers them, such as `PIPELINING`, separated by commas", ""),
	choice(func(s *state) *client.Chunking { return &s.config.Chunking }, []string{"auto", "trusted", "off"},
		[]client.Chunking{client.ChunkingAuto, client.ChunkingTrusted, client.ChunkingOff}).as("chunking", "Chunking").
		page("whether content may travel by BDAT: `auto`, `trusted` or `off`", "`auto`"),
	count(func(s *state) *int { return &s.bulk.depth }).as("bulk_window", "BulkWindow").
		page("mails of SendAll under way over one connection", "1"),
	truth(func(s *state) *bool { return &s.bulk.resume }).as("resend_unsent", "ResendUnsent").
		page("SendAll sends mails that a broken connection left unsent over another one", "`false`"),
	setting{
		set: func(s *state, value string) error {
			if d, err := time.ParseDuration(value); err == nil && d == 0 {
				s.bulk.wait = noWait
				return nil
			}
			d, err := parseDuration(value)
			s.bulk.wait = d
			return err
		},
		get: func(s *state) string {
			if s.bulk.wait == noWait {
				return "0s"
			}
			return durationText(s.bulk.wait)
		},
	}.as("wait_for_relay", "WaitForRelay").page("how long the mails of SendAll wait for a relay that is down; `0s` for not at all", "`5m`"),
}
