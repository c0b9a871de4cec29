package smtp_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// proxyServer is a proxy that leads to one server, whatever name it is asked for.
type proxyServer struct {
	net.Listener

	to    string // "" refuses
	asked list[string]
}

func startProxy(t *testing.T, to string, serve func(p *proxyServer, client net.Conn) error) *proxyServer {
	t.Helper()
	return startProxyOver(t, to, serve, func(nc net.Conn) net.Conn { return nc })
}

func startProxyOver(t *testing.T, to string, serve func(p *proxyServer, client net.Conn) error, wrap func(net.Conn) net.Conn) *proxyServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxyServer{Listener: listener, to: to}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			nc, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				nc := wrap(nc)
				defer nc.Close()
				if serve(p, nc) == nil {
					p.join(nc)
				}
			}()
		}
	}()
	return p
}

// join copies both ways.
func (p *proxyServer) join(nc net.Conn) {
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, nc)
		_ = server.Close()
	}()
	_, _ = io.Copy(nc, server)
}

// httpProxy answers CONNECT. Octets of the relay follow the head at once, as fast servers have it.
func httpProxy(login string) func(*proxyServer, net.Conn) error {
	return func(p *proxyServer, nc net.Conn) error {
		r := bufio.NewReader(nc)
		request, _ := r.ReadString('\n')
		given := ""
		for {
			line, err := r.ReadString('\n')
			if err != nil || line == "\r\n" {
				break
			}
			if value, ok := strings.CutPrefix(line, "Proxy-Authorization: Basic "); ok {
				text, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(value))
				given = string(text)
			}
		}
		p.asked.add(strings.TrimSpace(request))
		switch {
		case given != login:
			_, _ = io.WriteString(nc, "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n")
			return errWrong
		case p.to == "":
			_, _ = io.WriteString(nc, "HTTP/1.1 403 Forbidden\r\n\r\n")
			return errWrong
		}
		_, err := io.WriteString(nc, "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n")
		return err
	}
}

// socksProxy answers SOCKS5 (RFC 1928), with a login (RFC 1929) if it has one.
func socksProxy(login string) func(*proxyServer, net.Conn) error {
	return func(p *proxyServer, nc net.Conn) error {
		read := func(n int) []byte {
			b := make([]byte, n)
			_, _ = io.ReadFull(nc, b)
			return b
		}
		read(int(read(2)[1]))
		if login == "" {
			_, _ = nc.Write([]byte{5, 0})
		} else {
			_, _ = nc.Write([]byte{5, 2})
			user := read(int(read(2)[1]))
			given := string(user) + ":" + string(read(int(read(1)[0])))
			if given != login {
				_, _ = nc.Write([]byte{1, 1})
				return errWrong
			}
			_, _ = nc.Write([]byte{1, 0})
		}
		head := read(4)
		if head[3] != 3 { // the proxy resolves names
			p.asked.add("an address and no name")
			return errWrong
		}
		host := read(int(read(1)[0]))
		p.asked.add(fmt.Sprintf("%s:%d", host, binary.BigEndian.Uint16(read(2))))
		if p.to == "" {
			_, _ = nc.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
			return errWrong
		}
		_, err := nc.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		return err
	}
}

// TestProxy: mail goes through a proxy, which gets the name of the relay; TLS is that of the relay, and verified.
func TestProxy(t *testing.T) {
	const relayName = "relay.test" // no name of this machine's resolver
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("p:w d\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for scheme, kind := range map[string]func(string) func(*proxyServer, net.Conn) error{"http": httpProxy, "socks5": socksProxy, "socks5h": socksProxy} {
		for _, login := range []string{"", "jane:p:w d"} {
			t.Run(scheme+" "+login, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				srv.Config.CertificateNames = []string{relayName}
				srv.StartImplicitTLS()
				p := startProxy(t, srv.Addr(), kind(login))
				user := ""
				if login != "" {
					user = "jane:p%3Aw%20d@"
				}
				settings := srv.ClientTLS()
				settings.ServerName = ""
				base := smtp.Relay(relayName).TLSConfig(settings).Pool(smtp.Pool{MaxMessages: 1})
				wantSent(t, base.Clone().Proxy(scheme+"://"+user+p.Addr().String()))
				if login != "" { // as a configuration has it
					u := "smtps://" + relayName + "?proxy=" + scheme + "://jane%40" + p.Addr().String() + "&proxy_password_file=" + password
					wantSent(t, smtp.FromURL(u).TLSConfig(settings))
				}
				if got := p.asked.all(); len(got) == 0 || !strings.Contains(got[0], relayName+":465") {
					t.Errorf("the proxy was asked for %v", got)
				}
				// Through a proxy a certificate is verified as without one.
				if e := fault(t, smtp.Relay("other.test").TLSConfig(settings).Proxy(scheme+"://"+user+p.Addr().String())); e.Kind != client.TLSWrongName {
					t.Errorf("the certificate of another relay: %v", e)
				}
			})
		}
	}
}

// TestProxyOverTLS: an https proxy is verified by the roots of the transport, and the relay again inside of its TLS.
func TestProxyOverTLS(t *testing.T) {
	own := clientCertificate(t)
	key, ok := own.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		t.Fatal("another kind of key")
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	srv, base := secure(t, nil)
	settings := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	p := startProxyOver(t, srv.Addr(), httpProxy(""), func(nc net.Conn) net.Conn { return tls.Server(nc, settings) })
	base = base.ExtraRoots(encode(chain(t, srv)[1])).Proxy("https://" + p.Addr().String())
	wantSent(t, base.Clone().ExtraRoots(encode(certificate)))
	_, err = build(t, base).Send(t.Context(), mail(t, "b@example.org"))
	if _, ok := errors.AsType[*smtp.ProxyError](err); !ok || !errors.As(err, new(x509.UnknownAuthorityError)) {
		t.Errorf("a proxy of an unknown authority: %v", err)
	}
}

// TestProxyFails: what a proxy does wrong ends the attempt with an error that names the proxy and no password, and the
// mail is NotSent. A wait ends with its ctx.
func TestProxyFails(t *testing.T) {
	refuse := func(*proxyServer, net.Conn) error { return errWrong }
	say := func(text string) func(*proxyServer, net.Conn) error {
		return func(_ *proxyServer, nc net.Conn) error {
			_, _ = io.WriteString(nc, text)
			_, _ = io.Copy(io.Discard, nc)
			return errWrong
		}
	}
	readAndRefuse := func(_ *proxyServer, nc net.Conn) error { // octets that are not read would make its end a reset
		_, err := io.ReadFull(nc, make([]byte, len("\x05\x02\x00\x02")))
		return errors.Join(err, errWrong)
	}
	for name, tc := range map[string]struct {
		scheme string
		serve  func(*proxyServer, net.Conn) error
		want   string
	}{
		"refused by CONNECT":  {"http", httpProxy("u:hunter2"), "403 Forbidden"},
		"wrong password":      {"http", httpProxy("u:other"), "407 Proxy Authentication Required"},
		"not a proxy":         {"http", say("220 mx.example.org ESMTP\r\n\r\n"), "not an HTTP response"},
		"endless head":        {"http", say("HTTP/1.1 200 ok\r\n" + strings.Repeat("x", 20<<10)), "too long"},
		"ends at once":        {"http", refuse, "before it answered"},
		"refused by SOCKS":    {"socks5", socksProxy("u:hunter2"), "connection refused"},
		"wrong SOCKS login":   {"socks5", socksProxy("u:other"), "username/password authentication failed"},
		"SOCKS ends at once":  {"socks5", readAndRefuse, "EOF"},
		"no TLS to the proxy": {"https", say("HTTP/1.1 400 no\r\n\r\n"), "tls"},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, "", tc.serve)
			result, err := build(t, smtp.Relay("relay.test").Proxy(tc.scheme+"://u:hunter2@"+p.Addr().String())).Send(t.Context(), mail(t, "b@example.org"))
			failed, ok := errors.AsType[*smtp.ProxyError](err)
			if !ok || failed.Proxy != tc.scheme+"://"+p.Addr().String() || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v, want %s", err, tc.want)
			}
			if result.Recipients[0].Outcome != transport.NotSent {
				t.Errorf("%v", result.Recipients)
			}
		})
	}
	silent := startProxy(t, "", say(""))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := build(t, smtp.Relay("relay.test").Proxy("http://"+silent.Addr().String())).Send(ctx, mail(t, "b@example.org"))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a silent proxy: %v", err)
	}
}

// TestProxyHost: the name that is dialed is the one that DNS is asked for, as for relays.
func TestProxyHost(t *testing.T) {
	dialed := ""
	dial := func(_ context.Context, _, address string) (net.Conn, error) {
		dialed = address
		return nil, errors.New("not today")
	}
	_, err := build(t, smtp.Relay("relay.test").Dialer(dial).Proxy("http://Bücher.example:3128")).Send(t.Context(), mail(t, "b@example.org"))
	if failed, ok := errors.AsType[*smtp.ProxyError](err); !ok || dialed != "xn--bcher-kva.example:3128" || failed.Proxy != "http://"+dialed {
		t.Errorf("dialed %s: %v", dialed, err)
	}
}

// TestProxyRefuses: faults of the URL of a proxy, none of which shows its password.
func TestProxyRefuses(t *testing.T) {
	for _, text := range []string{
		"proxy.example.org:1080", "ftp://proxy.example.org", "socks5://", "socks5://u:hunter2@", "http://proxy.example.org/path", "http://proxy.example.org?x=hunter2",
		"socks5://u:hun%zzter2@proxy.example.org", "socks5://u@proxy.example.org", "socks5://:hunter2@proxy.example.org", "socks5://u:hunter2" + strings.Repeat("x", 255) + "@proxy.example.org",
	} {
		_, err := smtp.Relay("mx.example.org").Proxy(text).Build()
		if !slices.Equal(fields(err), []string{"Proxy"}) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "ter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := smtp.UnixSocket("/run/smtp").Proxy("socks5://proxy.example.org").Build(); !slices.Equal(fields(err), []string{"Proxy"}) {
		t.Error(err)
	}
	for _, address := range []string{"proxy.example.org:99999", "proxy.example.org:0", "proxy.example.org:65536", "bücher.example:99999"} {
		if _, err := smtp.Relay("mx.example.org").Proxy("socks5://" + address).Build(); !slices.Equal(fields(err), []string{"Proxy"}) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := smtp.Relay("mx.example.org").Proxy("").Build(); err != nil {
		t.Error(err)
	}
	for query, key := range map[string]string{
		"proxy=socks5://u:hunter2%40proxy.example.org": "proxy", "proxy=": "proxy", "proxy_password_file=/none": "proxy_password_file",
		"proxy=socks5://u%40proxy.example.org&proxy_password_file=/none/such": "proxy_password_file", "proxy=socks5://u%40proxy.example.org": "proxy",
	} {
		_, err := smtp.FromURL("smtps://mx.example.org?" + query).Build()
		if field, ok := errors.AsType[*smtp.FieldError](err); !ok || field.Value != key || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// TestMaxWait: a send waits for a free connection for as long as the pool says, and then fails as one that found the
// pool too busy.
func TestMaxWait(t *testing.T) {
	release := make(chan struct{})
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Hooks = []smtptest.Hook{smtptest.On(smtptest.Mail, smtptest.Wait(release).Then(smtptest.Default()))}
	srv.Start()
	sender := build(t, relay(srv).Pool(smtp.Pool{MaxOpen: 1, MaxWait: 2 * time.Second}))
	first := make(chan error, 1)
	go func() {
		_, err := sender.Send(t.Context(), mail(t, "b@example.org"))
		first <- err
	}()
	if err := srv.Wait(t.Context(), func() bool { s := srv.Sessions(); return len(s) == 1 && s[0].Count("MAIL") == 1 }); err != nil {
		t.Fatal(err)
	}
	result, err := sender.Send(t.Context(), mail(t, "b@example.org"))
	failed, _ := errors.AsType[*transport.SendError](err)
	if !errors.Is(err, smtp.ErrBusy) || !strings.HasSuffix(err.Error(), "waiting for one of 1 connections: there was none within Pool.MaxWait") || !failed.Temporary() || result.Recipients[0].Outcome != transport.NotSent {
		t.Errorf("%v", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Errorf("the mail that had a connection: %v", err)
	}
	if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
		t.Errorf("a connection is free again: %v", err)
	}
}
