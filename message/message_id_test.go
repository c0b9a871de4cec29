package message_test

import (
	"strings"
	"sync"
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

// TestMessageIDsDiffer: no two messages have the same random identifier or boundary, however many goroutines make them.
func TestMessageIDsDiffer(t *testing.T) {
	const goroutines, each = 8, 500
	ids := make(chan string, 2*goroutines*each)
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for range each {
				m, err := message.New().From("a@example.org").To("b@example.org").Text("x").HTML("x").Build()
				if err != nil {
					t.Error(err)
					return
				}
				octets, err := m.Bytes()
				if err != nil {
					t.Error(err)
				}
				_, boundary, _ := strings.Cut(string(octets), `boundary="`)
				boundary, _, _ = strings.Cut(boundary, `"`)
				ids <- m.MessageID()
				ids <- boundary
			}
		})
	}
	all.Wait()
	close(ids)
	seen := map[string]bool{}
	for id := range ids {
		if seen[id] {
			t.Fatalf("%q twice", id)
		}
		seen[id] = true
	}
}
