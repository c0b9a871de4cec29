package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/proxy"
)

// Proxy makes connections through a proxy: socks5://host:1080, http://host:3128 (CONNECT) or https://host:443 (CONNECT
// over TLS), with user:password@ where the proxy wants a login. The proxy resolves the name of the relay; what is said to the relay is
// TLS from end to end, and its certificate is verified as without a proxy. An https proxy is trusted by the same roots as the relay. "" takes the proxy away; the environment is not asked. A [Builder.Dialer]
// makes the connections to the proxy then. Errors of connections name the proxy; see [ProxyError].
func (b Builder) Proxy(proxyURL string) Builder {
	return b.step(func(s *state) {
		if err := s.proxy.read(proxyURL); err != nil {
			s.fault("Proxy", "", err) // the value may be a password
		}
	})
}

// ProxyError says that a proxy could not be reached, or did not make the connection. Nothing was sent.
type ProxyError struct {
	Proxy string // such as socks5://proxy.example.org:1080
	Err   error
}

// Error names the proxy.
func (e *ProxyError) Error() string { return "proxy " + e.Proxy + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *ProxyError) Unwrap() error { return e.Err }

// proxyServer is a proxy; the zero one stands for a direct connection.
type proxyServer struct {
	scheme       string
	host, port   string
	user         string
	password     Secret
	passwordFile string
}

var proxyPorts = map[string]string{"socks5": "1080", "socks5h": "1080", "http": "80", "https": "443"}

var (
	errProxy         = errors.New("want socks5://host:port, http://host:port or https://host:port, with all but letters and digits of user and password percent-encoded")
	errProxyLogin    = errors.New("want no password in it: name the file that holds it by proxy_password_file")
	errProxyHalf     = errors.New("user and password of a proxy are needed together")
	errProxySocket   = errors.New("a Unix socket is on this machine and needs no proxy")
	errProxyNoFile   = errors.New("want a proxy with a user too, as in proxy=socks5://user@host:1080")
	errProxyLongText = errors.New("the answer is too long for the head of an HTTP response")
)

// read reads the URL of a proxy. Its errors do not quote it.
func (p *proxyServer) read(text string) error {
	file := p.passwordFile
	*p = proxyServer{passwordFile: file}
	if text == "" {
		return nil
	}
	parsed, err := url.Parse(text)
	if err != nil {
		return errProxy
	}
	port, known := proxyPorts[parsed.Scheme]
	host, err := parseHost(parsed.Hostname())
	if !known || err != nil || parsed.Opaque != "" || strings.Trim(parsed.Path, "/") != "" || parsed.RawQuery != "" || parsed.Fragment != "" {
		return errProxy
	}
	if parsed.Port() != "" {
		port = parsed.Port()
	}
	if !isPort(port) {
		return errProxy
	}
	p.scheme, p.host, p.port = strings.TrimSuffix(parsed.Scheme, "h"), host, port
	password, _ := parsed.User.Password()
	p.user, p.password = parsed.User.Username(), NewSecret(password)
	const longest = 255 // RFC 1929 section 2
	if len(p.user) > longest || len(password) > longest || strings.ContainsAny(p.user, ":\r\n\x00") {
		return errProxy
	}
	return nil
}

// readText is read for a key, whose text may not hold a password: keys print.
func (p *proxyServer) readText(text string) error {
	if err := p.read(text); err != nil {
		return err
	}
	if text == "" {
		return errProxy
	}
	if !p.password.IsZero() {
		return errProxyLogin
	}
	return nil
}

// String returns the URL without a password.
func (p *proxyServer) String() string {
	if p.scheme == "" {
		return ""
	}
	u := url.URL{Scheme: p.scheme, Host: p.address()}
	if p.user != "" {
		u.User = url.User(p.user)
	}
	return u.String()
}

// address is where the proxy is.
func (p *proxyServer) address() string { return net.JoinHostPort(p.host, p.port) }

// resolveProxy puts the proxy before the dialer.
func (s *state) resolveProxy() {
	p := s.proxy
	report := func(key string, err error) {
		if s.origin == fromCode {
			s.fault("Proxy", "", err)
			return
		}
		s.errs = append(s.errs, s.keyFault(key, err))
	}
	switch {
	case p.scheme == "" && p.passwordFile == "":
		return
	case p.scheme == "" || p.passwordFile != "" && p.user == "":
		report("proxy_password_file", errProxyNoFile)
		return
	case s.config.Network == networkUnix:
		report("proxy", errProxySocket)
		return
	}
	if p.passwordFile != "" {
		text, err := readSmall(p.passwordFile)
		if err != nil {
			report("proxy_password_file", err)
			return
		}
		p.password = NewSecret(strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"))
	}
	if (p.user == "") != p.password.IsZero() {
		report("proxy", errProxyHalf)
		return
	}
	d := &proxyDialer{proxy: p, dial: s.config.Dial}
	if d.dial == nil {
		d.dial = (&net.Dialer{LocalAddr: s.config.LocalAddr}).DialContext
	}
	if s.config.TLSConfig != nil {
		d.roots = s.config.TLSConfig.RootCAs
	}
	s.config.Dial = d.dialRelay
}

// proxyDialer connects to relays through a proxy.
type proxyDialer struct {
	proxy proxyServer
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	roots *x509.CertPool // that an https proxy is trusted by; nil for those of the system
}

// dialRelay returns a connection to the relay at address, whose name the proxy resolves.
func (d *proxyDialer) dialRelay(ctx context.Context, network, address string) (net.Conn, error) {
	nc, err := d.connect(ctx, network, address)
	if err != nil {
		shown := d.proxy
		shown.user = ""
		return nil, &ProxyError{Proxy: shown.String(), Err: err}
	}
	return nc, nil
}

func (d *proxyDialer) connect(ctx context.Context, network, address string) (net.Conn, error) {
	nc, err := d.dial(ctx, network, d.proxy.address())
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline() // the zero time lets it wait
	_ = nc.SetDeadline(deadline)  // what is wrong with nc shows when it is used
	stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })
	through, err := d.negotiate(ctx, nc, network, address)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = nc.Close() // it was not used
		return nil, err
	}
	return through, nc.SetDeadline(time.Time{})
}

// negotiate asks the proxy for a connection to address.
func (d *proxyDialer) negotiate(ctx context.Context, nc net.Conn, network, address string) (net.Conn, error) {
	switch d.proxy.scheme {
	case "https":
		secured := tls.Client(nc, &tls.Config{ServerName: d.proxy.host, RootCAs: d.roots, MinVersion: tls.VersionTLS12})
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		return secured, d.httpConnect(secured, address)
	case "http":
		return nc, d.httpConnect(nc, address)
	}
	var login *proxy.Auth
	if d.proxy.user != "" {
		login = &proxy.Auth{User: d.proxy.user, Password: d.proxy.password.Reveal()}
	}
	socks, err := proxy.SOCKS5(network, d.proxy.address(), login, made{nc})
	if err != nil {
		return nil, err
	}
	// What it returns wraps nc, which can tell more of itself, such as whether the relay has hung up.
	_, err = socks.(proxy.ContextDialer).DialContext(ctx, network, address)
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		err = op.Err
	}
	return nc, err
}

// made is a dialer of a connection that stands already.
type made struct{ nc net.Conn }

func (m made) Dial(string, string) (net.Conn, error) { return m.nc, nil }

func (m made) DialContext(context.Context, string, string) (net.Conn, error) { return m.nc, nil }

// httpConnect asks by CONNECT (RFC 9110 section 9.3.6). It reads no octet after the head of the response: those are the
// relay's.
func (d *proxyDialer) httpConnect(nc net.Conn, address string) error {
	request := "CONNECT " + address + " HTTP/1.1\r\nHost: " + address + "\r\n"
	if d.proxy.user != "" {
		login := base64.StdEncoding.EncodeToString([]byte(d.proxy.user + ":" + d.proxy.password.Reveal()))
		request += "Proxy-Authorization: Basic " + login + "\r\n"
	}
	if _, err := nc.Write([]byte(request + "\r\n")); err != nil {
		return err
	}
	const longest = 16 << 10
	var head []byte
	for octet := make([]byte, 1); !strings.HasSuffix(string(head[max(0, len(head)-4):]), "\r\n\r\n"); {
		if len(head) == longest {
			return errProxyLongText
		}
		if _, err := nc.Read(octet); err != nil {
			return fmt.Errorf("it ended the connection before it answered: %w", err)
		}
		head = append(head, octet[0])
	}
	status, _, _ := strings.Cut(string(head), "\r\n")
	version, rest, _ := strings.Cut(status, " ")
	if !strings.HasPrefix(version, "HTTP/1.") || len(rest) < 3 {
		return errors.New("its answer is not an HTTP response")
	}
	if rest[0] != '2' {
		return fmt.Errorf("it refused: %q", rest)
	}
	return nil
}
