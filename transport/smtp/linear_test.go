package smtp_test

import (
	"errors"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp"
)

// TestBuilderIsLinear: a handle that was used before, the one that Build has spent, and a zero one are errors of Build.
func TestBuilderIsLinear(t *testing.T) {
	used := smtp.Relay("mx.example.org")
	_ = used.Port(2465)
	spent := smtp.Relay("mx.example.org")
	build(t, spent)
	for name, b := range map[string]smtp.Builder{"used": used, "used in a step": used.HelloName("a.example"), "spent": spent, "zero": {}} {
		if _, err := b.Build(); !errors.Is(err, smtp.ErrStale) {
			t.Errorf("%s: %v", name, err)
		}
	}
	fork := smtp.Relay("mx.example.org")
	build(t, fork.Clone())
	build(t, fork)
}
