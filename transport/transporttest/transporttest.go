// Package transporttest is the conformance suite that every transport passes, ours and yours.
//
//	func TestConformance(t *testing.T) {
//		transporttest.Run(t, transporttest.Harness{
//			New:      func(t *testing.T) transport.Transport { return mytransport.New() },
//			Received: ...,
//		})
//	}
//
// Each case explains which promise it is about; the explanation is logged when the case fails.
package transporttest

import (
	"testing"

	"github.com/depeche-mail/depeche/transport"
)

// Harness is how the suite gets at the transport under test.
type Harness struct {
	// New returns a working transport. The suite closes it through [transport.Close].
	New func(t *testing.T) transport.Transport
	// Received returns what has arrived from the transport that New returned last, in any order.
	Received func(t *testing.T) []Received
	// Refusing, if the far end can say no, returns a transport whose far end refuses a recipient for
	// good and another for now, and takes all others; Received is about it from then on. Without it the
	// cases about refusals are not checked.
	Refusing func(t *testing.T, rejected, deferred string) transport.Transport
	// Losing, if the verdict can be lost, returns a transport that hands a message over completely and
	// never hears what became of it. Without it the case about that is not checked.
	Losing func(t *testing.T) transport.Transport
}

// Received is one message at the far end of a transport.
type Received struct {
	From string   // "" for the null path
	To   []string // in envelope order
	Data []byte   // the exact octets
}

// Case is one rule of the contract.
type Case struct {
	// Name is the name of the subtest.
	Name string
	// Explanation says which promise is broken when the case fails, and why users need it.
	Explanation string

	run func(t *testing.T, h Harness)
}

// lacks returns the field of the harness that a case needs and that is not there.
func (h Harness) lacks(c Case) string {
	switch c.Name {
	case refusedRecipients, allRefused:
		if h.Refusing == nil {
			return "Refusing"
		}
	case verdictLost:
		if h.Losing == nil {
			return "Losing"
		}
	}
	return ""
}

// The cases that not every far end can be made to show.
const (
	refusedRecipients = "refused recipients"
	allRefused        = "all refused"
	verdictLost       = "verdict lost"
)

// Run checks every rule of the contract against transports that h makes. What it can't check it logs.
func Run(t *testing.T, h Harness) {
	if h.New == nil || h.Received == nil {
		t.Fatal("transporttest: Harness.New and Harness.Received are needed")
	}
	for _, c := range Cases() {
		if lacks := h.lacks(c); lacks != "" {
			t.Logf("%s: NOT CHECKED, because Harness.%s is nil", c.Name, lacks)
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Cleanup(func() {
				if t.Failed() {
					t.Log("why this matters: " + c.Explanation)
				}
			})
			c.run(t, h)
		})
	}
}
