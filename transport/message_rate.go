package transport

import "time"

// MessageRater is the ability of a Transport to say how many messages its relay is known to take in a time, 0 for one of
// which nothing is known. A transport over several others says what the slowest of them takes.
type MessageRater interface {
	MessageRate() (messages int, per time.Duration)
}

// MessageRateOf asks t for its rate; 0 when it cannot tell.
func MessageRateOf(t Transport) (messages int, per time.Duration) {
	if r, ok := t.(MessageRater); ok {
		return r.MessageRate()
	}
	return 0, 0
}
