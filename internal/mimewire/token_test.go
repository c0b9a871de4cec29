package mimewire

import (
	"encoding/base32"
	"math/rand/v2"
	"testing"
)

// TestToken: a token is base32 of its bits.
func TestToken(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	encoding := base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	for range 1000 {
		var bits [16]byte
		for i := range bits {
			bits[i] = byte(random.Uint32())
		}
		if got, want := string(AppendToken(nil, &bits)), encoding.EncodeToString(bits[:]); got != want {
			t.Fatalf("%x: %s, want %s", bits, got, want)
		}
	}
}
