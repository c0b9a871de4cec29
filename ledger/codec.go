package ledger

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// The first octet of an entry in its binary form. The form before this one has no phase.
const (
	codecVersion = 2
	withoutPhase = 1
)

var errEntry = errors.New("these octets are not an entry of a ledger")

// AppendBinary appends a compact form of the entry to b. It never fails.
func (e Entry) AppendBinary(b []byte) ([]byte, error) {
	doubt := byte(0)
	if e.Doubt {
		doubt = 1
	}
	b = append(b, codecVersion, byte(e.State), doubt, byte(e.Fate.Outcome), byte(e.Fate.Fault))
	b = append(b, e.Digest[:]...)
	b = binary.AppendUvarint(b, e.Fence)
	b = binary.AppendVarint(b, e.Changed.Unix())
	b = binary.AppendVarint(b, int64(e.Fate.Reply.Code))
	for _, s := range []string{e.Fate.Reply.Enhanced, e.Fate.Relay, e.Fate.QueueID, e.Fate.MessageID, string(e.Fate.Phase)} {
		b = appendText(b, s)
	}
	b = binary.AppendUvarint(b, uint64(len(e.Fate.Reply.Lines)))
	for _, s := range e.Fate.Reply.Lines {
		b = appendText(b, s)
	}
	return b, nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// UnmarshalBinary reads what AppendBinary wrote, also before entries had a phase, and nothing else.
func (e *Entry) UnmarshalBinary(b []byte) error {
	const fixed = 5
	if len(b) < fixed+len(e.Digest) || b[0] != codecVersion && b[0] != withoutPhase || b[1] > byte(Over) || b[2] > 1 ||
		b[3] > byte(transport.Unknown) || b[4] > byte(transport.FaultPolicy) {
		return errEntry
	}
	var read Entry
	read.State, read.Doubt, read.Fate.Outcome = State(b[1]), b[2] == 1, transport.Outcome(b[3])
	read.Fate.Fault = transport.Fault(b[4])
	copy(read.Digest[:], b[fixed:])
	r := reader{rest: b[fixed+len(read.Digest):]}
	read.Fence = r.number()
	read.Changed = time.Unix(r.signed(), 0).UTC()
	read.Fate.Reply.Code = int(r.signed())
	read.Fate.Reply.Enhanced, read.Fate.Relay = r.text(), r.text()
	read.Fate.QueueID, read.Fate.MessageID = r.text(), r.text()
	read.Fate.Phase = transport.PhaseFinal
	if b[0] == codecVersion {
		read.Fate.Phase = transport.Phase(r.text())
	}
	lines := r.number()
	for range min(lines, uint64(len(b))) { // each takes an octet at least
		read.Fate.Reply.Lines = append(read.Fate.Reply.Lines, r.text())
	}
	if r.bad || len(r.rest) > 0 || lines > uint64(len(b)) {
		return errEntry
	}
	*e = read
	return nil
}

// reader takes an entry apart; after the first fault it returns zero values.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n == 0 {
		n = -1
	}
	r.skip(n)
	return v
}

func (r *reader) signed() int64 {
	v, n := binary.Varint(r.rest)
	if n == 0 {
		n = -1
	}
	r.skip(n)
	return v
}

func (r *reader) text() string {
	n := r.number()
	if r.bad || n > uint64(len(r.rest)) {
		r.skip(-1)
		return ""
	}
	s := string(r.rest[:n])
	r.skip(int(n))
	return s
}

func (r *reader) skip(n int) {
	if n < 0 || n > len(r.rest) || r.bad {
		r.rest, r.bad = nil, true
		return
	}
	r.rest = r.rest[n:]
}
