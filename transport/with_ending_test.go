package transport_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/depeche-mail/depeche/transport"
)

// cut is a writer that fails.
type cut struct{}

func (cut) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// endings notes what it is told.
type endings struct {
	name string
	log  *[]string
	err  *error
}

func (e *endings) Ending(tokens []any) error {
	*e.log = append(*e.log, fmt.Sprint(e.name, tokens))
	return *e.err
}

// TestWithEnding holds when the hooks are called, in which order, and what becomes of their errors.
func TestWithEnding(t *testing.T) {
	var calls []string
	var failing error
	a := &endings{"a", &calls, &failing}
	b := &endings{"b", &calls, &failing}
	m := transport.WithEnding(transport.WithKey(transport.WithEnding(mail(t, "x@example.org"), a, 1), "k"), b, 2)
	if _, err := m.WriteTo(io.Discard); err != nil || !slices.Equal(calls, []string{"a[1]", "b[2]"}) {
		t.Errorf("called %v, %v", calls, err)
	}
	calls = nil
	if _, err := m.WriteTo(cut{}); !errors.Is(err, io.ErrClosedPipe) || calls != nil {
		t.Errorf("content that could not be written: called %v, %v", calls, err)
	}
	failing = errors.New("disk full")
	if _, err := m.WriteTo(io.Discard); !errors.Is(err, failing) || !slices.Equal(calls, []string{"a[1]"}) {
		t.Errorf("a hook that fails: called %v, %v", calls, err)
	}
	calls, failing = nil, nil
	quiet := transport.WithEnding(unsized{mail(t, "x@example.org")}, a, 1)
	info, known := quiet.(interface {
		BodyInfo() (transport.BodyInfo, bool)
	}).BodyInfo()
	var written bytes.Buffer
	if _, err := mail(t, "x@example.org").WriteTo(&written); err != nil || !known || info.Size != int64(written.Len()) || calls != nil {
		t.Errorf("a mail that does not know its octets: %+v, %v, called %v", info, known, calls)
	}
	if transport.KeyOf(m) != "k" || transport.MessageID(m) != "<1@example.org>" {
		t.Error("the mail lost its key or its Message-ID")
	}
}
