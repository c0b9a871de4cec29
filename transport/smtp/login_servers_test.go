package smtp_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync/atomic"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/emersion/go-sasl"
)

var errWrong = errors.New("wrong user or password")

// scramOracle is a server for SCRAM that shares no code with the client. It wants the GS2 flag that the
// client has to use (RFC 5802 section 6), which depends on the connection.
type scramOracle struct {
	hash func() hash.Hash
	plus bool // the mechanism's name ends so
	// bound says that the server offers channel binding by some mechanism.
	bound bool
	leaf  *atomic.Pointer[[]byte] // the server's certificate, for tls-server-end-point
}

// run is the mechanism.
func (o scramOracle) run(x *smtptest.SASL) (string, error) {
	first, err := x.First()
	if err != nil {
		return "", err
	}
	flag, binding, err := o.binding(x.TLS())
	if err != nil {
		return "", err
	}
	bare, ok := strings.CutPrefix(string(first), flag+",,")
	user, nonce, _ := strings.Cut(bare, ",r=")
	password, known := x.Password(strings.TrimPrefix(user, "n="))
	if !ok || !known {
		return "", fmt.Errorf("%w: %q, want the flag %q", errWrong, first, flag)
	}
	salt, nonce := []byte(rand.Text()), nonce+rand.Text()
	challenge := "r=" + nonce + ",s=" + base64.StdEncoding.EncodeToString(salt) + ",i=4096"
	answer, err := x.Challenge([]byte(challenge))
	if err != nil {
		return "", err
	}
	unproved, proof, _ := strings.Cut(string(answer), ",p=")
	if want := "c=" + base64.StdEncoding.EncodeToString(append([]byte(flag+",,"), binding...)) + ",r=" + nonce; unproved != want {
		return "", fmt.Errorf("%w: %q, want %q", errWrong, unproved, want)
	}
	salted, err := pbkdf2.Key(o.hash, password, salt, 4096, o.hash().Size())
	if err != nil {
		return "", err
	}
	said := bare + "," + challenge + "," + unproved
	key := o.mac(salted, "Client Key")
	stored := o.hash()
	stored.Write(key)
	subtle.XORBytes(key, key, o.mac(stored.Sum(nil), said))
	if proof != base64.StdEncoding.EncodeToString(key) {
		return "", errWrong
	}
	_, err = x.Challenge([]byte("v=" + base64.StdEncoding.EncodeToString(o.mac(o.mac(salted, "Server Key"), said))))
	return smtptest.User, err
}

func (o scramOracle) mac(key []byte, text string) []byte {
	h := hmac.New(o.hash, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// binding returns the GS2 flag and the data that a client has to use.
func (o scramOracle) binding(state *tls.ConnectionState) (flag string, data []byte, err error) {
	switch {
	case o.plus && state.Version == tls.VersionTLS13:
		data, err = state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32) // RFC 9266 section 2
		return "p=tls-exporter", data, err
	case o.plus:
		sum := sha256.Sum256(*o.leaf.Load()) // the hash of the certificate's signature, RFC 5929 section 4.1
		return "p=tls-server-end-point", sum[:], nil
	case state != nil && !o.bound:
		return "y", nil, nil
	}
	return "n", nil, nil
}

// cramMD5 is the server of RFC 2195.
func cramMD5(x *smtptest.SASL) (string, error) {
	challenge := "<" + rand.Text() + "@mx.example.org>"
	answer, err := x.Challenge([]byte(challenge))
	if err != nil {
		return "", err
	}
	user, got, _ := strings.Cut(string(answer), " ")
	password, known := x.Password(user)
	h := hmac.New(md5.New, []byte(password))
	h.Write([]byte(challenge))
	if !known || got != hex.EncodeToString(h.Sum(nil)) {
		return "", errWrong
	}
	return user, nil
}

// saslServer runs a server of go-sasl.
func saslServer(start func(x *smtptest.SASL) sasl.Server) smtptest.Mechanism {
	return func(x *smtptest.SASL) (string, error) {
		server := start(x)
		response, given, err := x.Initial()
		if given && response == nil {
			response = []byte{} // to go-sasl nil means that there is no response
		}
		for err == nil {
			var challenge []byte
			var done bool
			challenge, done, err = server.Next(response)
			if done || err != nil {
				break
			}
			response, err = x.Challenge(challenge)
		}
		return smtptest.User, err
	}
}

// saslServers are the servers that go-sasl has.
func saslServers() map[string]smtptest.Mechanism {
	check := func(x *smtptest.SASL, user, secret string) error {
		if want, ok := x.Password(user); !ok || want != secret {
			return errWrong
		}
		return nil
	}
	return map[string]smtptest.Mechanism{
		"PLAIN": saslServer(func(x *smtptest.SASL) sasl.Server {
			return sasl.NewPlainServer(func(identity, user, secret string) error {
				if identity != "" && identity != "boss" {
					return errWrong
				}
				return check(x, user, secret)
			})
		}),
		"OAUTHBEARER": saslServer(func(x *smtptest.SASL) sasl.Server {
			return sasl.NewOAuthBearerServer(func(o sasl.OAuthBearerOptions) *sasl.OAuthBearerError {
				if check(x, o.Username, o.Token) != nil || o.Host == "" || o.Port == 0 {
					return &sasl.OAuthBearerError{Status: "invalid_token", Schemes: "bearer"}
				}
				return nil
			})
		}),
		"EXTERNAL": saslServer(func(x *smtptest.SASL) sasl.Server {
			return sasl.NewExternalServer(func(identity string) error {
				if x.TLS() == nil || len(x.TLS().PeerCertificates) == 0 || identity != "" && identity != "boss" {
					return errWrong
				}
				return nil
			})
		}),
		"ANONYMOUS": saslServer(func(*smtptest.SASL) sasl.Server {
			return sasl.NewAnonymousServer(func(trace string) error {
				if trace != "me@example.org" {
					return errWrong
				}
				return nil
			})
		}),
	}
}

// everyMechanism are the servers of all mechanisms, those of go-sasl where it has them.
func everyMechanism(leaf *atomic.Pointer[[]byte]) map[string]smtptest.Mechanism {
	all := saslServers()
	all["LOGIN"] = smtptest.Prompts("User Name\x00", "")
	all["CRAM-MD5"] = cramMD5
	all["XOAUTH2"] = smtptest.XOAuth2
	for name, hash := range map[string]func() hash.Hash{"SHA-1": sha1.New, "SHA-256": sha256.New, "SHA-512": sha512.New} {
		all["SCRAM-"+name] = scramOracle{hash: hash}.run
		all["SCRAM-"+name+"-PLUS"] = scramOracle{hash: hash, plus: true, leaf: leaf}.run
	}
	return all
}
