package client

import (
	"github.com/depeche-mail/depeche/internal/ending"
)

// txn is one transaction on the wire: what was said, and in the end what follows from the replies. It is
// used by the goroutine that uses the Conn; the replies are in heard.
type txn struct {
	wire  *wire
	plan  plan
	rcpt  []int // the recipients of this transaction, as indexes into the envelope
	lmtp  bool  // one verdict per accepted recipient
	reset bool  // RSET goes first
	idle  bool  // the server had been silent before: it may have closed the connection
	// endings are told before the end of the content is written.
	endings []ending.Ending
	told    bool    // they are among those of the wire already, or told
	alone   bool    // nothing else was in flight when it began
	last    bool    // of the session: QUIT may follow its content
	goodbye *single // the reply to a QUIT that follows its content; nil for none
	closed  bool    // nothing more will be asked
	// takenBack: nothing of it was written, and nothing will be.
	takenBack bool
	asked     int   // commands, the end of the content among them
	start     int64 // where in the stream its first command begins
	end       int64 // where in the stream the content ends; 0 until its end is queued
	times     [4]instant
	stop      *Error // what stopped the recipients who are NotSent or Unknown

	// What assignOutcomes finds out.
	refusal   *Error // the first refusal that decided about a recipient
	stale     bool   // the connection was at its end before it took anything
	delivered bool   // the server took the content, which ends the transaction
	accepted  int    // recipients that were accepted at RCPT
	overflow  []int  // recipients that are too many for this transaction
	fallback  Fallback
	early     bool // its commands were refused because they came before the verdict on the mail before

	guarded heard // by the lock of the wire: see heard
}

// heard returns what was heard of the transaction, to one who holds the lock.
func (tx *txn) heard(*receiver) *heard { return &tx.guarded }

// over reports whether nothing more is to be said or heard in the transaction.
func (tx *txn) over(in *receiver) bool { return tx.closed && tx.heard(in).replies == tx.asked }

// answered reports whether all that was asked has its reply.
func (tx *txn) answered(in *receiver) bool { return tx.heard(in).replies == tx.asked }

// The times of a transaction.
const (
	timeStart    = iota // before MAIL
	timeEnvelope        // the last reply before the content
	timeBody            // the content was written
	timeFinal           // the verdict
)
