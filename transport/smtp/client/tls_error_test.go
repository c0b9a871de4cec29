package client_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/google/go-cmp/cmp"
)

// TestTLSErrorText: what is wrong, then what to do; and what a stranger wrote in a certificate can
// neither fill a log nor break its lines.
func TestTLSErrorText(t *testing.T) {
	many := make([]string, 50)
	for i := range many {
		many[i] = strings.Repeat("x", 1000)
	}
	for name, tc := range map[string]struct {
		err  *client.TLSError
		want string
		most int
	}{
		"names": {
			err: &client.TLSError{Kind: client.TLSWrongName, ServerName: "mx.example.org", Certificate: &x509.Certificate{
				DNSNames: []string{"a.example", "b.example"}, IPAddresses: []net.IP{net.IPv4(192, 0, 2, 1)},
			}},
			want: `TLS: certificate for another name: want "mx.example.org", it has "a.example", "b.example", "192.0.2.1"; use one of these`,
		},
		"many long names": {
			err:  &client.TLSError{Kind: client.TLSWrongName, Certificate: &x509.Certificate{DNSNames: many}},
			want: "42 more", most: 1200,
		},
		"line ends in an issuer": {
			err:  &client.TLSError{Kind: client.TLSUnknownAuthority, Certificate: &x509.Certificate{Issuer: pkix.Name{CommonName: "x\r\nS: 235 ok"}}},
			want: `issued by "CN=x\r\nS: 235 ok"`,
		},
		"a cause":         {err: &client.TLSError{Err: io.EOF}, want: "TLS: handshake failed: EOF; the server may"},
		"an unknown kind": {err: &client.TLSError{Kind: 99, Err: io.EOF}, want: "TLS: TLSKind(99): EOF; see the cause"},
	} {
		t.Run(name, func(t *testing.T) {
			got := tc.err.Error()
			if !strings.Contains(got, tc.want) || strings.ContainsAny(got, "\r\n") || tc.most > 0 && len(got) > tc.most {
				t.Errorf("%d octets: %s\nwant %s", len(got), got, tc.want)
			}
		})
	}
}

// TestTemporaryTLS: only a lost connection may pass by itself.
func TestTemporaryTLS(t *testing.T) {
	for kind := client.TLSFailed; kind <= client.TLSInterrupted; kind++ {
		err := &client.Error{Phase: client.PhaseTLS, Err: errors.Join(&client.TLSError{Kind: kind, Err: io.EOF})}
		if got, want := err.Temporary(), kind == client.TLSInterrupted; got != want {
			t.Errorf("%v: temporary %v", kind, got)
		}
	}
}

func TestParsePin(t *testing.T) {
	want := client.PinOf(&x509.Certificate{RawSubjectPublicKeyInfo: []byte("key")})
	const digits = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683"
	const base64 = "LHDhK3oGRvkiefQnx7OOczTY5Tic/xZ6HcMOc/gmtoM="
	for _, text := range []string{digits, strings.ToUpper(digits), "2c:70" + digits[4:], base64, "sha256/" + base64, want.String()} {
		got, err := client.ParsePin(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", text, err, diff)
		}
	}
	for _, text := range []string{"", "sha256/", digits[2:], digits + "00", base64[:40], "sha1/" + base64, strings.Repeat("z", 64)} {
		if got, err := client.ParsePin(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestTLSPage: the page about TLS has a row for each kind.
func TestTLSPage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/tls.md")
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "tls_error.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	kinds := 0
	for _, decl := range file.Decls {
		constants, ok := decl.(*ast.GenDecl)
		if !ok || constants.Tok != token.CONST {
			continue
		}
		for _, spec := range constants.Specs {
			name := spec.(*ast.ValueSpec).Names[0].Name
			if !ast.IsExported(name) {
				continue
			}
			kinds++
			if !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("%s has no row", name)
			}
		}
	}
	if want := int(client.TLSInterrupted) + 1; kinds != want {
		t.Errorf("found %d kinds, want %d", kinds, want)
	}
}
