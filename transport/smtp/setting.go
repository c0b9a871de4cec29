package smtp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// setting is one thing that can be configured: a key of a URL, the field of a Config with the same name, and the
// step of a Builder that says the same. The page about URLs is written from the list of them.
type setting struct {
	key   string
	step  string // of Builder
	value string // what a value is, for the page
	unset string // what holds without it, for the page
	tls   bool   // makes no sense without TLS
	// restricts says that a list that is written and empty is a fault: without it more would be allowed.
	restricts bool
	// set reads a value into what a builder has collected.
	set func(s *state, value string) error
	// get is the opposite of set: "" where nothing but the default is set.
	get func(s *state) string
}

// count is a setting that is a whole number above 0.
func count(field func(s *state) *int) setting {
	return setting{
		set: func(s *state, value string) error {
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 {
				return fmt.Errorf("%q: want a number above 0", value)
			}
			*field(s) = n
			return nil
		},
		get: func(s *state) string {
			if n := *field(s); n != 0 {
				return strconv.Itoa(n)
			}
			return ""
		},
	}
}

// duration is a setting that is a length of time above 0.
func duration(field func(s *state) *time.Duration) setting {
	return setting{
		set: func(s *state, value string) error {
			d, err := parseDuration(value)
			*field(s) = d
			return err
		},
		get: func(s *state) string { return durationText(*field(s)) },
	}
}

func parseDuration(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q: want a duration such as 30s", value)
	}
	return d, nil
}

// durationText is the shortest text of a duration, such as 1m for 60 seconds; "" for 0.
func durationText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

var errFlag = errors.New("want true or false")

// truth is a setting that is true or false.
func truth(field func(s *state) *bool) setting {
	return setting{
		set: func(s *state, value string) error {
			switch value {
			case "true", "false":
				*field(s) = value == "true"
				return nil
			}
			return fmt.Errorf("%q: %w", value, errFlag)
		},
		get: func(s *state) string {
			if *field(s) {
				return "true"
			}
			return ""
		},
	}
}

// text is a setting that is any text but the empty one.
func text(field func(s *state) *string) setting {
	return setting{
		set: func(s *state, value string) error {
			if value == "" {
				return errors.New("want a value")
			}
			*field(s) = value
			return nil
		},
		get: func(s *state) string { return *field(s) },
	}
}

// choice is a setting that is one of some words; the first stands for the zero value.
func choice[T comparable](field func(s *state) *T, words []string, values []T) setting {
	return setting{
		set: func(s *state, value string) error {
			for i, word := range words {
				if word == value {
					*field(s) = values[i]
					return nil
				}
			}
			return fmt.Errorf("%q: want one of %s", value, strings.Join(words, ", "))
		},
		get: func(s *state) string {
			var zero T
			for i, v := range values {
				if *field(s) == v && v != zero {
					return words[i]
				}
			}
			return ""
		},
	}
}

// as gives a setting its names.
func (x setting) as(key, step string) setting {
	x.key, x.step = key, step
	return x
}

// page gives a setting its words on the page.
func (x setting) page(value, unset string) setting {
	x.value, x.unset = value, unset
	return x
}

// secure marks a setting as one of TLS.
func (x setting) secure() setting {
	x.tls = true
	return x
}

// strict marks a list that must not be empty where it is written.
func (x setting) strict() setting {
	x.restricts = true
	return x
}

// apply sets a value. Faults name the key, in the manner of where the value comes from.
func (s *state) apply(x setting, value string) {
	if x.tls {
		s.security.steps = append(s.security.steps, s.keyFault(x.key, errNoTLS))
	}
	err := x.set(s, value)
	if err != nil && s.unsure {
		err = errValue
	}
	if err != nil {
		s.errs = append(s.errs, s.keyFault(x.key, err))
	}
}

// keyFault is the fault of a setting: of a URL it has the key as value, for nothing else of a URL is quoted.
func (s *state) keyFault(key string, err error) *FieldError {
	if s.origin == fromURL {
		return &FieldError{Field: "URL", Value: key, Err: err}
	}
	return &FieldError{Field: key, Err: err}
}

// own is a setting that reads and prints in its own way.
func own(set func(s *state, value string) error, get func(s *state) string) setting {
	return setting{set: set, get: get}
}

// list is a setting that is one or more texts, separated by commas.
func list(add func(s *state, value string) error, get func(s *state) []string) setting {
	return setting{
		set: func(s *state, value string) error {
			for part := range strings.SplitSeq(value, ",") {
				if err := add(s, part); err != nil {
					return fmt.Errorf("%q: %w", part, err)
				}
			}
			return nil
		},
		get: func(s *state) string { return strings.Join(get(s), ",") },
	}
}
