package sendmail

import (
	"testing"
	"time"
)

// SetGoodbye sets for how long the output of a command that has ended is waited for, until the test ends.
func SetGoodbye(t *testing.T, d time.Duration) {
	t.Helper()
	before := goodbye
	goodbye = d
	t.Cleanup(func() { goodbye = before })
}
