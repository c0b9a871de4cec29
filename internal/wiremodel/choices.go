package wiremodel

// Choices walks a tree of choices from the first leaf to the last: a run asks Pick at each fork, and Next
// goes on to the path after the one that was taken. A fork that a run does not reach is not part of its
// tree, so that no two runs are the same: that is how symmetry is pruned, and no dialogue is left out.
type Choices struct {
	// Odd is how many picks of one run may differ from 0; negative for any number.
	Odd int

	path  []int // what is picked at each fork
	wide  []int // how many ways each fork has
	at    int   // the next fork
	spent int   // picks of this run other than 0
	fixed int   // forks that Next does not touch
}

// At returns choices of which the first ones are fixed.
func At(odd int, path ...int) *Choices {
	return &Choices{Odd: odd, path: path, wide: make([]int, len(path)), fixed: len(path)}
}

// Pick returns the way at a fork with n ways: 0 is the normal one.
func (c *Choices) Pick(n int) int {
	if c.Odd >= 0 && c.spent >= c.Odd && c.at >= len(c.path) {
		return 0
	}
	if c.at == len(c.path) {
		c.path, c.wide = append(c.path, 0), append(c.wide, n)
	}
	way := c.take(n)
	if way > 0 {
		c.spent++
	}
	return way
}

// Free is Pick for a fork that has no normal way.
func (c *Choices) Free(n int) int {
	if c.at == len(c.path) {
		c.path, c.wide = append(c.path, 0), append(c.wide, n)
	}
	return c.take(n)
}

func (c *Choices) take(n int) int {
	c.wide[c.at] = n
	way := min(c.path[c.at], n-1)
	c.at++
	return way
}

// Next prepares the next run, and reports false without one.
func (c *Choices) Next() bool {
	c.path, c.wide = c.path[:max(c.at, c.fixed)], c.wide[:max(c.at, c.fixed)]
	for len(c.path) > c.fixed {
		last := len(c.path) - 1
		if c.path[last]+1 < c.wide[last] {
			c.path[last]++
			c.at, c.spent = 0, 0
			return true
		}
		c.path, c.wide = c.path[:last], c.wide[:last]
	}
	return false
}

// Path returns what was picked in this run.
func (c *Choices) Path() []int { return append([]int(nil), c.path[:min(c.at, len(c.path))]...) }

// Spent returns how many picks of this run were not 0.
func (c *Choices) Spent() int { return c.spent }

// Reached returns how many forks this run has come to.
func (c *Choices) Reached() int { return c.at }

// Wide returns how many ways fork i of this run has.
func (c *Choices) Wide(i int) int { return c.wide[i] }
