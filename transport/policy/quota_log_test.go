package policy

import (
	"testing"
	"time"
)

// TestQuotaLog: what is kept is what a limit needs, and a mail that failed is found among later ones.
func TestQuotaLog(t *testing.T) {
	now := time.Now()
	for name, tc := range map[string]struct {
		quota Quota
		kept  int
	}{"no limit": {Quota{}, 0}, "mails": {Quota{Messages: 100}, 9}, "recipients": {Quota{Recipients: 100}, 9}} {
		l := &quotaLog{Quota: tc.quota}
		l.Per = time.Hour
		var entries []*quotaEntry
		for i := range 10 {
			e, full := l.take(now.Add(time.Duration(i)), 2)
			if full != nil {
				t.Fatal(full)
			}
			entries = append(entries, e)
		}
		for i, e := range entries {
			l.settle(e, map[bool]int{true: 0, false: 2}[i == 4])
		}
		if len(l.sent) != tc.kept || l.recipients != 2*tc.kept {
			t.Errorf("%s: %d mails and %d recipients are kept", name, len(l.sent), l.recipients)
		}
		if _, full := l.take(now.Add(2*l.Per), 1); full != nil {
			t.Error(full)
		}
		for _, e := range entries { // which are older than Per
			l.settle(e, 0)
		}
		if len(l.sent) != min(tc.kept, 1) || l.recipients != len(l.sent) {
			t.Errorf("%s, later: %d mails and %d recipients are kept", name, len(l.sent), l.recipients)
		}
	}
}
