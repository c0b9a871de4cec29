package transport_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/google/go-cmp/cmp"
)

// TestResultReadsBack: a job queue stores results as JSON and reads the same value, with every field, outcome and
// fault, and with addresses of every form.
func TestResultReadsBack(t *testing.T) {
	var want transport.Result
	for i, text := range []string{"joe@example.org", `"joe smith"@example.org`, "x@[192.0.2.1]", "jörg@example.org", "a@xn--bcher-kva.example"} {
		who, err := envelope.ParseAddress(text)
		if err != nil {
			t.Fatal(err)
		}
		want.Recipients = append(want.Recipients, transport.RecipientResult{
			Address: who, Outcome: transport.Outcome(i % 5), Fault: transport.Fault(i % 7), Relay: "mx:25", QueueID: "Q", Replayed: i == 1,
			Reply: transport.Reply{Code: 550, Enhanced: "5.1.1", Lines: []string{"no <such> user", "\"really\""}},
		})
	}
	want.MessageID, want.Key, want.QueueID, want.Relay = "<1@example.org>", "k", "4XyZ", "mx:25"
	want.Timing = transport.Timing{Wait: 1, Connect: time.Second, Envelope: 2, Body: 3, Final: 4}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got transport.Result
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b envelope.Address) bool { return a == b })); diff != "" {
		t.Errorf("%s (-want +got):\n%s", text, diff)
	}
}
