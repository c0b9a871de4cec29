// Package ending tells who wants to know it that mails are about to leave completely, once for all mails of a
// flight.
package ending

import (
	"io"
	"reflect"
)

// Group is told of several of its mails at once. One whose type is not comparable is told of each alone.
type Group interface {
	// Ending is called before the write that ends these mails. When it fails, none of them is written to its end.
	Ending(tokens []any) error
}

// Ending is what one mail wants to be told.
type Ending struct {
	Group Group
	Token any // of the mail
}

// Late is a mail whose endings can be told after its content was written and before its end is.
type Late interface {
	// LateEndings returns the endings; none means that WriteTo is all there is.
	LateEndings() []Ending
	// WriteContent is WriteTo without the endings, which the caller tells.
	WriteContent(w io.Writer) (int64, error)
}

// Error is an error of a group. It says nothing about the relay that the mails were on their way to.
type Error struct{ Err error }

// Error is the error of the group.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the error of the group.
func (e *Error) Unwrap() error { return e.Err }

// All tells each group of its mails, in the order of the first of each. Its error is an [*Error].
func All(list []Ending) error {
	for len(list) > 0 {
		group := list[0].Group
		var tokens []any
		var rest []Ending
		for i, e := range list {
			if i == 0 || reflect.TypeOf(group).Comparable() && e.Group == group {
				tokens = append(tokens, e.Token)
			} else {
				rest = append(rest, e)
			}
		}
		if err := group.Ending(tokens); err != nil {
			return &Error{err}
		}
		list = rest
	}
	return nil
}
