package keys_test

import (
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/internal/keys"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func lower(name string) bool { return strings.ToLower(name) == name }

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
