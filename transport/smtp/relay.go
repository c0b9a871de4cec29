package smtp

import (
	"errors"

	"github.com/depeche-mail/depeche/internal/linear"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// The ports that constructors begin with.
const (
	PortTLS        = 465 // submission, TLS from the first octet, RFC 8314 section 3.3
	PortSubmission = 587 // submission, STARTTLS, RFC 6409
	PortSMTP       = 25  // RFC 5321
	PortLMTP       = 24  // RFC 2033
)

// Relay begins a transport that speaks TLS from the first octet, on port 465. host is a name or an IP
// address; the certificate must be valid for it.
func Relay(host string) Builder { return begin(host, PortTLS, client.TLSImplicit) }

// StartTLSRelay begins a transport that requires STARTTLS, on port 587. Nothing but the greeting,
// EHLO and STARTTLS is said in clear; when the upgrade fails, nothing is sent.
func StartTLSRelay(host string) Builder { return begin(host, PortSubmission, client.TLSStartTLS) }

// UnencryptedLocalhost begins a transport to the server of this machine on port 25, without TLS.
func UnencryptedLocalhost() Builder { return begin("localhost", PortSMTP, client.TLSNone) }

// DangerousPlaintext begins a transport without TLS on port 25. Every attacker on the way can read and change the
// mail. Passwords are still not sent unless DangerousPlaintextAuth is set too.
func DangerousPlaintext(host string) Builder { return begin(host, PortSMTP, client.TLSNone) }

// DangerousOpportunisticTLS begins a transport on port 25 that uses STARTTLS where the server offers it,
// and no TLS where it does not. It keeps out an attacker who only listens, not one who is on the way and hides the
// offer. Once STARTTLS was offered it must succeed.
func DangerousOpportunisticTLS(host string) Builder {
	return begin(host, PortSMTP, client.TLSDangerousOpportunistic)
}

// LMTP begins a transport to an LMTP server over TCP, without TLS, on port 24. Every recipient has a
// verdict of its own (RFC 2033). An LMTP server belongs on the same machine or network.
func LMTP(host string) Builder {
	return begin(host, PortLMTP, client.TLSNone).step(func(s *state) { s.config.LMTP = true })
}

// LMTPOverTLS is LMTP that speaks TLS from the first octet, on port 24.
func LMTPOverTLS(host string) Builder {
	return begin(host, PortLMTP, client.TLSImplicit).step(func(s *state) { s.config.LMTP = true })
}

// LMTPStartTLS is LMTP that requires STARTTLS, on port 24.
func LMTPStartTLS(host string) Builder {
	return begin(host, PortLMTP, client.TLSStartTLS).step(func(s *state) { s.config.LMTP = true })
}

// LMTPSocket is LMTP over a Unix socket. There is no TLS: what is on this machine is protected by the rights of the
// socket.
func LMTPSocket(path string) Builder {
	return UnixSocket(path).step(func(s *state) { s.config.LMTP = true })
}

// UnixSocket begins a transport to a mail server of this machine over a Unix socket, without TLS.
func UnixSocket(path string) Builder {
	return begin("localhost", 0, client.TLSNone).step(func(s *state) {
		s.config.Network, s.config.Address = networkUnix, path
		if path == "" {
			s.fault("Path", "", errors.New("a path is needed"))
		}
	})
}

const networkUnix = "unix"

func begin(host string, port int, mode client.TLSMode) Builder {
	return Builder{linear.New(), &state{host: host, port: port, config: client.Config{TLS: mode}}}
}
