package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"reflect"
	"slices"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// tlsConfig returns the caller's settings with the parts that are not negotiable.
func (c *Config) tlsConfig() *tls.Config {
	t := &tls.Config{}
	if c.TLSConfig != nil {
		t = c.TLSConfig.Clone()
	}
	least := uint16(tls.VersionTLS12) // RFC 8996
	if c.DangerousMinVersion != 0 {
		least = c.DangerousMinVersion
	}
	t.MinVersion = max(t.MinVersion, least)
	t.DynamicRecordSizingDisabled = true // mail is not read while it arrives, so small records do not help
	if t.ServerName == "" {
		t.ServerName = c.serverName()
	}
	t.VerifyConnection = c.judge(t.VerifyConnection)
	return t
}

// judge returns what is asked of a connection beside a valid certificate. It is asked for resumed
// sessions too.
func (c *Config) judge(theirs func(tls.ConnectionState) error) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		if len(c.Pins) > 0 && !c.pinned(state) {
			return &TLSError{Kind: TLSWrongPin, Certificate: state.PeerCertificates[0], Err: errWrongPin}
		}
		for _, veto := range []func(tls.ConnectionState) error{theirs, c.VerifyConnection} {
			if veto == nil {
				continue
			}
			if err := veto(state); err != nil {
				return &TLSError{Kind: TLSVetoed, Certificate: state.PeerCertificates[0], Err: err}
			}
		}
		return nil
	}
}

var errWrongPin = errors.New("the key of the server is not one of those that are pinned")

// pinned reports whether a certificate that vouches for the server has a pinned key. Any server can put
// the certificate of a pinned authority beside its own, so only verified chains count; without
// verification the server's own certificate alone.
func (c *Config) pinned(state tls.ConnectionState) bool {
	trusted := state.VerifiedChains
	if len(trusted) == 0 {
		trusted = [][]*x509.Certificate{state.PeerCertificates[:1]}
	}
	for _, chain := range trusted {
		for _, cert := range chain {
			if slices.Contains(c.Pins, PinOf(cert)) {
				return true
			}
		}
	}
	return false
}

// handshake encrypts the connection. The reader is not running.
func (c *Conn) handshake(ctx context.Context) *Error {
	limited, cancel := context.WithTimeout(ctx, c.cfg.Timeouts.TLS)
	defer cancel()
	settings := c.cfg.tlsConfig()
	seen := &recordingConn{Conn: c.wire.raw, clock: settings.Time}
	settings.GetClientCertificate = seen.choose(settings)
	nc := tls.Client(seen, settings)
	if err := errors.Join(c.wire.raw.SetDeadline(time.Time{}), nc.HandshakeContext(limited)); err != nil {
		fault := seen.tlsError(within(ctx, c.cfg.Timeouts.TLS, err))
		fault.ServerName = settings.ServerName
		return c.refusal(PhaseTLS, response.Response{}, fault)
	}
	state := nc.ConnectionState()
	c.wire.nc, c.state = nc, &state
	c.wire.lock().readDeadline = 0
	c.wire.unlock()
	c.wire.report(Event{Kind: EventTLS, Text: tls.VersionName(state.Version) + " " + tls.CipherSuiteName(state.CipherSuite)})
	return nil
}

// startTLS upgrades the connection and forgets what the server said before (RFC 3207 section 4.2).
func (c *Conn) startTLS(ctx context.Context) *Error {
	if !c.info.Has(extension.StartTLS) {
		return c.refusal(PhaseTLS, response.Response{}, c.noStartTLS(TLSNotOffered))
	}
	var s single
	err := c.enqueue(expectation{step: stepTLS, stopReader: true, to: &s}, commands.StartTLS{})
	if err == nil {
		err = c.wire.flush()
	}
	if err == nil {
		err = c.wire.wait(func(*receiver) bool { return s.done })
	}
	if err == nil {
		err = c.wire.broken() // octets after the reply
	}
	switch {
	case errors.Is(err, ErrInjection):
		return c.fault(PhaseTLS, &TLSError{Kind: TLSInjected, ServerName: c.cfg.serverName(), Err: err})
	case err != nil:
		return c.fault(PhaseTLS, err)
	case s.response.Code != response.Ready:
		return c.refusal(PhaseTLS, s.response, c.noStartTLS(TLSRefused))
	}
	<-c.wire.stopped
	c.before = c.info
	if err := c.handshake(ctx); err != nil {
		return err
	}
	c.wire.start()
	return c.hello()
}

func (c *Conn) noStartTLS(kind TLSKind) error {
	return &TLSError{Kind: kind, ServerName: c.cfg.serverName(), Err: ErrNoStartTLS}
}

// portTLS is the port of RFC 8314 section 3.3, where the client speaks first.
const portTLS = "465"

// silence explains why no greeting came: a server that waits for a handshake says nothing.
func (c *Conn) silence(err error) error {
	_, port, _ := net.SplitHostPort(c.cfg.Address) // no port is not that port
	if c.state != nil || port != portTLS || !lost(err) {
		return err
	}
	return &TLSError{Kind: TLSImplicitServer, ServerName: c.cfg.serverName(), Err: err}
}

// Alerts of RFC 8446 section 6.2.
const (
	alertBadCertificate      = 42
	alertUnknownAuthority    = 48
	alertProtocolVersion     = 70
	alertCertificateRequired = 116
)

// tlsError says why a handshake failed.
func (w *recordingConn) tlsError(err error) *TLSError {
	if known, ok := errors.AsType[*TLSError](err); ok { // ours, of VerifyConnection
		return known
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return w.certificateError(e, err)
	}
	fault := &TLSError{Kind: TLSFailed, Err: err}
	received, alerted := alertOf(err)
	header, other := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case other && isReply(header.RecordHeader[:]):
		fault.Kind = TLSPlainServer
	case w.sent == alertProtocolVersion || received == alertProtocolVersion:
		fault.Kind = TLSTooOld
	case alerted && (w.asked || aboutCertificate(received)):
		fault.Kind = TLSClientCertificate
	case !alerted && !other && lost(err):
		fault.Kind = TLSInterrupted
	}
	return fault
}

// aboutCertificate reports whether an alert says that our certificate is at fault.
func aboutCertificate(alert uint8) bool {
	return alert >= alertBadCertificate && alert <= alertUnknownAuthority || alert == alertCertificateRequired
}

// certificateError tells the kinds of faulty certificates apart.
func (w *recordingConn) certificateError(e *tls.CertificateVerificationError, err error) *TLSError {
	fault := &TLSError{Kind: TLSBadCertificate, Err: err}
	if len(e.UnverifiedCertificates) > 0 {
		fault.Certificate = e.UnverifiedCertificates[0]
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](e.Err); ok {
		if invalid.Cert != nil {
			fault.Certificate = invalid.Cert
		}
		if invalid.Reason == x509.Expired { // also the reason of those that are not valid yet
			fault.Kind = TLSExpired
			now := time.Now
			if w.clock != nil {
				now = w.clock
			}
			if now().Before(fault.Certificate.NotBefore) {
				fault.Kind = TLSNotYetValid
			}
		}
	}
	if errors.As(e.Err, new(x509.HostnameError)) {
		fault.Kind = TLSWrongName
	}
	if errors.As(e.Err, new(x509.UnknownAuthorityError)) {
		fault.Kind = TLSUnknownAuthority
		if leaf := fault.Certificate; leaf != nil && leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) == nil {
			fault.Kind = TLSSelfSigned
		}
	}
	return fault
}

// lost reports whether a connection ended, or time ran out.
func lost(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.Canceled) ||
		errors.As(err, new(net.Error))
}

// isReply reports whether octets begin like a reply of a mail server.
func isReply(octets []byte) bool {
	for _, digit := range octets[:3] {
		if digit < '0' || digit > '9' {
			return false
		}
	}
	return octets[3] == ' ' || octets[3] == '-'
}

// alertOf returns the alert that ended a connection. crypto/tls has it in a net.OpError, as a type that
// it keeps to itself but that is a number of RFC 8446 section 6.
func alertOf(err error) (uint8, bool) {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Err == nil {
		return 0, false
	}
	if v := reflect.ValueOf(op.Err); v.Kind() == reflect.Uint8 {
		return uint8(v.Uint()), true
	}
	return 0, false
}

// recordingConn sees what crypto/tls does not tell in its errors.
type recordingConn struct {
	net.Conn
	clock func() time.Time // of the caller's settings; may be nil
	// sent is the last alert that we sent in clear: the only sign by which a server that chose an old
	// version differs from one that sent nonsense.
	sent uint8
	// asked says that the server wanted a client certificate. With TLS 1.2 its alert does not say so.
	asked bool
}

func (w *recordingConn) Write(p []byte) (int, error) {
	const alert, length = 21, 7 // type of the record; a header of 5 octets, level, alert (RFC 8446 section 5.1)
	if len(p) == length && p[0] == alert {
		w.sent = p[length-1]
	}
	return w.Conn.Write(p)
}

// choose returns the choice of a client certificate: the caller's, or else the first that the server
// can use, as crypto/tls does it.
func (w *recordingConn) choose(t *tls.Config) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	theirs, list := t.GetClientCertificate, t.Certificates
	return func(request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		w.asked = true
		if theirs != nil {
			return theirs(request)
		}
		for i := range list {
			if request.SupportsCertificate(&list[i]) == nil {
				return &list[i], nil
			}
		}
		return &tls.Certificate{}, nil
	}
}
