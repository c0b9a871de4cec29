package schedule

// Pages is a list of any length that never moves and has at most one page more room than it needs, where a slice may have a quarter.
type Pages[T any] struct {
	pages []*[pageSize]T
	n     int
}

const pageSize = 1024

// Len returns how many there are.
func (p *Pages[T]) Len() int { return p.n }

// At returns a place, which stays where it is.
func (p *Pages[T]) At(i ID) *T { return &p.pages[i/pageSize][i%pageSize] }

// Add adds one at the end and returns its number.
func (p *Pages[T]) Add(v T) ID {
	if p.n == len(p.pages)*pageSize {
		p.pages = append(p.pages, new([pageSize]T))
	}
	id := ID(p.n)
	p.n++
	*p.At(id) = v
	return id
}
