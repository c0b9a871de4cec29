package queue

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// head is what is kept of a mail besides its octets.
type head struct {
	Envelope    envelope.Envelope `json:"envelope"`
	Fingerprint string            `json:"fingerprint,omitempty"`
}

// TooLargeError says that a mail is larger than the queue takes.
type TooLargeError struct{ Max int64 }

// Error names the limit.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the mail has more than %d octets, the most that the queue takes (Config.MaxBytes)", e.Max)
}

// limitWriter collects up to a number of octets.
type limitWriter struct {
	buf bytes.Buffer
	max int64
}

func (w *limitWriter) Write(p []byte) (int, error) {
	if int64(w.buf.Len())+int64(len(p)) > w.max {
		return 0, &TooLargeError{Max: w.max}
	}
	return w.buf.Write(p)
}

// encode is the length of the head, the head, and the octets of the mail.
func encode(mail transport.Mail, limit int64) ([]byte, error) {
	text, err := json.Marshal(head{Envelope: mail.Envelope(), Fingerprint: transport.FingerprintOf(mail)})
	if err != nil {
		return nil, err
	}
	w := limitWriter{max: limit}
	if _, err := transport.WithoutEnding(mail).WriteTo(&w); err != nil {
		return nil, err
	}
	payload := binary.AppendUvarint(nil, uint64(len(text)))
	return append(append(payload, text...), w.buf.Bytes()...), nil
}

var errPayload = errors.New("the mail in the queue is not in the form of this package")

// decode reads what encode wrote.
func decode(payload []byte) (transport.Mail, error) {
	n, used := binary.Uvarint(payload)
	if used <= 0 || n > uint64(len(payload)-used) {
		return nil, errPayload
	}
	var h head
	if err := json.Unmarshal(payload[used:used+int(n)], &h); err != nil {
		return nil, fmt.Errorf("%w: %w", errPayload, err)
	}
	return transport.WithFingerprint(transport.Raw(h.Envelope, payload[used+int(n):]), h.Fingerprint), nil
}

// sealer seals payloads; without keys it leaves them as they are.
type sealer struct{ keys []cipher.AEAD }

// The first octet of a payload.
const (
	plainPayload  = 'p'
	sealedPayload = 's'
)

func newSealer(secrets [][]byte) (sealer, error) {
	var s sealer
	for i, secret := range secrets {
		const size = 32
		if len(secret) != size {
			return s, &envelope.FieldError{
				Field: "Secrets", Index: i, Value: strconv.Itoa(len(secret)) + " octets", Err: errors.New("want 32 octets"),
			}
		}
		block, err := aes.NewCipher(secret)
		if err != nil {
			return s, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return s, err
		}
		s.keys = append(s.keys, aead)
	}
	return s, nil
}

// seal binds the payload to its key, so that the mail of one job cannot be put in the place of another's.
func (s sealer) seal(plain []byte, key string) ([]byte, error) {
	if len(s.keys) == 0 {
		return append([]byte{plainPayload}, plain...), nil
	}
	aead := s.keys[0]
	out := make([]byte, 1+aead.NonceSize(), 1+aead.NonceSize()+len(plain)+aead.Overhead())
	out[0] = sealedPayload
	if _, err := io.ReadFull(rand.Reader, out[1:]); err != nil {
		return nil, err
	}
	return aead.Seal(out, out[1:], plain, []byte(key)), nil
}

var errSealed = errors.New("the mail in the queue is sealed with another secret, or was changed")

func (s sealer) open(payload []byte, key string) ([]byte, error) {
	switch {
	case len(payload) > 0 && payload[0] == plainPayload && len(s.keys) == 0:
		return payload[1:], nil
	case len(payload) == 0 || payload[0] != sealedPayload:
		return nil, errPayload // also a plain one in a queue that seals: it may have been put there
	}
	for _, aead := range s.keys {
		if n := 1 + aead.NonceSize(); len(payload) >= n {
			if plain, err := aead.Open(nil, payload[1:n], payload[n:], []byte(key)); err == nil {
				return plain, nil
			}
		}
	}
	return nil, errSealed
}
