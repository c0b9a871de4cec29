package pool

// Reason says why a resource was given up.
type Reason string

// The reasons.
const (
	Spent       Reason = "no longer usable"
	Dead        Reason = "ended while idle"
	TooIdle     Reason = "idle for IdleTimeout"
	TooOld      Reason = "as old as MaxAge"
	TooMany     Reason = "more than the server bears"
	TooManyIdle Reason = "more idle than MaxIdle"
	MakesRoom   Reason = "makes room for a new one"
	Closing     Reason = "the transport is closed"
)

// news is a resource that was given up.
type news[R any] struct {
	value R
	why   Reason
}

// note keeps what Left is told when the lock is free.
func (p *Pool[R]) note(l *Lease[R], why Reason) {
	if p.options.Left != nil {
		p.news = append(p.news, news[R]{l.value, why})
	}
}

// unlock frees the lock, and tells what has happened under it.
func (p *Pool[R]) unlock() {
	list := p.group.leave()
	p.mu.Unlock()
	for _, t := range list {
		for _, l := range t.lessons {
			t.to.Learned(l.most, l.cause)
		}
		for _, n := range t.news {
			t.to.Left(n.value, n.why)
		}
	}
}
