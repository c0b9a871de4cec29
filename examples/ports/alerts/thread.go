package alerts

import (
	"crypto/sha256"
	"encoding/hex"
)

// threadID is the Message-ID of a mail that was never sent, to which all mails of a group refer.
func threadID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "<" + hex.EncodeToString(sum[:16]) + "@alerts.invalid>"
}
