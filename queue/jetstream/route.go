package jetstream

import "crypto/tls"

// routeTLS is the configuration of a route, which both sides must prove themselves on. The server uses what it is given as it is; only
// the parser of its own configuration files asks for certificates (nats-server 2.15.3).
func routeTLS(c *tls.Config) *tls.Config {
	c = c.Clone()
	c.ClientAuth = tls.RequireAndVerifyClientCert
	if c.ClientCAs == nil {
		c.ClientCAs = c.RootCAs
	}
	if c.RootCAs == nil {
		c.RootCAs = c.ClientCAs
	}
	return c
}

// checkRouteTLS says what of a configuration would let others in; "" for nothing.
func checkRouteTLS(c *tls.Config) string {
	switch {
	case c.RootCAs == nil && c.ClientCAs == nil:
		return "any certificate of a public authority would do: set RootCAs or ClientCAs to the authority of the cluster"
	case c.InsecureSkipVerify:
		return "InsecureSkipVerify lets any server in: leave it out, and name the authority of the cluster in RootCAs"
	case len(c.Certificates) == 0 && (c.GetCertificate == nil || c.GetClientCertificate == nil):
		return "a certificate is missing: set Certificates, or both GetCertificate and GetClientCertificate"
	case c.GetConfigForClient != nil:
		return "GetConfigForClient would decide instead who is let in: leave it out"
	}
	return ""
}
