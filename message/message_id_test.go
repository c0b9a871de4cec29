package message_test

import (
	"testing"

	"github.com/depeche-mail/depeche/message"
)

// TestMessageIDGiven tells an identifier that the caller chose from a random one, which differs each time
// the message is made.
func TestMessageIDGiven(t *testing.T) {
	base := message.New().From("a@example.org").To("b@example.org").Text("x")
	random, err := base.Clone().Build()
	if err != nil || random.MessageIDGiven() {
		t.Errorf("random: %v, %v", random.MessageIDGiven(), err)
	}
	chosen, err := base.Clone().MessageID("order-1@example.org").Build()
	if err != nil || !chosen.MessageIDGiven() {
		t.Errorf("chosen: %v, %v", chosen.MessageIDGiven(), err)
	}
}
