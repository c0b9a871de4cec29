package mailtest

import (
	"slices"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Diff returns how got differs from want, as cmp.Diff shows it, and "" when it does not. What is random in
// a mail does not count: Date, Message-ID and the boundaries.
func Diff(want, got *View) string {
	return cmp.Diff(stable(want), stable(got), cmpopts.EquateEmpty())
}

// stable returns a copy of v without what is random.
func stable(v *View) View {
	copied := *v
	copied.Header = slices.Clone(v.Header)
	for i, f := range copied.Header {
		switch f.Name {
		case "Date":
			copied.Header[i].Value = normalDate
		case "Message-Id":
			copied.Header[i].Value = normalID(f.Value)
		case "Content-Type":
			copied.Header[i].Value = anyBoundary.ReplaceAllString(f.Value, "boundary=...")
		}
	}
	return copied
}
