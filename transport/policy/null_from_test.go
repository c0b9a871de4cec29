package policy_test

import (
	"testing"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
)

// TestNullFrom: every mail goes out from the null path.
func TestNullFrom(t *testing.T) {
	relay := stub.New()
	sender, err := policy.Overrides{Next: relay, NullFrom: true}.Build()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sender.Send(t.Context(), transport.Raw(env(t, "b@example.org"), []byte("Subject: x\r\n\r\nx\r\n"))); err != nil {
		t.Fatal(err)
	}
	if from := relay.Messages()[0].Envelope.From(); !from.IsNull() {
		t.Errorf("from %s", from)
	}
}
