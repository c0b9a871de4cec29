package wiremodel_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/internal/wiremodel"
	"github.com/depeche-mail/depeche/transport"
)

// verdict is what the ledger says of one dialogue.
type verdict struct {
	faults   []fault
	excluded string // the assumption that the dialogue breaks, "" for none
}

// fault is a broken invariant.
type fault struct{ kind, detail string }

func (v *verdict) add(kind, format string, args ...any) {
	v.faults = append(v.faults, fault{kind, fmt.Sprintf(format, args...)})
}

// judge compares what the client says with what the oracles know.
func (d *dialogue) judge() *verdict {
	v := &verdict{}
	stored := map[string][]wiremodel.Stored{}
	for _, o := range []*wiremodel.Oracle{d.oracle, d.second} {
		for i, s := range o.Ledger.Stored {
			tag := strings.SplitN(strings.SplitN(s.Rcpt, "@", 2)[0], ".", 2)[1]
			switch {
			case s.Tag == "":
				v.add("what was stored is not the whole mail", "%s got %q", s.Rcpt, s.Data)
			case s.Tag != tag:
				v.add("stored for a recipient of another mail", "%s got mail %s", s.Rcpt, s.Tag)
			}
			if o == d.second {
				s.Conn = -1 - i
			}
			stored[s.Rcpt] = append(stored[s.Rcpt], s)
		}
	}
	for n := range d.form.mails {
		tag := fmt.Sprint("t", n+1)
		d.contract(v, tag)
		d.source(v, tag)
		result := d.results[tag]
		if result == nil {
			continue
		}
		for i, r := range result.Recipients {
			d.recipient(v, tag, recipient(tag, i), r, stored[recipient(tag, i)])
		}
		d.patience(v, tag)
	}
	d.lockstep(v)
	for _, o := range []*wiremodel.Oracle{d.oracle, d.second} {
		for i, end := range o.Ledger.Wires {
			if !end.Closed() {
				v.add("a connection is left open", "connection %d", i)
			}
		}
	}
	return v
}

// contract is what every transport promises.
func (d *dialogue) contract(v *verdict, tag string) {
	result, err := d.results[tag], d.errs[tag]
	switch {
	case result == nil && d.form.mails > 1 && d.gaveUp: // it was not taken from the sequence
	case result == nil:
		v.add("a mail has no result", "%s", tag)
	case (err == nil) != result.AllAccepted():
		v.add("the error does not agree with the result", "%s: %v, %v", tag, result.Recipients, err)
	}
}

// source looks what became of a mail that cannot be read as it was planned, and of the others beside it.
func (d *dialogue) source(v *verdict, tag string) {
	if d.form.fault == "" || d.results[tag] == nil {
		return
	}
	for _, r := range d.results[tag].Recipients {
		switch {
		case tag == d.form.broken() && r.Outcome == transport.Accepted:
			v.add("Accepted, although its source failed", "%v %v", r.Address, r.Outcome)
		case tag == d.form.broken() && r.Outcome == transport.Unknown:
			v.add("Unknown, although its source failed", "%v: %v", r.Address, d.errs[tag])
		case tag != d.form.broken() && r.Outcome == transport.Unknown && !d.odd():
			v.add("Unknown, because the source of another mail failed", "%v: %v", r.Address, d.errs[tag])
		}
	}
}

// odd reports whether the server gave an odd answer.
func (d *dialogue) odd() bool {
	return slices.ContainsFunc(d.oracle.Ledger.Events, func(e wiremodel.Event) bool { return e.Odd })
}

// recipient holds the outcome of one recipient against what the server has stored and said.
func (d *dialogue) recipient(v *verdict, tag, rcpt string, r transport.RecipientResult, stored []wiremodel.Stored) {
	if len(stored) > 1 && (d.wrap == nil || !d.wrap.again) {
		if reason := d.assumed(tag, rcpt, stored[0]); reason != "" {
			v.excluded = reason
		} else {
			v.add("stored twice", "%s %d times, and is %v %v", rcpt, len(stored), r.Outcome, r.Reply)
		}
	}
	said := d.said(tag, rcpt)
	switch r.Outcome {
	case transport.Accepted:
		if len(stored) == 0 {
			v.add("Accepted, and not stored", "%s", rcpt)
			break
		}
		if !slices.ContainsFunc(stored, func(s wiremodel.Stored) bool { return s.Code == 250 }) {
			v.add("Accepted without a 2yz", "%s", rcpt)
		}
	case transport.NotSent, transport.Rejected, transport.Deferred:
		for _, s := range stored {
			if reason := d.assumed(tag, rcpt, s); reason != "" {
				v.excluded = reason
				continue
			}
			v.add(fmt.Sprintf("%v, and stored", r.Outcome), "%s is %v %v: %v", rcpt, r.Outcome, r.Reply, d.errs[tag])
		}
	case transport.Unknown:
		switch {
		case !d.left(tag):
			v.add("Unknown, although the end of the content never left", "%s: %v", rcpt, d.errs[tag])
		case d.wrap == nil && said.plain && said.final >= 400 && !d.mayHaveRun(said.final):
			v.add("Unknown, although the verdict was a refusal", "%s: %d, %v", rcpt, said.final, d.errs[tag])
		}
	}
	if d.wrap == nil && said.plain && said.final == 250 && r.Outcome != transport.Accepted && !d.gaveUp {
		v.add("not Accepted, although the verdict was 2yz", "%s is %v %v: %v", rcpt, r.Outcome, r.Reply, d.errs[tag])
	}
	if d.wrap == nil && !d.left(tag) && said.rcpt == 250 && said.foreign && r.Outcome != transport.NotSent {
		v.add("takes the refusal of something else for its own, although nothing had left", "%s is %v %v: %v", rcpt, r.Outcome, r.Reply, d.errs[tag])
	}
}

// said is what the first relay said on its first connection about a recipient of a mail.
type said struct {
	plain   bool // every answer before the verdict was positive and expected
	foreign bool // nothing but answers to other recipients was negative
	rcpt    int
	final   int
}

func (d *dialogue) said(tag, rcpt string) said {
	s := said{plain: true, foreign: true}
	for _, e := range d.oracle.Ledger.Events {
		if e.Conn > 0 {
			s.plain, s.foreign = false, false // several attempts
			break
		}
		if e.Answer == wiremodel.Garbage || e.Code == 0 ||
			e.Code == 354 && e.Kind != wiremodel.Data || e.Code == 250 && e.Kind == wiremodel.Data {
			if s.final == 0 {
				s.plain, s.foreign = false, false
			}
			break
		}
		if e.Kind == wiremodel.Reset && e.Odd && e.Code != 250 {
			s.plain = false
			s.foreign = false
		}
		if e.Tag != tag {
			if e.Odd {
				s.foreign = false
				if e.Code == 421 || e.Answer == wiremodel.Yes { // the latter is a reply out of turn
					s.plain = false
				}
			}
			continue
		}
		own := e.Rcpt == rcpt || e.Rcpt == ""
		switch {
		case e.Kind == wiremodel.Rcpt && own:
			s.rcpt = e.Code
			s.plain = s.plain && e.Code == 250
		case e.Kind == wiremodel.Rcpt:
			s.plain = s.plain && e.Code != 421
		case e.Kind == wiremodel.Verdict && own:
			s.final = e.Code
		case e.Kind != wiremodel.Verdict && e.Code >= 400:
			s.plain, s.foreign = false, false
		}
	}
	return s
}

// left reports whether the end of the content of a mail was ever written.
func (d *dialogue) left(tag string) bool {
	end := []byte("END-" + tag + "\r\n")
	for _, o := range []*wiremodel.Oracle{d.oracle, d.second} {
		for _, wire := range o.Ledger.Wires {
			_, after, found := bytes.Cut(wire.Heard(), end)
			if found && (d.byChunks() || bytes.HasPrefix(after, []byte(".\r\n"))) {
				return true
			}
		}
	}
	return false
}

func (d *dialogue) byChunks() bool { return slices.Contains(d.form.offer, "CHUNKING") }

// assumed names the assumption of the certainty rule that the dialogue breaks. Both are about a server
// that was heard to refuse, was not heard again, and stored the content all the same.
func (d *dialogue) assumed(tag, rcpt string, s wiremodel.Stored) string {
	if s.Conn < 0 || s.Code != 0 {
		return ""
	}
	var last wiremodel.Event
	due := 0 // replies that are due before the verdict
	for _, e := range d.oracle.Ledger.Events[:s.Event] {
		switch {
		case e.Conn != s.Conn || e.Kind == wiremodel.Verdict && e.Tag == tag && (e.Rcpt == "" || e.Rcpt == rcpt):
		case e.Code != 0:
			last, due = e, 0
		default:
			due++
		}
	}
	for _, e := range d.oracle.Ledger.Events[s.Event:] {
		if e.Conn == s.Conn && e.Code != 0 {
			return ""
		}
	}
	switch {
	case last.Code == 421 && (last.Kind == wiremodel.Reset || last.Kind == wiremodel.Mail):
		return "(b)"
	case d.oracle.Ledger.Ends[s.Conn] != wiremodel.AfterEnd || due == 0:
		return ""
	case last.Code == 421 && (last.Kind == wiremodel.Rcpt || last.Kind == wiremodel.Data),
		last.Code != 250 && last.Kind == wiremodel.Reset:
		return "(c)"
	}
	return ""
}

// patience bounds the time that a mail may take by what was waited for.
func (d *dialogue) patience(v *verdict, tag string) {
	limit := 45 * time.Minute
	refused, cancelled, late := true, false, time.Duration(0)
	events := d.oracle.Ledger.Events
	for _, e := range events {
		refused = refused && (e.Kind != wiremodel.Rcpt || e.Code >= 400)
		cancelled = cancelled || e.Answer == wiremodel.Cancel
		if e.Answer == wiremodel.Slow {
			late = 5 * time.Minute
		}
	}
	if len(events) > 0 && d.wrap == nil && d.form.mails == 1 {
		last := events[len(events)-1]
		if last.Kind == wiremodel.Verdict && last.Conn == 0 && refused {
			limit = time.Minute
		}
		if cancelled {
			limit = 10*time.Second + late
		}
	}
	if d.took[tag] > limit {
		v.add("waits too long", "%s took %v", tag, d.took[tag])
	}
}

// lockstep looks whether commands follow after the answer that matters.
func (d *dialogue) lockstep(v *verdict) {
	if !d.form.lockstep {
		return
	}
	for conn := range d.oracle.Ledger.Wires {
		var last *wiremodel.Event
		for _, e := range d.oracle.Ledger.Events {
			if e.Conn != conn {
				continue
			}
			if last != nil {
				v.add("lockstep goes on after the answer that matters", "%v %v after %d to %v", e.Kind, e.Rcpt, last.Code, last.Kind)
				break
			}
			if e.Odd && (e.Code == 421 || e.Kind == wiremodel.Reset && e.Code >= 400) {
				last = &e
			}
		}
	}
}

// mayHaveRun reports whether a refusal of BDAT is about the command: a server that does not know it may have
// run the octets of the content as commands.
func (d *dialogue) mayHaveRun(code int) bool {
	return slices.Contains(d.form.offer, "CHUNKING") && (code == 500 || code == 502 || code == 504)
}
