package client

import "slices"

// step is the Phase of a reply that is due, in one octet: there is one for each command that is in flight.
type step uint8

// The steps.
const (
	stepCommand step = iota
	stepGreeting
	stepHello
	stepTLS
	stepAuth
	stepReset
	stepMail
	stepRcpt
	stepData
	stepBody
	stepFinal
	stepQuit
)

var phases = [...]Phase{
	PhaseCommand, PhaseGreeting, PhaseHello, PhaseTLS, PhaseAuth, PhaseReset, PhaseMail, PhaseRcpt, PhaseData, PhaseBody,
	PhaseFinal, PhaseQuit,
}

func (s step) phase() Phase { return phases[s] }

// stepOf returns the step of a phase; those in which no reply is due count as commands.
func stepOf(phase Phase) step { return step(max(slices.Index(phases[:], phase), 0)) }
