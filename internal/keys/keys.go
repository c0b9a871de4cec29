// Package keys reads and prints the keys after the question mark of a URL, strictly: a setting that is
// ignored is found out when it is too late.
package keys

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Key is a key and its value, percent-decoded.
type Key struct{ Name, Value string }

// List has each name once, in alphabetical order. It is not changed.
type List []Key

// Fault is what is wrong with a key; with all of them where Name is "".
type Fault struct {
	Name string
	Err  error
}

// What may be wrong.
var (
	ErrEncoding = errors.New("the keys are not percent-encoded correctly")
	ErrUnknown  = errors.New("unknown key")
	ErrRepeated = errors.New("key given more than once")
)

// Parse reads the part of a URL after the question mark. known are the names that there are. The error of another name
// has the one that is nearest to it.
func Parse(query string, known []string) (List, []Fault) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, []Fault{{Err: ErrEncoding}} // err quotes what may be part of a password
	}
	var (
		list   List
		faults []Fault
	)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case !slices.Contains(known, name):
			err := ErrUnknown
			if near := Nearest(name, known); near != "" {
				err = fmt.Errorf("%w; did you mean %s?", ErrUnknown, near)
			}
			faults = append(faults, Fault{name, err})
		case len(values[name]) > 1:
			faults = append(faults, Fault{name, ErrRepeated})
		default:
			list = append(list, Key{name, values[name][0]})
		}
	}
	return list, faults
}

// With returns the list and one more key.
func (l List) With(k Key) List {
	l = append(slices.Clone(l), k)
	slices.SortFunc(l, func(a, b Key) int { return strings.Compare(a.Name, b.Name) })
	return l
}

// String returns what Parse reads, with the question mark; "" for no keys.
func (l List) String() string {
	var b strings.Builder
	separator := "?"
	for _, k := range l {
		b.WriteString(separator + url.QueryEscape(k.Name) + "=" + url.QueryEscape(k.Value))
		separator = "&"
	}
	return b.String()
}
