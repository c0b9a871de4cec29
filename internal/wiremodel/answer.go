package wiremodel

// Kind is a step of a dialogue at which the server has a choice.
type Kind uint8

// The steps. Chunk is a BDAT before the last, Verdict the end of the content after DATA, or a BDAT LAST with
// its octets, Probe a BDAT outside a transaction.
const (
	Reset Kind = iota
	Mail
	Rcpt
	Data
	Chunk
	Verdict
	Probe
)

// String returns the verb of the step.
func (k Kind) String() string {
	return [...]string{"RSET", "MAIL", "RCPT", "DATA", "BDAT", "verdict", "probe"}[k]
}

// Answer is what a server does at a step.
type Answer uint8

// The answers. After those from Garbage on, the server says nothing more.
const (
	Normal    Answer = iota // what a server that keeps the rules says at this point
	Yes                     // 250, and it means it
	Start                   // 354, where it was not asked for it
	Later                   // 451
	BadLink                 // 451 with 4.4.2, and it goes on
	Never                   // 550
	Bye                     // 421, and it goes on
	Unknown                 // 502
	Slow                    // 250 after five minutes
	Garbage                 // a line that is not a reply
	Silence                 // the connection stays open
	MuteEnd                 // the rest is read, and then the stream ends in order
	MuteReset               // the rest is read, and then the connection is reset
	ByeEnd                  // 421, and the stream ends in order at once
	LaterEnd                // 451, and the stream ends in order at once
	CloseEnd                // the stream ends in order before the step
	CloseCut                // the connection is reset before the step
	AfterEnd                // the normal answer, and the stream ends in order
	AfterCut                // the normal answer, and the connection is reset
	Cancel                  // silence, in which the caller's context ends
	Run                     // 502 to a BDAT whose octets are then taken for commands
)

var answerNames = [...]string{
	"normal", "250", "354", "451", "451 4.4.2", "550", "421 and goes on", "502", "250 after 5 min", "garbage",
	"silence", "mute, then FIN", "mute, then RST", "421 and FIN", "451 and FIN", "FIN before", "RST before", "normal, then FIN",
	"normal, then RST", "silence and ctx ends",
	"502, and the octets are run",
}

// String describes the answer.
func (a Answer) String() string { return answerNames[a] }

// mute reports whether the server says nothing after the answer, but still reads.
func (a Answer) mute() bool {
	switch a {
	case Garbage, Silence, MuteEnd, MuteReset, Cancel:
		return true
	default:
		return false
	}
}

// Ways returns the answers that differ from each other at a step: normal is the code that the server
// would give, and ahead says that the client may have sent more without waiting.
func ways(kind Kind, normal int, ahead bool) []Answer {
	list := []Answer{Normal}
	if normal != 250 {
		list = append(list, Yes)
	}
	if normal != 354 {
		list = append(list, Start)
	}
	list = append(list, Later, BadLink)
	if normal != 503 && normal != 554 { // else it would mean the same
		list = append(list, Never)
	}
	list = append(list, Bye, Unknown, Garbage, Silence, Cancel)
	switch {
	case kind == Verdict && normal == 250: // a reply that decides nothing is not waited for so long
		list = append(list, Slow, MuteEnd, MuteReset)
	case kind == Verdict:
		list = append(list, MuteEnd, MuteReset)
	default:
		list = append(list, CloseEnd, CloseCut)
		if ahead { // else it is the same as to close before
			list = append(list, MuteEnd, MuteReset)
		}
	}
	if kind == Probe {
		list = append(list, Run)
	}
	return append(list, ByeEnd, LaterEnd, AfterEnd, AfterCut)
}
