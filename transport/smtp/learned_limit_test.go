package smtp

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestLearnedLimit: three connections in a row that end after the same number of mails, and none that went
// further, show a limit. It looks inside, because the clock that it needs stands still on real connections.
func TestLearnedLimit(t *testing.T) {
	type end struct {
		after  int
		silent bool
	}
	for name, tc := range map[string]struct {
		ends    []end
		reached int // before the last of them
		want    int
	}{
		"twice is no proof":            {[]end{{2, false}, {2, false}}, 0, 0},
		"three times":                  {[]end{{2, false}, {2, false}, {2, false}}, 0, 2},
		"without a word":               {[]end{{1, true}, {1, true}, {1, true}}, 0, 1},
		"in both ways":                 {[]end{{5, true}, {5, false}, {5, true}}, 0, 5},
		"not in a row":                 {[]end{{2, false}, {3, false}, {2, false}, {2, false}}, 0, 0},
		"one went further":             {[]end{{2, false}, {2, false}, {2, false}}, 3, 0},
		"one came as far":              {[]end{{2, false}, {2, false}, {2, false}}, 2, 2},
		"it falls":                     {[]end{{5, false}, {5, false}, {5, false}, {2, true}, {2, true}, {2, true}}, 0, 2},
		"before the first mail":        {[]end{{0, true}, {0, true}, {0, true}}, 0, 0},
		"it does not rise while it is": {[]end{{2, false}, {2, false}, {2, false}, {4, false}, {4, false}, {4, false}}, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var s learnedLimit
			for i, e := range tc.ends {
				if i == len(tc.ends)-1 && tc.reached > 0 {
					s.reached(tc.reached)
				}
				s.ended(e.after, e.silent)
			}
			if got := s.current(); got != tc.want {
				t.Errorf("limit %d, want %d", got, tc.want)
			}
		})
	}
}

// TestLearnedLimitIsForgotten: a relay that was restarted some times must not be taken for one with a limit
// for ever. After a limit that was learned from silence the next mail is sent with care, and one more end
// proves it anew.
func TestLearnedLimitIsForgotten(t *testing.T) {
	for _, silent := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var s learnedLimit
			for range limitProven {
				s.ended(7, silent)
			}
			if s.current() != 7 || s.careAfter() != 0 {
				t.Errorf("limit %d, care after %d", s.current(), s.careAfter())
			}
			time.Sleep(limitKept) // of the bubble
			if s.current() != 0 || (s.careAfter() == 7) != silent {
				t.Errorf("limit %d, care after %d", s.current(), s.careAfter())
			}
			s.ended(7, silent)
			if s.current() != 7 {
				t.Error("one more was no proof")
			}
			time.Sleep(limitKept) // of the bubble
			s.careAfter()
			s.reached(8)
			if s.current() != 0 || s.careAfter() != 0 {
				t.Error("it was not disproved")
			}
		})
	}
}
