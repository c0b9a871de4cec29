package panics_test

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/internal/panics"
)

var errBroken = errors.New("broken")

func breaks() { panic(errBroken) }

// TestPanicGoesOn: the first panic goes on in the goroutine of Rethrow, with the stack of its own.
func TestPanicGoesOn(t *testing.T) {
	var c panics.Catcher
	var work sync.WaitGroup
	work.Go(func() { c.Do(breaks) })
	work.Wait()
	if c.Do(func() { panic("a later one") }) || !c.Caught() {
		t.Error("it returned")
	}
	defer func() {
		p, ok := recover().(*panics.Panic)
		if !ok || !errors.Is(p, errBroken) || !strings.Contains(p.Error(), "panics_test.breaks") {
			t.Errorf("recovered %v", p)
		}
	}()
	var outer panics.Catcher
	outer.Do(c.Rethrow) // a panic that passes through keeps its stack
	outer.Rethrow()
}

// TestGoexitGoesOn: the end of a goroutine goes on as the end of the goroutine of Rethrow.
func TestGoexitGoesOn(t *testing.T) {
	var c panics.Catcher
	var work sync.WaitGroup
	work.Go(func() { c.Do(runtime.Goexit) })
	work.Wait()
	returned := false
	work.Go(func() {
		c.Rethrow()
		returned = true
	})
	work.Wait()
	if returned || !c.Caught() {
		t.Error("the goroutine went on")
	}
}

// TestGroup: all others end before the panic goes on, and can know of it.
func TestGroup(t *testing.T) {
	var g panics.Group
	ended := false
	failed := g.Failed()
	g.Go(breaks)
	g.Go(func() {
		<-failed
		<-g.Failed()
		ended = true
	})
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, errBroken) || !ended {
			t.Errorf("recovered %v, the other ended: %v", err, ended)
		}
	}()
	g.Wait()
}

func TestNothingCaught(t *testing.T) {
	var c panics.Catcher
	if !c.Do(func() {}) || c.Caught() {
		t.Error("caught what did not panic")
	}
	c.Rethrow()
}
