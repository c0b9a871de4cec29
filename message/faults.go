package message

// Faults returns every [*FieldError] in the error of a Build, in its order: for a form that shows each fault beside its
// field. It looks into joined errors and into errors that wrap one.
func Faults(err error) []*FieldError {
	switch e := err.(type) { //nolint:errorlint // the tree of errors is walked here
	case nil:
		return nil
	case *FieldError:
		return []*FieldError{e}
	case interface{ Unwrap() []error }:
		var list []*FieldError
		for _, inner := range e.Unwrap() {
			list = append(list, Faults(inner)...)
		}
		return list
	case interface{ Unwrap() error }:
		return Faults(e.Unwrap())
	}
	return nil
}
