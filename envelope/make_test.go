package envelope_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/google/go-cmp/cmp"
)

func TestParseEnvelope(t *testing.T) {
	for name, tc := range map[string]struct {
		from string
		to   []string
		want string
	}{
		"sender":       {"a@example.org", []string{"b@example.org", "c@example.org"}, "a@example.org > b@example.org, c@example.org"},
		"null":         {"", []string{"b@example.org"}, "<> > b@example.org"},
		"null as path": {"<>", []string{"b@example.org"}, "<> > b@example.org"},
		"twice":        {"a@example.org", []string{"b@example.org", "b@EXAMPLE.org"}, "a@example.org > b@example.org"},
	} {
		e, err := envelope.Parse(tc.from, tc.to...)
		if err != nil || e.String() != tc.want {
			t.Errorf("%s: %v, %v, want %s", name, e, err, tc.want)
		}
	}
}

// TestParseEnvelopeNamesEachFault: the sender and each recipient that cannot be used are named with their position.
func TestParseEnvelopeNamesEachFault(t *testing.T) {
	_, err := envelope.Parse("nobody", "b@example.org", "x y@example.org", "c@")
	type fault struct {
		Field string
		Index int
		Value string
	}
	var got []fault
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		if f, ok := errors.AsType[*envelope.FieldError](e); ok {
			got = append(got, fault{f.Field, f.Index, f.Value})
		}
	}
	want := []fault{{"From", 0, "nobody"}, {"Recipients", 1, "x y@example.org"}, {"Recipients", 2, "c@"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := envelope.Parse("a@example.org"); !errors.Is(err, envelope.ErrNoRecipient) {
		t.Errorf("no recipient: %v", err)
	}
}

func TestWithFromAndRecipients(t *testing.T) {
	e, err := envelope.NewWithOptions(mustParse(t, "a@example.org"), []envelope.Recipient{{Address: mustParse(t, "b@example.org")}}, envelope.Options{EnvelopeID: "x"})
	if err != nil {
		t.Fatal(err)
	}
	null := e.WithFrom(envelope.Address{})
	other, err := null.WithRecipients(envelope.Recipient{Address: mustParse(t, "c@example.org"), Notify: envelope.NotifyNever})
	if err != nil {
		t.Fatal(err)
	}
	if got := []string{e.String(), null.String(), other.String(), other.Options().EnvelopeID, other.At(0).Notify.String()}; !cmp.Equal(got, []string{
		"a@example.org > b@example.org", "<> > b@example.org", "<> > c@example.org", "x", "NEVER",
	}) {
		t.Errorf("%q", got)
	}
	if _, err := e.WithRecipients(); !errors.Is(err, envelope.ErrNoRecipient) {
		t.Errorf("no recipient: %v", err)
	}
}

func ExampleParse() {
	// A bounce address as the sender: where reports of failed delivery go.
	env, err := envelope.Parse("bounces@example.org", "hei@example.com", "yuin@example.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(env)
	fmt.Println(env.WithFrom(envelope.Address{})) // the null path, for mail that must not be answered
	// Output:
	// bounces@example.org > hei@example.com, yuin@example.com
	// <> > hei@example.com, yuin@example.com
}
