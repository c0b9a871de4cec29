package river_test

import (
	"testing"

	"github.com/depeche-mail/depeche/internal/docsnippet"
	_ "github.com/depeche-mail/depeche/transport/smtp" // the pages send over it
)

// TestSnippets holds that the Go code of this module in the pages of the documentation compiles.
func TestSnippets(t *testing.T) { docsnippet.Run(t, "../..", "queue/river", 1) }
