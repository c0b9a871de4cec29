package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
)

// maxTries is how often a claim is decided anew because a record was changed in between.
const maxTries = 50

// Claim answers claims; see [ledger.Ledger]. They are written in atomic batches.
func (l *Ledger) Claim(ctx context.Context, claims []ledger.Claim) ([]ledger.Grant, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	grants := make([]ledger.Grant, 0, len(claims))
	for len(claims) > 0 {
		n := min(len(claims), maxBatch)
		part, err := l.claimPart(ctx, claims[:n])
		if err != nil {
			l.giveBack(grants)
			return nil, fmt.Errorf("ledger: %w", err)
		}
		grants, claims = append(grants, part...), claims[n:]
	}
	return grants, nil
}

// giveBack ends grants of a call that failed.
func (l *Ledger) giveBack(grants []ledger.Grant) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range grants {
		if g.Answer == ledger.Send {
			l.unwritten = append(l.unwritten, ledger.Ended{Grant: g})
		}
	}
	l.retry()
}

func (l *Ledger) claimPart(ctx context.Context, claims []ledger.Claim) ([]ledger.Grant, error) {
	places := make([]string, len(claims))
	for i, c := range claims {
		places[i] = l.place(c.Key, c.Recipient)
	}
	var grants []ledger.Grant
	read, newest := l.stream.read, l.stream.direct
	at, end := l.look(places)
	defer end()
	err := tries(ctx, func() error {
		found, err := read(ctx, places)
		if err != nil {
			return err
		}
		d := decision{Ledger: l, claims: claims, places: places, found: found, newest: newest, sure: map[string]bool{}, look: at, now: now()}
		for unsure, err := d.decide(); len(unsure) > 0 || err != nil; unsure, err = d.decide() {
			if err == nil {
				err = d.makeSure(ctx, unsure)
			}
			if err != nil {
				return err
			}
		}
		grants, read, newest = d.grants, l.stream.readNewest, true // after a conflict
		return d.write(ctx)
	})
	return grants, err
}

// decision is what is answered to claims on the strength of what was read.
type decision struct {
	*Ledger

	claims []ledger.Claim
	places []string
	found  map[string]*record
	newest bool            // all that was found is the newest
	sure   map[string]bool // the places of which that is known
	look   *look
	now    time.Time

	grants  []ledger.Grant
	changes []change
	holds   []*hold
	kept    []*hold // those of which nothing is written
}

// decide answers the claims, or says of which places the newest record is needed first. What a server that follows has told is made sure
// of, unless a compare-and-set does or it is final.
func (d *decision) decide() (unsure []string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.look.old {
		d.look.old = false
		return nil, errConflict
	}
	d.grants, d.changes, d.holds, d.kept = nil, nil, nil, nil
	fresh := map[string]ledger.Entry{} // what this call has decided
	for i, c := range d.claims {
		place := d.places[i]
		next, grant, err := d.answer(i, fresh)
		if err != nil {
			return nil, err
		}
		if next != nil {
			fresh[place] = *next
			d.begin(place, c.Key, next)
		}
		final := grant.Answer == ledger.Send || grant.Answer == ledger.Replay && grant.Fate.Outcome != transport.Unknown
		if _, ours := fresh[place]; !d.newest && !d.sure[place] && !final && !ours {
			unsure = append(unsure, place)
		}
		d.grants = append(d.grants, grant)
	}
	if len(unsure) == 0 {
		for _, h := range d.holds {
			d.held[h.entry.Fence] = h
		}
		for _, h := range d.kept {
			d.keep(h)
		}
	}
	return unsure, nil
}

// begin holds a claim, and has it written unless memory is enough.
func (d *decision) begin(place, key string, next *ledger.Entry) {
	r := d.found[place]
	if r == nil && d.alone {
		d.kept = append(d.kept, &hold{place: place, entry: *next, key: key})
		return
	}
	seen := uint64(0)
	if r != nil {
		seen = r.seq
	}
	d.changes = append(d.changes, d.change(place, seen, key, next))
	d.holds = append(d.holds, &hold{place: place, entry: *next, seen: seen})
}

// answer answers one claim.
func (d *decision) answer(i int, fresh map[string]ledger.Entry) (next *ledger.Entry, g ledger.Grant, err error) {
	c := d.secret.Claim(d.claims[i])
	fence, err := d.fence()
	if err != nil {
		return nil, g, err
	}
	if e, ok := fresh[d.places[i]]; ok {
		next, g = d.rules.Claim(&e, c, ledger.Holder{Alive: true, Fence: fence, Now: d.now})
		return next, g, nil
	}
	h := d.bare[d.places[i]]
	switch {
	case h == nil:
	case h.entry.State == ledger.Over && d.found[d.places[i]] == nil: // its end is in a record that was read too early
		return nil, g, errConflict
	case h.entry.State != ledger.Over:
		next, g = d.rules.Claim(&h.entry, c, ledger.Holder{Alive: true, Fence: fence, Now: d.now})
		return next, g, nil
	}
	e, _, err := entryOf(d.found[d.places[i]])
	if err != nil {
		return nil, g, err
	}
	next, g = d.rules.Claim(e, c, ledger.Holder{Alive: d.Ledger.holds(e), Fence: fence, Now: d.now})
	return next, g, nil
}

// makeSure reads the newest records of places. The lock is not held: it may take as long as the election of a leader.
func (d *decision) makeSure(ctx context.Context, places []string) error {
	found, err := d.stream.readNewest(ctx, places)
	for _, place := range places {
		d.found[place], d.sure[place] = found[place], true
	}
	return err
}

// write writes what was decided. Claims whose write had no answer are ended as soon as a server is reached.
func (d *decision) write(ctx context.Context) error {
	if len(d.changes) == 0 {
		return nil
	}
	first, err := d.stream.write(ctx, d.changes)
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, h := range d.holds {
		switch {
		case err == nil:
			h.seen = first + uint64(i)
		case errors.Is(err, errConflict) && !errors.Is(err, errUncertain):
			d.forget(h.entry.Fence)
		default:
			h.lost = true
		}
	}
	for _, h := range d.kept {
		if err != nil {
			d.forget(h.entry.Fence)
		}
	}
	if err != nil && (!errors.Is(err, errConflict) || errors.Is(err, errUncertain)) {
		for _, g := range d.grants {
			if g.Answer == ledger.Send {
				d.unwritten = append(d.unwritten, ledger.Ended{Grant: g})
			}
		}
		d.retry()
	}
	return err
}
