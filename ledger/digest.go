package ledger

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/depeche-mail/depeche/envelope"
)

// Digest tells two mails with the same key apart.
type Digest [sha256.Size]byte

// NewDigest covers the sender, the recipient and a fingerprint of the caller's, such as the name of a
// template and its data; "" is a fingerprint too. It does not cover the content: Date, boundaries and a
// random Message-ID differ each time a program makes the same mail.
func NewDigest(sender, recipient envelope.Address, fingerprint string) Digest {
	var text []byte
	for _, s := range []string{sender.String(), recipient.String(), fingerprint} {
		text = binary.AppendUvarint(text, uint64(len(s)))
		text = append(text, s...)
	}
	return sha256.Sum256(text)
}
