package bodyscan_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/internal/bodyscan"
)

// said is a message that says how long it is, and may be wrong.
type said struct {
	text string
	size int64
	deaf bool // it does not look at errors
}

func (s said) BodyInfo() (bodyscan.Info, bool) { return bodyscan.Info{Size: s.size}, true }

func (s said) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, s.text)
	if s.deaf {
		return int64(len(s.text)), nil
	}
	return int64(n), err
}

// octets writes a message octet by octet and looks at no error.
type octets struct{ said }

func (o octets) WriteTo(w io.Writer) (int64, error) {
	for i := range len(o.text) {
		_, _ = io.WriteString(w, o.text[i:i+1]) // it is deaf
	}
	return int64(len(o.text)), nil
}

// TestTooMuchIsFoundAtTheEnd: what is too much is found although what was handed on before has the planned length.
func TestTooMuchIsFoundAtTheEnd(t *testing.T) {
	var b strings.Builder
	err := bodyscan.WriteWhole(&b, octets{said{"abc", 2, true}})
	if wrong, ok := errors.AsType[*bodyscan.LengthError](err); !ok || wrong.Written != 3 || b.String() != "ab" {
		t.Errorf("%q, %v", b.String(), err)
	}
}

// TestWriteWhole: content is as long as it said, or that is an error and what is too much is not written.
func TestWriteWhole(t *testing.T) {
	for name, tc := range map[string]struct {
		message said
		written string
		wrong   bool
	}{
		"exact":            {said{"abc", 3, false}, "abc", false},
		"empty":            {said{"", 0, false}, "", false},
		"shorter":          {said{"abc", 4, false}, "abc", true},
		"longer":           {said{"abc", 2, false}, "", true},
		"longer, and deaf": {said{"abc", 2, true}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			err := bodyscan.WriteWhole(&b, tc.message)
			if b.String() != tc.written || errors.As(err, new(*bodyscan.LengthError)) != tc.wrong || (err != nil) != tc.wrong {
				t.Errorf("%q, %v", b.String(), err)
			}
		})
	}
}
