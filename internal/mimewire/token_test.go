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

// TestEntropy: nothing is used twice, and nothing in another second than that in which it was asked for.
func TestEntropy(t *testing.T) {
	var e Entropy
	seen := map[[16]byte]bool{}
	for i := range 1000 {
		var bits [16]byte
		if n, err := e.At(int64(i / 50)).Read(bits[:]); n != len(bits) || err != nil || seen[bits] {
			t.Fatalf("%d: %x, seen: %v, %v", i, bits, seen[bits], err)
		}
		seen[bits] = true
	}
	var first, other, saved Entropy
	var a, b [16]byte
	_, _ = first.At(1).Read(a[:])
	_, _ = other.At(1).Read(b[:])
	if a == b {
		t.Error("two have the same bits")
	}
	_, _ = first.At(1).Read(a[:]) // it never fails
	saved = Entropy{generator: new(rand.ChaCha8), second: 1}
	*saved.generator = *first.generator
	_, _ = first.At(2).Read(a[:])
	_, _ = saved.At(2).Read(b[:])
	if a == b {
		t.Error("two machines that were one have the same bits in the next second")
	}
}
