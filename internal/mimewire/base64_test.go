package mimewire

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// TestBase64: lines of 76, no empty one, and the size that was said, by slice and by stream.
func TestBase64(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 2, 3, 56, 57, 58, 59, 113, 114, 115, 116, blockLines * lineOctets, blockLines*lineOctets + 1, blockLines*lineOctets + 57, 100_000} {
		octets := make([]byte, n)
		for i := range octets {
			octets[i] = byte(random.Uint32())
		}
		got := AppendBase64(nil, octets)
		if int64(len(got)) != Base64Size(int64(n)) {
			t.Errorf("%d octets: %d characters, said %d", n, len(got), Base64Size(int64(n)))
		}
		for line := range strings.SplitSeq(string(got), "\r\n") {
			if len(line) > 76 || line == "" && n > 0 {
				t.Errorf("%d octets: a line of %d", n, len(line))
			}
		}
		if back, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(string(got), "\r\n", "")); err != nil || !bytes.Equal(back, octets) {
			t.Errorf("%d octets: %v", n, err)
		}
		var stream bytes.Buffer
		read, err := new(Base64Buffers).WriteBase64(&stream, iotest.HalfReader(bytes.NewReader(octets)))
		if err != nil || read != int64(n) || !bytes.Equal(stream.Bytes(), got) {
			t.Errorf("%d octets by stream: %d read, %v", n, read, err)
		}
	}
}
