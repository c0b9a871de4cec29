package ending_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/depeche-mail/depeche/internal/ending"
)

// group notes what it is told.
type group struct {
	name string
	log  *[]string
	err  error
}

func (g *group) Ending(tokens []any) error {
	*g.log = append(*g.log, fmt.Sprint(g.name, tokens))
	return g.err
}

func TestAll(t *testing.T) {
	var log []string
	full := errors.New("disk full")
	a, b := &group{"a", &log, nil}, &group{"b", &log, nil}
	list := []ending.Ending{{a, 1}, {b, 2}, {a, 3}}
	if err := ending.All(list); err != nil || fmt.Sprint(log) != "[a[1 3] b[2]]" {
		t.Error(log, err)
	}
	log, a.err = nil, full
	if err := ending.All(list); !errors.Is(err, full) || fmt.Sprint(log) != "[a[1 3]]" {
		t.Error(log, err)
	}
	calls := 0
	f := alone(func() { calls++ })
	if err := ending.All([]ending.Ending{{f, 1}, {f, 2}}); err != nil || calls != 2 {
		t.Error(calls, err)
	}
	if err := ending.All(nil); err != nil {
		t.Error(err)
	}
}

// alone is a group that cannot be compared.
type alone func()

func (a alone) Ending([]any) error {
	a()
	return nil
}
