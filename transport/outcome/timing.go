package outcome

import "time"

// Timing says how long the phases of an attempt took, or of several together. Phases that did not
// happen are zero.
type Timing struct {
	Wait     time.Duration `json:"wait,omitempty"`     // for a free connection
	Connect  time.Duration `json:"connect,omitempty"`  // dial, greeting, EHLO, TLS and AUTH; 0 on a reused connection
	Envelope time.Duration `json:"envelope,omitempty"` // from MAIL to the last reply before the body
	Body     time.Duration `json:"body,omitempty"`     // writing the content
	Final    time.Duration `json:"final,omitempty"`    // from the end of the content to the verdict
}

// Plus returns the sum of the phases of two attempts.
func (t Timing) Plus(more Timing) Timing {
	return Timing{
		Wait: t.Wait + more.Wait, Connect: t.Connect + more.Connect, Envelope: t.Envelope + more.Envelope,
		Body: t.Body + more.Body, Final: t.Final + more.Final,
	}
}
