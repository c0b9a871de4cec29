package smtp

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/internal/keys"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
)

// ProxyURL is the URL of a proxy in a [Config], such as socks5://user@host:1080. A password in it is a fault, for
// ProxyPasswordFile names the file that holds it; a URL that has one prints with *** in its place, in JSON and YAML too.
type ProxyURL string

// String returns the URL without a password; *** for what is not the URL of a proxy, because it may be a password.
func (p ProxyURL) String() string {
	var read proxyServer
	if p == "" || p == masked {
		return string(p)
	}
	if read.read(string(p)) != nil {
		return masked
	}
	if read.password.IsZero() {
		return string(p)
	}
	user := authentication.MaskUser(read.user, read.password.Reveal())
	if user != masked {
		user = url.User(user).String()
	}
	return read.scheme + "://" + user + ":" + masked + "@" + read.address()
}

// Format writes what String returns, for every verb and flag.
func (p ProxyURL) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, p.String()) // fmt reports errors of its writer itself
}

// MarshalText returns what String returns.
func (p ProxyURL) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// PEM is a file in PEM form in a [Config], by its path; for TLSRoots the text itself may be there. A private key in it is a
// fault, and prints as ***, in JSON and YAML too.
type PEM string

// String returns the path or the text; *** for a text with a private key, and for other text that is not a path.
func (p PEM) String() string {
	if strings.Contains(string(p), "PRIVATE KEY") || strings.ContainsAny(string(p), "\r\n") && !strings.Contains(string(p), "-----BEGIN CERTIFICATE-----") {
		return masked
	}
	return string(p)
}

// Format writes what String returns, for every verb and flag.
func (p PEM) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, p.String()) // fmt reports errors of its writer itself
}

// MarshalText returns what String returns.
func (p PEM) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// keysOfPEM are those whose values a Config has as PEM.
var keysOfPEM = []string{"tls_roots", "tls_certificate", "tls_key"}

var (
	errWantPath = errors.New("want the path of a file")
	errWantCert = errors.New("want certificates alone: there is a private key, or something else")
)

// refuseSecret refuses a key of a URL whose value is or holds a secret: keys print.
func refuseSecret(k keys.Key) error {
	switch {
	case k.Name == proxyKey:
		return new(proxyServer).readText(k.Value)
	case !slices.Contains(keysOfPEM, k.Name) || PEM(k.Value).String() == k.Value:
		return nil
	case k.Name == "tls_roots":
		return errWantCert
	}
	return errWantPath
}

// shownKeys returns keys that may be shown. A Builder may have got roots together with a key.
func shownKeys(list keys.List) keys.List {
	list = slices.Clone(list)
	for i, k := range list {
		if slices.Contains(keysOfPEM, k.Name) {
			list[i].Value = PEM(k.Value).String()
		}
	}
	return list
}
