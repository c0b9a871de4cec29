package pool

import (
	"container/list"
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"
)

// crowd is a pool of one resource, which the returned lease has, and n users who wait for it.
func crowd(n int) (*Pool[int], *Lease[int], []*waiter[int]) {
	p := New(Options[int]{
		MaxOpen: 1, MaxIdle: 1,
		Open:  func(context.Context) (int, error) { return 1, nil },
		Close: func(int) {}, Kill: func(int) {},
	})
	l, err := p.Get(context.Background())
	if err != nil {
		panic(err)
	}
	users := make([]*waiter[int], n)
	p.mu.Lock()
	defer p.unlock()
	for i := range users {
		users[i] = p.wait(nil, false)
	}
	return p, l, users
}

// TestHandOverLooksAtNoOthers: to give a resource to the one who is next, and to let one go from the middle, those who wait
// are not gone through: all others but the next one are mines here. So the steps do not depend on their number.
func TestHandOverLooksAtNoOthers(t *testing.T) {
	const n = 10_000
	p, l, users := crowd(n)
	mines := map[*list.Element]*waiter[int]{}
	p.mu.Lock()
	for _, w := range users {
		mines[w.place] = w
		w.place.Value = nil // who looks at it panics
	}
	p.mu.Unlock()
	disarm := func(w *waiter[int]) {
		p.mu.Lock()
		w.place.Value = mines[w.place]
		p.mu.Unlock()
	}
	first, end := 0, n
	for end-first > 2 {
		disarm(users[first])
		disarm(users[first+1])
		l.Release()
		<-users[first].ready
		l = users[first].lease
		first++
		leaves := users[(first+end)/2]
		disarm(leaves)
		if !p.leave(leaves) {
			t.Fatal("it was not there")
		}
		users = append(users[:(first+end)/2], users[(first+end)/2+1:]...)
		end--
	}
	if s := p.Stats(); s.Waiting != end-first || s.Waits != n {
		t.Errorf("%v", s)
	}
}

// TestLeavingKeepsTheOrder: users whose ctx ends leave from anywhere, and the others are served in the order in which they
// came.
func TestLeavingKeepsTheOrder(t *testing.T) {
	const n = 300
	p, l, users := crowd(n)
	for i, w := range users {
		if i%3 > 0 && !p.leave(w) {
			t.Fatal("it was not there")
		}
	}
	for i := 0; i < n; i += 3 {
		l.Release()
		select {
		case <-users[i].ready:
			l = users[i].lease
		default:
			t.Fatalf("user %d is not next", i)
		}
	}
	if s := p.Stats(); s.Waiting != 0 {
		t.Errorf("%v", s)
	}
}

// BenchmarkHandOver: a resource goes from one user to the next while others wait; and users leave from the middle and
// come again at the end. "x100" is how much longer than with 100 it takes.
func BenchmarkHandOver(b *testing.B) {
	for _, leave := range []bool{false, true} {
		var of100 float64
		for _, n := range []int{100, 1_000, 10_000} {
			b.Run(fmt.Sprintf("leave=%v/waiting=%d", leave, n), func(b *testing.B) {
				p, l, users := crowd(n)
				runtime.GC()
				begin := time.Now()
				i := 0
				for b.Loop() {
					at := i % n
					w := users[at]
					if leave {
						at = (i*7919 + n/2) % n // 7919 is prime: each has its turn
						w = users[at]
						p.leave(w)
					} else {
						l.Release()
						l = w.lease
					}
					p.mu.Lock()
					users[at] = p.wait(nil, false)
					p.unlock()
					i++
				}
				each := float64(time.Since(begin)) / float64(i)
				if n == 100 {
					of100 = each
				}
				b.ReportMetric(each/of100, "x100")
			})
		}
	}
}
