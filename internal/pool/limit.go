package pool

import "time"

// limit is how many resources their provider bears, as far as it has shown by refusals. It rises by one in each minute
// without a refusal, and is forgotten after ten.
type limit struct {
	most    int // 0 when nothing was learned
	refused time.Time
}

const (
	raiseAfter  = time.Minute
	forgetAfter = 10 * time.Minute
)

// refuse learns from a refusal while others were open. Without others the provider bears less than it did: half of most.
func (l *limit) refuse(others, most int) {
	l.most, l.refused = others, time.Now()
	if others == 0 {
		l.most = max(most/2, 1)
	}
}

// bears learns from a success: the provider bears as many as are open.
func (p *Pool[R]) bears(open int) {
	if most, _ := p.limit.current(); most > 0 && open > most {
		p.limit.most = open
		p.learned(nil)
	}
}

// current returns the limit of this moment; 0 without one, and forgotten when there was one until now.
func (l *limit) current() (most int, forgotten bool) {
	if l.most == 0 {
		return 0, false
	}
	quiet := time.Since(l.refused)
	if quiet >= forgetAfter {
		*l = limit{}
		return 0, true
	}
	return l.most + int(quiet/raiseAfter), false
}

// most returns how many resources may be open now.
func (p *Pool[R]) most() int {
	learned, forgotten := p.limit.current()
	if forgotten {
		p.learned(nil)
	}
	if learned == 0 {
		return p.options.MaxOpen
	}
	return min(p.options.MaxOpen, learned)
}

// learned keeps what Learned is told when the lock is free.
func (p *Pool[R]) learned(cause error) {
	if p.options.Learned != nil {
		p.lessons = append(p.lessons, lesson{p.limit.most, cause})
	}
}

// lesson is what was learned about how many may be open.
type lesson struct {
	most  int
	cause error
}

// tooMany learns from a refusal of one resource while others may be open.
func (p *Pool[R]) tooMany(cause error) {
	before := p.most()
	p.limit.refuse(p.group.count().open, before)
	p.stats.Refused++
	if p.most() < before {
		p.learned(cause)
	}
}
