package outcome_test

import (
	"encoding/json"
	"testing"

	"github.com/depeche-mail/depeche/transport/outcome"
)

// TestWordsReadBack: what is stored as JSON by one process reads back as the same value in another, and a word
// that is not in the list is an error.
func TestWordsReadBack(t *testing.T) {
	type words struct {
		Outcome outcome.Outcome
		Fault   outcome.Fault
	}
	for o := range outcome.Unknown + 1 {
		for f := range outcome.FaultPolicy + 1 {
			want := words{o, f}
			text, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			var got words
			if err := json.Unmarshal(text, &got); err != nil || got != want {
				t.Errorf("%s reads back as %v, %v", text, got, err)
			}
		}
	}
	for _, text := range []string{`{"Outcome":"sent"}`, `{"Fault":"user"}`, `{"Outcome":"outcome 9"}`, `{"Fault":"fault 9"}`} {
		if err := json.Unmarshal([]byte(text), new(words)); err == nil {
			t.Errorf("%s reads without an error", text)
		}
	}
}

func TestStringOutOfRange(t *testing.T) {
	if got := outcome.Outcome(9).String() + ", " + outcome.Fault(9).String(); got != "outcome 9, fault 9" {
		t.Error(got)
	}
}
