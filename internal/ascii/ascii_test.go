package ascii_test

import (
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/internal/ascii"
)

// TestOnly puts an octet above 127 at each place of texts of each length.
func TestOnly(t *testing.T) {
	for length := range 20 {
		text := strings.Repeat("\x7f", length)
		if !ascii.Only(text) || !ascii.Only([]byte(text)) {
			t.Errorf("%d octets of ASCII: false", length)
		}
		for at := range length {
			odd := text[:at] + "\x80" + text[at+1:]
			if ascii.Only(odd) || ascii.Only([]byte(odd)) {
				t.Errorf("%d octets with one above 127 at %d: true", length, at)
			}
		}
	}
}
