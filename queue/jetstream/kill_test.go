package jetstream

import (
	"context"
	"os"
	"testing"

	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/queuetest"
)

func openAt(ctx context.Context, folder string) (queue.Engine, error) {
	return Embedded(folder).Open(ctx)
}

// TestMain makes a child of the test's own program.
func TestMain(m *testing.M) {
	queuetest.KillChild(openAt)
	os.Exit(m.Run())
}

func TestKillAtEachStep(t *testing.T) {
	queuetest.KillAtEachStep(t, openAt, func(t *testing.T) string { return t.TempDir() })
}
