package queuetest

import "testing"

// TestLifeOfARun: a run ends at the mail that is due, and what was due at the end of one does not end the next.
func TestLifeOfARun(t *testing.T) {
	var c campaign
	first, end := c.begin(t.Context(), 2)
	defer end()
	c.life.Load().mail()
	if first.Err() != nil {
		t.Error("the first run ended before its second mail")
	}
	c.life.Load().mail()
	if first.Err() == nil {
		t.Error("the first run did not end at its second mail")
	}
	last, end := c.begin(t.Context(), 0)
	defer end()
	for range 3 {
		c.life.Load().mail()
	}
	if last.Err() != nil {
		t.Error("the last run ended")
	}
}
