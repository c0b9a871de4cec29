package authentication

import (
	"crypto/tls"

	xdg "github.com/xdg-go/scram"
)

// channelBinding ties a login to the TLS connection, so that an attacker in between cannot pass it on: by
// tls-exporter with TLS 1.3 (RFC 9266), else by tls-server-end-point (RFC 5929 section 4). tls-unique
// is never used: it does not exist in TLS 1.3 and is broken before. ok is false where none is possible,
// as with certificates whose signature has no hash function of its own.
func channelBinding(state *tls.ConnectionState) (binding xdg.ChannelBinding, ok bool) {
	if state == nil {
		return xdg.ChannelBinding{}, false
	}
	var err error
	if state.Version >= tls.VersionTLS13 {
		binding, err = xdg.NewTLSExporterBinding(state)
	} else {
		binding, err = xdg.NewTLSServerEndpointBinding(state)
	}
	return binding, err == nil
}
