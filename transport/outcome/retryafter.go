package outcome

import (
	"strconv"
	"strings"
	"time"
)

// longestWait bounds what a server may ask for.
const longestWait = 7 * 24 * time.Hour

// waitIn finds the wait that a refusal asks for in its text, which is in lower case: "try again in 92 seconds",
// "will be enabled in 341 seconds" (Mailgun), "try again after sun, 05 oct 2025 19:22:44 utc" (Mailgun), "greylisted for
// 300 seconds". 0 means that it names none.
func waitIn(text string, now time.Time) time.Duration {
	if wait := untilIn(text, now); wait > 0 {
		return wait
	}
	words := strings.Fields(text)
	for i := 0; i+2 < len(words); i++ {
		if !announces[words[i]] {
			continue
		}
		n, err := strconv.ParseUint(strings.Trim(words[i+1], "()~"), 10, 31)
		unit := units[strings.TrimRight(words[i+2], ".,;:)!")]
		if err != nil || unit == 0 || n == 0 {
			continue
		}
		if n > uint64(longestWait/unit) {
			return longestWait
		}
		return time.Duration(n) * unit
	}
	return 0
}

// announces are the words before a number of units that say that it is a wait.
var announces = map[string]bool{"in": true, "after": true, "for": true, "wait": true, "least": true, "about": true}

var units = map[string]time.Duration{
	"s": time.Second, "sec": time.Second, "secs": time.Second, "second": time.Second, "seconds": time.Second,
	"min": time.Minute, "mins": time.Minute, "minute": time.Minute, "minutes": time.Minute,
	"hour": time.Hour, "hours": time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour,
}

// untilIn finds a time after the words "try again after".
func untilIn(text string, now time.Time) time.Duration {
	_, rest, ok := strings.Cut(text, "try again after ")
	if !ok {
		return 0
	}
	words := strings.Fields(rest)
	const date = 6 // sun, 05 oct 2025 19:22:44 utc
	if len(words) < date {
		return 0
	}
	words[date-1] = strings.ToUpper(strings.TrimRight(words[date-1], ".;)")) // the zone, which alone has a case
	at, err := time.Parse(time.RFC1123, strings.Join(words[:date], " "))
	if err != nil || !at.After(now) {
		return 0
	}
	return min(at.Sub(now), longestWait)
}
