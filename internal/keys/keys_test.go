package keys_test

import (
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/internal/keys"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var lower = []string{"a", "b", "c", "pool", "max_idle"}

func TestParse(t *testing.T) {
	for query, tc := range map[string]struct {
		list   keys.List
		faults []keys.Fault
	}{
		"":                {},
		"a=1":             {list: keys.List{{Name: "a", Value: "1"}}},
		"b=%26+%3D&a":     {list: keys.List{{Name: "a"}, {Name: "b", Value: "& ="}}},
		"A=1&b=2&b=2&c=3": {list: keys.List{{Name: "c", Value: "3"}}, faults: []keys.Fault{{Name: "A", Err: keys.ErrUnknown}, {Name: "b", Err: keys.ErrRepeated}}},
		"a=%zz":           {faults: []keys.Fault{{Err: keys.ErrEncoding}}},
		"a=1;b=2":         {faults: []keys.Fault{{Err: keys.ErrEncoding}}},
	} {
		list, faults := keys.Parse(query, lower)
		if diff := cmp.Diff([]any{tc.list, tc.faults}, []any{list, faults}, cmpopts.EquateErrors()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

// TestNearest: the error names the key that was probably meant, and no other.
func TestNearest(t *testing.T) {
	known := []string{"hello", "max_idle", "pool", "rate", "tls_roots", "timeout"}
	for text, want := range map[string]string{
		"Pool": "pool", "poool": "pool", "maxidle": "max_idle", "tls_root": "tls_roots", "tiemout": "timeout", "helo": "hello",
		"colour": "", "x": "", "": "", strings.Repeat("pool", 20): "", "hunter2": "",
	} {
		if got := keys.Nearest(text, known); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	_, faults := keys.Parse("poll=4", known)
	if len(faults) != 1 || !strings.Contains(faults[0].Err.Error(), "did you mean pool?") {
		t.Errorf("%v", faults)
	}
}

func TestWith(t *testing.T) {
	list, _ := keys.Parse("a=1&c=3", lower)
	if got := list.With(keys.Key{Name: "b", Value: "x y"}).String(); got != "?a=1&b=x+y&c=3" {
		t.Error(got)
	}
	if got := list.String(); got != "?a=1&c=3" {
		t.Errorf("the list was changed: %s", got)
	}
}

// FuzzKeys: what can be read prints as the same keys again.
func FuzzKeys(f *testing.F) {
	f.Add("a=1&b=%2526+%3D&c")
	f.Fuzz(func(t *testing.T, query string) {
		list, faults := keys.Parse(query, lower)
		if len(faults) > 0 {
			return
		}
		again, faults := keys.Parse(strings.TrimPrefix(list.String(), "?"), lower)
		if diff := cmp.Diff(list, again); diff != "" || len(faults) > 0 {
			t.Errorf("%q: %v, read again (-want +got):\n%s", query, faults, diff)
		}
	})
}
