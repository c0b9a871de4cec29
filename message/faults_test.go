package message_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
	"github.com/google/go-cmp/cmp"
)

// TestFaults: all faults of a Build are there, each with its field, and an address has a code for the form.
func TestFaults(t *testing.T) {
	_, err := message.New().From(" joe@example.org,").To("jane").Text("x").Build()
	var got []string
	for _, f := range message.Faults(fmt.Errorf("order 7: %w", err)) {
		code := ""
		if e, ok := errors.AsType[*envelope.ParseError](f); ok {
			code = string(e.Fault())
		}
		got = append(got, f.Field+" "+code)
	}
	if len(got) < 2 || !cmp.Equal(got[len(got)-1], "To no-at") {
		t.Errorf("%q of %v", got, err)
	}
	if list := message.Faults(nil); list != nil {
		t.Error(list)
	}
	if list := message.Faults(errors.New("x")); list != nil {
		t.Error(list)
	}
}
