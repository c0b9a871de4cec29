package envelope

import (
	"errors"
	"fmt"
	"strconv"
)

// FieldError says which input of a builder or constructor is unusable, and why.
type FieldError struct {
	Field string // the step or field, such as "To" or "Port"
	Index int    // the position among repeated values of the field, from 0
	Value string // the value as given; empty where it is a secret
	Err   error  // the reason
}

// Error names the field, the value (shortened) and the reason.
func (e *FieldError) Error() string {
	field := e.Field
	if e.Index > 0 {
		field += "[" + strconv.Itoa(e.Index) + "]"
	}
	if e.Value == "" {
		return field + ": " + e.Err.Error()
	}
	return field + " " + quoteShort(e.Value) + ": " + e.Err.Error()
}

// Unwrap returns the reason.
func (e *FieldError) Unwrap() error { return e.Err }

// ParseError says where an address stops being one.
type ParseError struct {
	Input  string // what was parsed
	Offset int    // the octet at which the fault was found
	Reason string
}

// Error says what is wrong in words, and names the input (shortened), the octet and what was expected there.
func (e *ParseError) Error() string {
	return fmt.Sprintf("address %s: %s (%s at octet %d)", quoteShort(e.Input), e.Words(), e.Reason, e.Offset)
}

// Errors of [New] and [NewWithOptions], wrapped in a [FieldError].
var (
	ErrNoRecipient   = errors.New("an envelope needs at least one recipient")
	ErrNullRecipient = errors.New("the null path can send but not receive")
	// ErrNoDomain is also the error of a message that names [Postmaster] in a field.
	ErrNoDomain = errors.New("<Postmaster> has no domain: it can only receive, by an envelope")
)

// quoteShort quotes s for an error text and cuts it, because an attacker who controls s would otherwise
// control how long the error and the log line get.
func quoteShort(s string) string {
	const limit = 80
	if len(s) <= limit {
		return strconv.Quote(s)
	}
	return strconv.Quote(s[:limit]) + "..."
}
