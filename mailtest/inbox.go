package mailtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// ErrTooLarge is the cause of a send of a mail that is larger than the inbox.
var ErrTooLarge = errors.New("mailtest: mail is larger than the inbox may be")

// Limits bound an inbox that lives as long as its process. When a mail does not fit, the oldest go. Zero
// means no limit, which is right for tests.
type Limits struct {
	Mails int
	// Octets is the sum of the messages as sent. Mails that were looked at are kept decoded as well, so
	// plan with four times as much memory.
	Octets int64
}

// Inbox is a transport that keeps every mail and accepts every recipient. Its zero value is an empty
// inbox without limits; it is safe for concurrent use and must not be copied.
type Inbox struct {
	mu      sync.Mutex
	limits  Limits
	mails   []kept
	octets  int64
	next    int           // the number of the next mail
	changed chan struct{} // closed with the next change; nil when no caller waits
}

// kept is a mail with its number in the order in which the inbox got them.
type kept struct {
	*Mail
	number int
}

// New returns an empty inbox without limits.
func New() *Inbox { return &Inbox{} }

// NewBounded returns an empty inbox with limits.
func NewBounded(limits Limits) *Inbox { return &Inbox{limits: limits} }

// Send reads mail completely and keeps it. It fails when ctx has ended and when mail cannot be read, has
// no recipient, or is larger than the inbox; then nothing is kept.
func (b *Inbox) Send(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
	env := mail.Envelope()
	if err := envelope.Check(mail); err != nil {
		return transport.Fail(mail, transport.PhaseMessage, err)
	}
	message := bounded{room: b.limits.Octets, limited: b.limits.Octets > 0}
	if _, err := mail.WriteTo(&message); err != nil {
		return transport.Fail(mail, transport.PhaseBody, err)
	}
	if err := ctx.Err(); err != nil {
		return transport.Fail(mail, transport.PhaseBody, context.Cause(ctx))
	}
	taken := NewMail(rand.Text(), env, message.text.String(), time.Now())
	b.add(taken)
	result := transport.NewResult(env, transport.Accepted, transport.Reply{Code: 250, Lines: []string{"kept"}})
	result.Identify(mail)
	result.QueueID = taken.id
	result.Relay = "mailtest"
	return result, nil
}

// Keep puts a mail into the inbox that was made by [NewMail], such as one of a folder that has outlived its
// process. It fails with ErrTooLarge when the mail is larger than the inbox.
func (b *Inbox) Keep(mail *Mail) error {
	if b.limits.Octets > 0 && mail.Size() > b.limits.Octets {
		return ErrTooLarge
	}
	b.add(mail)
	return nil
}

func (b *Inbox) add(mail *Mail) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mails = append(b.mails, kept{mail, b.next})
	b.next++
	b.octets += mail.Size()
	gone := 0
	for b.limits.Mails > 0 && len(b.mails)-gone > b.limits.Mails || b.limits.Octets > 0 && b.octets > b.limits.Octets {
		b.octets -= b.mails[gone].Size()
		gone++
	}
	b.mails = slices.Delete(b.mails, 0, gone) // zeroes what it frees
	b.tell()
}

// tell wakes the callers that wait for a change. The caller holds the lock.
func (b *Inbox) tell() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// bounded collects what is written, up to room octets.
type bounded struct {
	text    strings.Builder
	room    int64
	limited bool
}

func (w *bounded) Write(p []byte) (int, error) {
	if w.limited {
		w.room -= int64(len(p))
		if w.room < 0 {
			return 0, ErrTooLarge
		}
	}
	return w.text.Write(p)
}

// Mails returns the mails with all of the matches, in the order in which their sends ended.
func (b *Inbox) Mails(want ...Match) []*Mail {
	all, _, _ := b.since(0)
	return slices.DeleteFunc(all, func(m *Mail) bool { return All(want...).Mismatch(m) != "" })
}

// Get returns the mail with that ID; ok is false without one, or none any more.
func (b *Inbox) Get(id string) (mail *Mail, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.mails, func(m kept) bool { return m.id == id })
	if i < 0 {
		return nil, false
	}
	return b.mails[i].Mail, true
}

// Delete forgets the mails with these IDs, and returns how many of them there were.
func (b *Inbox) Delete(ids ...string) int {
	unwanted := make(map[string]bool, len(ids))
	for _, id := range ids {
		unwanted[id] = true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	before := len(b.mails)
	b.mails = slices.DeleteFunc(b.mails, func(m kept) bool {
		if unwanted[m.id] {
			b.octets -= m.Size()
		}
		return unwanted[m.id]
	})
	if len(b.mails) < before {
		b.tell()
	}
	return before - len(b.mails)
}

// Reset forgets all mails.
func (b *Inbox) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mails, b.octets = nil, 0
	b.tell()
}

// Changed returns a channel that is closed when the next mail comes, or when mails go. A caller that reads
// the mails after the call, and then waits for the channel, misses nothing.
func (b *Inbox) Changed() <-chan struct{} {
	_, _, changed := b.since(b.total())
	return changed
}

func (b *Inbox) total() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.next
}

// since returns the mails from the n-th that was ever kept, the number that the next will have, and a
// channel that is closed with the next change.
func (b *Inbox) since(n int) (mails []*Mail, next int, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	for _, m := range b.mails {
		if m.number >= n {
			mails = append(mails, m.Mail)
		}
	}
	return mails, b.next, b.changed
}

// WaitFor returns the first mail with all of the matches, also when it is there already. It blocks until
// there is one or ctx ends; the error is then a *[WaitError].
func (b *Inbox) WaitFor(ctx context.Context, want ...Match) (*Mail, error) {
	match := All(want...)
	if err := match.Err(); err != nil {
		return nil, err
	}
	for seen := 0; ; {
		mails, next, changed := b.since(seen)
		for _, mail := range mails {
			if match.Mismatch(mail) == "" {
				return mail, nil
			}
		}
		seen = next
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, &WaitError{Want: match, Mails: b.Mails(), Err: context.Cause(ctx)}
		}
	}
}

// WaitError says what did not come, and what did.
type WaitError struct {
	Want  Match
	Mails []*Mail // what was in the inbox at the end
	Err   error   // why the waiting ended
}

// Error lists the mails and what is different about each.
func (e *WaitError) Error() string {
	return fmt.Sprintf("mailtest: no mail where %s: %v; %s", e.Want, e.Err, faults(e.Mails, e.Want))
}

// Unwrap returns why the waiting ended.
func (e *WaitError) Unwrap() error { return e.Err }

// faults says of each mail why it is not the one that was wanted.
func faults(mails []*Mail, want Match) string {
	if len(mails) == 0 {
		return "the inbox is empty"
	}
	const limit = 20 // more are not read
	var text strings.Builder
	fmt.Fprintf(&text, "the inbox has %d:", len(mails))
	for i, mail := range mails {
		if i == limit {
			fmt.Fprintf(&text, "\n\tand %d more", len(mails)-limit)
			break
		}
		fmt.Fprintf(&text, "\n\t%d. %s", i+1, mail)
		if fault := want.Mismatch(mail); fault != "" {
			text.WriteString(": " + fault)
		}
	}
	return text.String()
}
