package wiremodel

import (
	"sync"

	"github.com/depeche-mail/depeche/internal/memconn"
)

// Event is one answer of the server, or one thing that it did.
type Event struct {
	Conn   int
	Kind   Kind
	Tag    string // the mail, "" when it is not known yet
	Rcpt   string // of RCPT, and of a verdict of LMTP
	Answer Answer
	Code   int // 0 when nothing was said
	Odd    bool
}

// Stored is one delivery.
type Stored struct {
	Conn  int
	Tag   string // the mail whose content it is; "" for a content that is not whole
	Rcpt  string
	Data  string
	Code  int // of the verdict; 0 when none was said
	Event int // how many events came before
}

// Ledger is what a server knows. It is read after the server has ended.
type Ledger struct {
	mu     sync.Mutex
	Events []Event
	Stored []Stored
	Ends   []Answer       // how each connection ended: AfterEnd in order, AfterCut by a reset, Normal by the client
	Wires  []*memconn.End // the server's end of each connection
}

func (l *Ledger) add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Events = append(l.Events, e)
}

func (l *Ledger) store(s Stored) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.Event = len(l.Events)
	l.Stored = append(l.Stored, s)
}

func (l *Ledger) begin(end *memconn.End) (conn int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Ends, l.Wires = append(l.Ends, Normal), append(l.Wires, end)
	return len(l.Ends) - 1
}

func (l *Ledger) end(conn int, how Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Ends[conn] == Normal {
		l.Ends[conn] = how
	}
}
