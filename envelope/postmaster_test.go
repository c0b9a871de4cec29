package envelope_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
)

// TestPostmaster: the one address without a domain prints, parses and compares as every other one, and is not what a
// local part becomes whose domain is missing.
func TestPostmaster(t *testing.T) {
	p := envelope.Postmaster()
	if p.String() != "<Postmaster>" || p.LocalPart() != "Postmaster" || p.Domain() != "" || p.IsNull() || !p.IsPostmaster() || p.NeedsSMTPUTF8() {
		t.Errorf("%v: %q at %q", p, p.LocalPart(), p.Domain())
	}
	if ascii, ok := p.ASCII(); !ok || ascii != p.String() || p.Unicode() != p.String() {
		t.Errorf("ASCII %q, Unicode %q", ascii, p.Unicode())
	}
	for _, text := range []string{"<Postmaster>", "<postmaster>", "<POSTMASTER>"} {
		if a := mustParse(t, text); a != p || a.Compare(p) != 0 {
			t.Errorf("%s is %v", text, a)
		}
	}
	for _, text := range []string{"Postmaster", "postmaster", "<Postmaster", "<Postmaster>@", `"<Postmaster>"`, "<hostmaster>"} {
		if a, err := envelope.ParseAddress(text); err == nil {
			t.Errorf("%s is %v", text, a)
		}
	}
	if a := mustParse(t, "Postmaster@example.org"); a.IsPostmaster() || a == p || a.Compare(p) == 0 {
		t.Errorf("%v is the postmaster without a domain", a)
	}
}

// TestPostmasterReceives: it may be a recipient, which its stored form keeps, and nothing else.
func TestPostmasterReceives(t *testing.T) {
	env, err := envelope.Parse("a@example.org", "<postmaster>", "b@example.org", "<Postmaster>")
	if err != nil || env.Len() != 2 || !env.At(0).Address.IsPostmaster() {
		t.Fatal(env, err)
	}
	stored, err := json.Marshal(env)
	var again envelope.Envelope
	if err != nil || json.Unmarshal(stored, &again) != nil || again.String() != "a@example.org > <Postmaster>, b@example.org" {
		t.Errorf("%s reads as %v, %v", stored, again, err)
	}
	if err := envelope.Check(held{env}); err != nil {
		t.Error(err)
	}
	_, sends := envelope.Parse("<Postmaster>", "b@example.org")
	_, submits := envelope.NewWithOptions(envelope.Address{}, env.Recipients(), envelope.Options{Submitter: envelope.Postmaster()})
	for field, err := range map[string]error{
		"From":      sends,
		"Submitter": submits,
		"":          envelope.Check(held{env.WithFrom(envelope.Postmaster())}),
	} {
		fault, ok := errors.AsType[*envelope.FieldError](err)
		if !ok || !errors.Is(err, envelope.ErrNoDomain) || field != "" && fault.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

type held struct{ env envelope.Envelope }

func (h held) Envelope() envelope.Envelope { return h.env }
