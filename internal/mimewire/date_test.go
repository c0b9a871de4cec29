package mimewire

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestAppendDate(t *testing.T) {
	for _, date := range []time.Time{
		time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(1900, 1, 1, 0, 0, 0, 0, time.FixedZone("", -34*60)), time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", 14*3600)),
		time.Date(2026, 7, 31, 12, 0, 0, 0, time.FixedZone("", -(9*3600+30*60))), time.Date(2026, 2, 28, 1, 2, 3, 4, time.FixedZone("", 5*3600+45*60)),
	} {
		if got, want := string(AppendDate(nil, date)), date.Format(DateLayout); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestRandomDates: the general formatter writes the same.
func TestRandomDates(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const from, to = -2208988800, 253402300800 // the beginning of 1900, and of 10000
	for range 20_000 {
		zone := time.FixedZone("", 60*(random.IntN(2*24*60-1)-24*60+1))
		date := time.Unix(from+86400+random.Int64N(to-from-2*86400), random.Int64N(1e9))
		for _, date := range []time.Time{date.In(zone), date.UTC()} {
			if got, want := string(AppendDate(nil, date)), date.Format(DateLayout); got != want {
				t.Fatalf("%s, want %s", got, want)
			}
		}
	}
}

// TestDateMemo: what is remembered is the date that is asked for, in its zone.
func TestDateMemo(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var memo DateMemo
	for range 5000 {
		date := time.Unix(random.Int64N(3)*random.Int64N(2), random.Int64N(1e9)).In(time.FixedZone("", 3600*random.IntN(2)))
		if got, want := string(memo.Append(nil, date)), date.Format(DateLayout); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
}
