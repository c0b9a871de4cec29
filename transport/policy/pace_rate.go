package policy

import (
	"time"
)

// rateFinder finds the rate at which a relay takes mail, by additive increase and multiplicative decrease. It knows
// nothing of mails; times are given to it.
type rateFinder struct {
	rate     float64 // mails a second
	max      float64 // the rate never exceeds it; 0 for any
	starting bool    // no mail was refused yet: the rate doubles from second to second
	scale    float64 // what the rate was lately: it grows in proportion to that

	epoch  time.Time // of the last decrease: refusals of mails that left before say nothing new
	until  time.Time // no mail leaves before: the relay asked for it, or refuses everything
	streak int       // refusals since the last accepted mail, each of a mail that left after the one before
	stuck  time.Time // when the streak began

	calm   int         // mails accepted since epoch
	second []time.Time // when mails were accepted, in the last second
	begun  time.Time   // since when taken counts
	taken  int         // mails accepted
}

// The figures were found by simulation, see TestPaceRate: one mail in 60 to 500 is refused. Who sends more is refused more
// often, and grows by the same, so that several senders come to share.
const (
	decrease     = 0.95   // what a refusal leaves of the rate
	growth       = 0.0007 // of the square of the scale, in a second, but at most
	fastest      = 0.012  // of the scale
	memory       = 16.0   // refusals over which the scale follows the rate
	patience     = 10.0   // seconds, and
	patientMails = 150.0  // mails without a refusal after which the rate grows twice as fast, and then more,
	impatience   = 50.0   // up to so many times
	lowestRate   = 1.0 / 600
	averagedOver = 20 * time.Second    // what the relay took, after
	drought      = 3 * time.Second / 2 // in which it took nothing
	firstPause   = time.Second         // before the third mail of a streak, doubled with each
	longestPause = time.Minute
)

// accepted notes that a mail was taken. limited says that it had to wait for the rate: only then does it show that the
// relay may take more.
func (f *rateFinder) accepted(now time.Time, limited bool) {
	f.count(now, limited)
	if f.streak > 1 && now.Sub(f.stuck) > drought { // the relay counts minutes or hours
		if span := now.Sub(f.begun).Seconds(); span > 0 {
			f.rate = max(min(f.rate, decrease*float64(f.taken)/span), lowestRate)
			f.scale = f.rate
		}
		f.begun, f.taken = now, 0
	}
	f.streak = 0
	f.calm++
	switch quiet := min(now.Sub(f.epoch).Seconds()/patience, float64(f.calm)/patientMails); {
	case !limited:
	case f.starting:
		f.rate++
	default:
		f.rate += min(growth*f.scale, fastest) * f.scale / f.rate * (1 + min(quiet*quiet, impatience))
	}
	if f.max > 0 {
		f.rate = min(f.rate, f.max)
	}
}

// count keeps what the relay took in the last second and on average.
func (f *rateFinder) count(now time.Time, limited bool) {
	f.second = append(f.lastSecond(now), now)
	switch span := now.Sub(f.begun); {
	case f.begun.IsZero() || !limited && f.streak == 0:
		f.begun, f.taken = now, 0
	case span > averagedOver && f.streak == 0:
		f.begun, f.taken = now.Add(-span/2), f.taken/2
	}
	f.taken++
}

func (f *rateFinder) lastSecond(now time.Time) []time.Time {
	old := 0
	for old < len(f.second) && now.Sub(f.second[old]) >= time.Second {
		old++
	}
	return f.second[old:]
}

// refused notes that the relay did not take a mail that left at a time, and reports whether that slowed the lane. wait
// is what the relay asks for, 0 for nothing.
func (f *rateFinder) refused(left, now time.Time, wait time.Duration) bool {
	if wait > 0 {
		f.pause(now.Add(wait))
	}
	if left.Before(f.epoch) {
		return false
	}
	f.epoch, f.calm = now, 0
	f.streak++
	switch {
	case f.streak > 1:
		const doublings = 10
		f.pause(now.Add(min(firstPause<<min(f.streak-2, doublings), longestPause)))
	case f.starting:
		f.stuck, f.second = now, f.lastSecond(now)
		f.rate = decrease * min(f.rate, float64(len(f.second)+1))
		f.scale = f.rate
	default:
		f.stuck = now
		f.scale += (f.rate - f.scale) / memory
		f.rate *= decrease
	}
	f.starting = false
	f.rate = max(f.rate, lowestRate)
	return true
}

func (f *rateFinder) pause(until time.Time) {
	if until.After(f.until) {
		f.until = until
	}
}
