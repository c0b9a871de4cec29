package client

import (
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// TestCertainty holds the certainty rule, one row for each part of it. It looks inside, because the rule
// is one function of what was heard.
func TestCertainty(t *testing.T) {
	left := evidence{ended: true, rcpt: answerYes, anyAccepted: true} // accepted, its content has left, no verdict
	with := func(change func(*evidence)) evidence {
		e := left
		change(&e)
		return e
	}
	for name, tc := range map[string]struct {
		evidence evidence
		want     Outcome
		on       basis
	}{
		"2yz to the content":            {with(func(e *evidence) { e.content = answerYes }), Accepted, basisContent},
		"the content was refused":       {with(func(e *evidence) { e.content = answerNo }), refused, basisContent},
		"no verdict":                    {left, Unknown, basisNone},
		"the end was not written":       {with(func(e *evidence) { e.ended = false }), NotSent, basisNone},
		"nothing was said":              {evidence{}, NotSent, basisNone},
		"its RCPT was refused":          {with(func(e *evidence) { e.rcpt = answerNo }), refused, basisRcpt},
		"its RCPT refused, 2yz":         {with(func(e *evidence) { e.rcpt, e.content = answerNo, answerYes }), refused, basisRcpt},
		"all RCPT refused, 2yz":         {evidence{ended: true, rcpt: answerNo, content: answerYes}, Unknown, basisContent},
		"MAIL refused":                  {evidence{ended: true, refused: answerNo}, refused, basisRefusal},
		"MAIL refused, RCPT accepted":   {with(func(e *evidence) { e.refused = answerYes }), Unknown, basisNone},
		"the same, and 4yz or 5yz":      {with(func(e *evidence) { e.refused, e.content = answerYes, answerNo }), refused, basisRefusal},
		"the same, and 2yz":             {with(func(e *evidence) { e.refused, e.content = answerYes, answerYes }), Unknown, basisContent},
		"the same, the end not written": {with(func(e *evidence) { e.refused, e.ended = answerYes, false }), refused, basisRefusal},
		"421 to MAIL before it":         {with(func(e *evidence) { e.last = lastClosed }), NotSent, basisNone},
		"421 to RCPT":                   {with(func(e *evidence) { e.last = lastClosing }), Unknown, basisNone},
		"421 to RCPT, the end":          {with(func(e *evidence) { e.last, e.endedInOrder = lastClosing, true }), Unknown, basisNone},
		"421 to RCPT, a reply due":      {with(func(e *evidence) { e.last, e.repliesBefore = lastClosing, true }), Unknown, basisNone},
		"421 to RCPT, the end, a reply due": {
			with(func(e *evidence) { e.last, e.endedInOrder, e.repliesBefore = lastClosing, true, true }), NotSent, basisNone,
		},
		"the end alone, a reply due":    {with(func(e *evidence) { e.endedInOrder, e.repliesBefore = true, true }), Unknown, basisNone},
		"BDAT unknown, swallowed":       {with(func(e *evidence) { e.chunkUnknown, e.swallows, e.content = true, true, answerNo }), NotSent, basisNone},
		"BDAT unknown, perhaps run":     {with(func(e *evidence) { e.chunkUnknown, e.content = true, answerNo }), Unknown, basisNone},
		"BDAT unknown, not ended":       {with(func(e *evidence) { e.chunkUnknown, e.ended, e.refused = true, false, answerNo }), NotSent, basisNone},
		"RSET refused":                  {with(func(e *evidence) { e.resetRefused = true }), Unknown, basisNone},
		"RSET refused, 2yz":             {with(func(e *evidence) { e.resetRefused, e.content = true, answerYes }), Unknown, basisContent},
		"RSET refused, content refused": {with(func(e *evidence) { e.resetRefused, e.content = true, answerNo }), NotSent, basisNone},
		"RSET refused, RCPT refused":    {with(func(e *evidence) { e.resetRefused, e.rcpt = true, answerNo }), NotSent, basisNone},
	} {
		t.Run(name, func(t *testing.T) {
			if got, on := tc.evidence.outcome(); got != tc.want || on != tc.on {
				t.Errorf("%v by %d, want %v by %d", got, on, tc.want, tc.on)
			}
		})
	}
}

// TestCertaintyInvariants goes through all that can be heard: without a verdict, certainty about a content
// that has left needs one of three proofs, and 2yz is never ignored.
func TestCertaintyInvariants(t *testing.T) {
	answers, flags := []answer{answerNone, answerYes, answerNo}, []bool{false, true}
	for _, refused := range answers {
		for _, rcpt := range answers {
			for _, content := range answers {
				for _, last := range []lastWord{lastNothing, lastClosed, lastClosing} {
					for bits := range 1 << 5 {
						flag := func(i int) bool { return flags[bits>>i&1] }
						e := evidence{
							refused: refused, rcpt: rcpt, content: content, last: last,
							resetRefused: flag(0), anyAccepted: flag(1) || rcpt == answerYes, ended: flag(2),
							endedInOrder: flag(3), repliesBefore: flag(4),
						}
						checkCertainty(t, e)
					}
				}
			}
		}
	}
}

func checkCertainty(t *testing.T, e evidence) {
	t.Helper()
	fate, _ := e.outcome()
	certain := fate == NotSent || fate == refused
	proof := e.rcpt == answerNo || e.refused == answerNo || e.content == answerNo || e.last == lastClosed ||
		e.last == lastClosing && e.endedInOrder && e.repliesBefore
	switch {
	case fate == Accepted && e.content != answerYes:
		t.Errorf("accepted without 2yz: %+v", e)
	case fate == Accepted && (e.resetRefused || e.refused != answerNone):
		t.Errorf("accepted although RSET, MAIL or DATA was refused: %+v", e)
	case certain && e.ended && !proof:
		t.Errorf("%v without a proof: %+v", fate, e)
	case certain && e.content == answerYes && e.rcpt != answerNo:
		t.Errorf("%v after 2yz to the content: %+v", fate, e)
	case !e.ended && e.content == answerNone && !certain:
		t.Errorf("%v although the end was not written: %+v", fate, e)
	}
}

// TestLastWord holds which replies say that a server closes.
func TestLastWord(t *testing.T) {
	for _, tc := range []struct {
		step step
		code response.Code
		want lastWord
	}{
		{stepReset, 421, lastClosed},
		{stepMail, 421, lastClosed},
		{stepRcpt, 421, lastClosing},
		{stepData, 421, lastClosing},
		{stepReset, 500, lastClosing},
		{stepReset, 451, lastClosing},
		{stepReset, 250, lastNothing},
		{stepMail, 451, lastNothing},
		{stepRcpt, 550, lastNothing},
		{stepFinal, 421, lastNothing},
		{stepBody, 421, lastNothing},
	} {
		if got := lastWordOf(tc.step, response.Response{Code: tc.code}); got != tc.want {
			t.Errorf("%d to %s: %d, want %d", tc.code, tc.step.phase(), got, tc.want)
		}
	}
}
