package jetstream

import (
	"errors"
	"fmt"
)

// Errors of [Setup.Open] and of an [Engine].
var (
	// ErrLocked: another process, or this one, has the folder open.
	ErrLocked = errors.New("the queue is open elsewhere: one process at a time may use a folder")
	// ErrUnreachable: no server answered in time. What was to be written may be written or not.
	ErrUnreachable = errors.New("JetStream did not answer in time")
	// ErrNoQueue: Setup.Existing is set, and no program has made a queue of this name.
	ErrNoQueue = errors.New("there is no queue of this name")
	// ErrOtherStream: a stream of the name is there, and no queue has made it so; nothing was written. Take another Setup.Name, or, if the
	// stream is of no use to an application, delete it or change what the error says.
	ErrOtherStream = errors.New("a stream of this name is there that is not one of a queue; take another name for the queue")
)

// errConflict: a record is not what it was when the change was decided; nothing was written.
var errConflict = errors.New("the record was changed in between")

// errUncertain goes with errConflict after an answer was lost: perhaps the record has this very change, and the server that was
// asked does not know, as one that was cut off and takes itself for the leader.
var errUncertain = errors.New("it is not known whether the change was made")

// apiError is what the server says.
type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

// The errors of the server that this package acts on.
const (
	wrongLastSequence     = 10071
	wrongLastSequenceBusy = 10164 // another write of the same subject is under way
	streamNotFound        = 10059 // this server has not heard of it yet: Open makes the streams
	incompleteBatch       = 10176 // the leader changed in the middle
	tooManyBatches        = 10210
)

func (e *apiError) Error() string {
	return fmt.Sprintf("JetStream: %s (%d)", e.Description, e.ErrCode)
}

// passing reports whether the same request may succeed soon; nothing was written.
func (e *apiError) passing() bool {
	const unavailable = 503
	return e.Code == unavailable || e.ErrCode == streamNotFound || e.ErrCode == incompleteBatch || e.ErrCode == tooManyBatches
}
