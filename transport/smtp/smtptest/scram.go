package smtptest

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
)

// Scram is what a server with SCRAM-SHA-256 (RFC 7677) says. The zero value is honest; each field is a
// lie that a client must see through. ScramSHA256 and ScramSHA256Plus are the honest mechanisms.
type Scram struct {
	Plus bool // bind to the channel by tls-exporter, RFC 9266

	Iterations int // default 4096
	// ServerFirst, if set, makes the first message from the nonce of the client.
	ServerFirst func(nonce string) string
	// Final replaces the message with the server's signature; "-" goes without one, to the 235 at once.
	Final string
}

// ScramSHA256 is SCRAM-SHA-256.
func ScramSHA256(x *SASL) (string, error) { return Scram{}.Run(x) }

// ScramSHA256Plus is SCRAM-SHA-256-PLUS.
func ScramSHA256Plus(x *SASL) (string, error) { return Scram{Plus: true}.Run(x) }

var errScram error = &ReplyError{Reply: "535 5.7.8 malformed SCRAM message"}

// Run is the mechanism.
func (m Scram) Run(x *SASL) (string, error) {
	response, err := x.First()
	if err != nil {
		return "", err
	}
	parts := strings.SplitN(string(response), ",", 3)
	if len(parts) != 3 {
		return "", errScram
	}
	header, bare := parts[0]+","+parts[1]+",", parts[2]
	if m.Plus != strings.HasPrefix(header, "p=tls-exporter,") {
		return "", errScram
	}
	user := strings.NewReplacer("=2C", ",", "=3D", "=").Replace(attribute(bare, "n"))
	password, known := x.Password(user)

	iterations := m.Iterations
	if iterations == 0 {
		iterations = 4096
	}
	salt := []byte(rand.Text())
	nonce := attribute(bare, "r") + rand.Text()
	first := fmt.Sprintf("r=%s,s=%s,i=%d", nonce, base64.StdEncoding.EncodeToString(salt), iterations)
	if m.ServerFirst != nil {
		first = m.ServerFirst(attribute(bare, "r"))
	}
	response, err = x.Challenge([]byte(first))
	if err != nil {
		return "", err
	}
	unproved, proof, _ := strings.Cut(string(response), ",p=")
	binding, err := m.binding(x, header)
	if err != nil {
		return "", err
	}
	if attribute(unproved, "c") != binding || attribute(unproved, "r") != nonce {
		return "", errScram
	}
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", err
	}
	message := bare + "," + first + "," + unproved
	if !known || !proves(salted, message, proof) {
		_, _ = x.Challenge([]byte("e=invalid-proof"))
		return "", errCredentials
	}
	final := m.Final
	if final == "" {
		final = "v=" + base64.StdEncoding.EncodeToString(mac(mac(salted, "Server Key"), message))
	}
	if final != "-" {
		_, err = x.Challenge([]byte(final))
	}
	return user, err
}

// binding is what the client must send as c=, in base64.
func (m Scram) binding(x *SASL, header string) (string, error) {
	data := []byte(header)
	if state := x.TLS(); m.Plus {
		if state == nil {
			return "", errScram
		}
		key, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
		if err != nil {
			return "", err
		}
		data = append(data, key...)
	}
	return base64.StdEncoding.EncodeToString(data), nil
}

// proves checks a client's proof, RFC 5802 section 3.
func proves(salted []byte, message, proof string) bool {
	got, err := base64.StdEncoding.DecodeString(proof)
	key := mac(salted, "Client Key")
	stored := sha256.Sum256(key)
	want := make([]byte, sha256.Size)
	subtle.XORBytes(want, key, mac(stored[:], message))
	return err == nil && hmac.Equal(got, want)
}

func mac(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}

// attribute returns the value of an attribute of a SCRAM message.
func attribute(message, name string) string {
	for field := range strings.SplitSeq(message, ",") {
		if value, ok := strings.CutPrefix(field, name+"="); ok {
			return value
		}
	}
	return ""
}
