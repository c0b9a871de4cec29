package extension

import (
	"fmt"
	"strconv"
)

// ParamError says that a parameter of MAIL or RCPT has a value that must not be sent.
type ParamError struct {
	Param  string // such as "ENVID"
	Value  string // as given
	Reason string
}

// Error names the parameter, the value (shortened) and the reason.
func (e *ParamError) Error() string {
	const limit = 80
	value := strconv.Quote(e.Value[:min(len(e.Value), limit)])
	if len(e.Value) > limit {
		value += "..."
	}
	return e.Param + " " + value + ": " + e.Reason
}

// UnsupportedError says that a server cannot be asked for a parameter: it does not offer the extension, or
// not as much of it.
type UnsupportedError struct {
	Keyword Keyword // the extension
	Param   string  // the parameter that was wanted, such as "RET"
	Reason  string  // "" when the extension is not offered at all
}

// Error names the extension, the parameter and the reason.
func (e *UnsupportedError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("%s needs %s, which the server does not offer", e.Param, e.Keyword)
	}
	return fmt.Sprintf("%s is beyond what the server offers with %s: %s", e.Param, e.Keyword, e.Reason)
}
