package otel_test

import (
	"testing"

	"github.com/depeche-mail/depeche/internal/docsnippet"
)

// TestSnippets holds that the Go code of this module in the pages of the documentation compiles.
func TestSnippets(t *testing.T) { docsnippet.Run(t, "..", "otel", 1) }
