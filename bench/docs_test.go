package bench

import (
	"testing"

	"github.com/depeche-mail/depeche/internal/docsnippet"
)

// TestSnippets holds that the code of other libraries in the pages on migration compiles.
func TestSnippets(t *testing.T) { docsnippet.Run(t, "..", "bench", 3) }
