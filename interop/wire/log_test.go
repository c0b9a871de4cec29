package wire_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/interop/rig"
)

// entry is what the log of a server says of a message of one sender.
type entry struct{ Recipient, Queue string }

// logged waits until the log of a server tells of n messages of bulk senders, half a minute at most, and
// returns them by sender. A sender that is logged twice gets a recipient that no mail has.
func logged(t *testing.T, r *rig.Rig, server string, n int) map[string]entry {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		data, err := os.ReadFile(r.Get(t, strings.ToUpper(server)+"_LOG"))
		if err != nil {
			t.Fatal(err)
		}
		found := readers[server](string(data))
		if len(found) >= n || time.Now().After(deadline) {
			return found
		}
		time.Sleep(100 * time.Millisecond)
	}
}

var readers = map[string]func(log string) map[string]entry{"postfix": readPostfix, "exim": readExim}

var (
	postfixFrom = regexp.MustCompile(`qmgr\[\d+\]: (\w+): from=<(s\d+@rig\.test)>`)
	postfixTo   = regexp.MustCompile(`: (\w+): to=<([^>]*)>, .*status=sent`)
	eximFor     = regexp.MustCompile(` (\S+) <= (s\d+@rig\.test) .* for (\S+)$`)
	eximDropped = regexp.MustCompile(`F=<(s\d+@rig\.test)> RCPT <([^>]*)>: discarded`)
	eximFrom    = regexp.MustCompile(` (\S+) <= (s\d+@rig\.test) `)
)

// readPostfix pairs sender and recipient by queue id, which Postfix uses again for later messages.
func readPostfix(log string) map[string]entry {
	found, sender := map[string]entry{}, map[string]string{}
	for line := range strings.Lines(log) {
		if m := postfixFrom.FindStringSubmatch(line); m != nil {
			sender[m[1]] = m[2]
		} else if m := postfixTo.FindStringSubmatch(line); m != nil && sender[m[1]] != "" {
			note(found, sender[m[1]], entry{m[2], m[1]})
		}
	}
	return found
}

func readExim(log string) map[string]entry {
	found, dropped := map[string]entry{}, map[string]string{}
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		if m := eximDropped.FindStringSubmatch(line); m != nil {
			dropped[m[1]] = m[2]
		} else if m := eximFor.FindStringSubmatch(line); m != nil {
			note(found, m[2], entry{m[3], m[1]})
		} else if m := eximFrom.FindStringSubmatch(line); m != nil {
			note(found, m[2], entry{dropped[m[2]], m[1]})
		}
	}
	return found
}

func note(found map[string]entry, sender string, e entry) {
	if _, twice := found[sender]; twice {
		e.Recipient = "twice"
	}
	found[sender] = e
}
