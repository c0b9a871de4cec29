package bolt_test

import (
	"context"
	"os"
	"testing"

	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/bolt"
	"github.com/depeche-mail/depeche/queue/queuetest"
)

// TestMain makes children of the test's own program.
func TestMain(m *testing.M) {
	queuetest.KillChild(openAt)
	os.Exit(m.Run())
}

func openAt(_ context.Context, folder string) (queue.Engine, error) {
	return bolt.Open(folder, bolt.Options{})
}

func newPlace(t *testing.T) string { return t.TempDir() }

func TestKillAtEachStep(t *testing.T) { queuetest.KillAtEachStep(t, openAt, newPlace) }

func TestKillAtRandom(t *testing.T) { queuetest.KillAtRandom(t, openAt, newPlace) }
