package wiremodel

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/internal/memconn"
)

// Oracle is a server whose every answer is a choice. What it is asked on the first connection after
// Skip transactions is chosen. Those end as Before says, and on further connections it keeps the rules,
// unless Every is set.
type Oracle struct {
	Offer   []string // the keywords of its EHLO reply
	LMTP    bool
	Skip    int                 // transactions on the first connection that are not part of the model
	Before  func(Kind) Answer   // the answers in those; nil for Normal
	Every   bool                // further connections are part of the model too
	Choices *Choices            // nil for a server that keeps the rules
	Whole   func(string) string // the tag of a whole content, or ""
	Cancel  func()              // ends the caller's context
	Ledger  Ledger

	sessions sync.WaitGroup
}

// Dial opens a connection to the server.
func (o *Oracle) Dial(context.Context, string, string) (net.Conn, error) {
	near, far := memconn.Pipe()
	far.Keep()
	s := &session{o: o, conn: o.Ledger.begin(far), end: far}
	o.sessions.Go(s.serve)
	return near, nil
}

// Wait returns when no connection is open. It ends when the client has closed its connections.
func (o *Oracle) Wait() { o.sessions.Wait() }

// Times of the server, of the bubble's clock.
const (
	breath = time.Millisecond // until a flight has come completely
	idle   = time.Second      // after which a server that has become mute closes
	slow   = 5 * time.Minute
)

// pause is a part of a dialogue.
func pause(d time.Duration) { <-time.After(d) }
