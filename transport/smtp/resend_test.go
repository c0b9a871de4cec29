package smtp

import "testing"

// TestMayResend is the rule for mails that a connection has lost. It looks inside, because the rule is one
// function.
func TestMayResend(t *testing.T) {
	for name, tc := range map[string]struct {
		turn turn
		loss loss
		want bool
	}{
		"a new connection, and nothing was asked":    {turn{}, loss{stale: true}, false},
		"one that was used before":                   {turn{suspect: true}, loss{stale: true}, true},
		"one that was used, and the mail was judged": {turn{suspect: true}, loss{}, false},
		"asked":                                 {turn{}, loss{stale: true, asked: true}, true},
		"asked, and it was lost in vain before": {turn{}, loss{stale: true, asked: true, again: true}, false},
		"the same, over a connection that was of use":   {turn{alive: true}, loss{stale: true, asked: true, again: true}, true},
		"used before, and lost in vain before":          {turn{suspect: true}, loss{stale: true, again: true}, false},
		"others were answered":                          {turn{}, loss{others: true, asked: true}, true},
		"others were answered, and nothing was asked":   {turn{alive: true}, loss{others: true}, false},
		"others were answered, lost in vain before":     {turn{}, loss{others: true, asked: true, again: true}, false},
		"others were answered over one of use":          {turn{alive: true}, loss{others: true, asked: true, again: true}, true},
		"others were answered over one that is suspect": {turn{suspect: true}, loss{others: true}, false},
		"asked, and the mail was judged":                {turn{alive: true}, loss{asked: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := mayResend(tc.turn, tc.loss); got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
