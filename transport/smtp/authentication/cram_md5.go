package authentication

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // the mechanism is defined so; as an HMAC it still keeps the password
	"encoding/hex"
)

// cramMD5 is the mechanism CRAM-MD5 (RFC 2195).
type cramMD5 struct {
	id   *identity
	sent bool
}

func newCramMD5(id *identity, _ Session) Mechanism { return &cramMD5{id: id} }

func (*cramMD5) Name() string           { return "CRAM-MD5" }
func (*cramMD5) Plaintext() bool        { return false }
func (c *cramMD5) Done() bool           { return c.sent }
func (*cramMD5) Start() ([]byte, error) { return nil, nil }

func (c *cramMD5) Next(challenge []byte) ([]byte, error) {
	if c.sent {
		return nil, unexpected(c.Name())
	}
	if len(challenge) == 0 { // an answer to it could be replayed
		return nil, malformed(c.Name(), "an empty challenge")
	}
	c.sent = true
	h := hmac.New(md5.New, []byte(c.id.secret()))
	h.Write(challenge)
	return []byte(c.id.user + " " + hex.EncodeToString(h.Sum(nil))), nil
}
