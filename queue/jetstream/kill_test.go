package jetstream

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/queuetest"
)

func openAt(ctx context.Context, folder string) (queue.Engine, error) {
	return Embedded(folder).Open(ctx)
}

// TestMain makes children of the test's own program.
func TestMain(m *testing.M) {
	queuetest.KillChild(openAt)
	if os.Getenv(machineName) == "" {
		os.Exit(m.Run())
	}
	if err := machine(); err != nil {
		fmt.Fprintln(os.Stderr, os.Getenv(machineName), err)
		os.Exit(1)
	}
}

func newPlace(t *testing.T) string { return t.TempDir() }

func TestKillAtEachStep(t *testing.T) { queuetest.KillAtEachStep(t, openAt, newPlace) }

func TestKillAtRandom(t *testing.T) { queuetest.KillAtRandom(t, openAt, newPlace) }
