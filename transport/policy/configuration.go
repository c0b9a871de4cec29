package policy

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// ErrNoTransport is why a combinator without a transport to send over cannot be built.
var ErrNoTransport = errors.New("a transport is missing")

// configErrors collects what is wrong with a configuration.
type configErrors struct{ errs []error }

func (f *configErrors) add(field string, index int, value string, err error) {
	f.errs = append(f.errs, &envelope.FieldError{Field: field, Index: index, Value: value, Err: err})
}

// over checks transports that must be there.
func (f *configErrors) over(field string, list ...transport.Transport) {
	for i, t := range list {
		if t == nil {
			f.add(field, i, "", ErrNoTransport)
		}
	}
}

var errNegative = errors.New("must not be negative")

func (f *configErrors) count(field string, n int64) {
	if n < 0 {
		f.add(field, 0, strconv.FormatInt(n, 10), errNegative)
	}
}

func (f *configErrors) duration(field string, d time.Duration) {
	if d < 0 {
		f.add(field, 0, d.String(), errNegative)
	}
}

// choice checks a value of an enumeration.
func choice[T ~uint8](f *configErrors, field string, value, last T) {
	if value > last {
		f.add(field, 0, fmt.Sprint(uint8(value)), errors.New("is not one of the choices"))
	}
}

func (f *configErrors) err() error { return errors.Join(f.errs...) }
