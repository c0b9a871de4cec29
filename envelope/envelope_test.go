package envelope_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/google/go-cmp/cmp"
)

var compare = cmp.Comparer(func(a, b envelope.Address) bool { return a == b })

func TestNewKeepsOrderAndDropsDuplicates(t *testing.T) {
	for _, n := range []int{3, 40} { // below and above the switch from search to map
		var to, want []envelope.Address
		for i := range n {
			a := mustParse(t, fmt.Sprintf("r%d@example.org", i))
			to, want = append(to, a, a), append(want, a)
		}
		to = append(to, to[0])
		e, err := envelope.New(mustParse(t, "s@example.org"), to...)
		if err != nil {
			t.Fatal(err)
		}
		var got []envelope.Address
		for _, r := range e.Recipients() {
			got = append(got, r.Address)
		}
		if diff := cmp.Diff(want, got, compare); diff != "" || e.Len() != n || e.At(n-1).Address != want[n-1] {
			t.Error(diff)
		}
	}
}

func TestEnvelopeIsImmutable(t *testing.T) {
	to := []envelope.Recipient{{Address: mustParse(t, "a@example.org")}}
	e, err := envelope.NewWithOptions(envelope.Address{}, to, envelope.Options{})
	if err != nil {
		t.Fatal(err)
	}
	to[0].Address = mustParse(t, "evil@example.org")
	e.Recipients()[0] = to[0]
	if e.At(0).Address.String() != "a@example.org" {
		t.Errorf("recipient became %v", e.At(0).Address)
	}
}

func TestNewWithRefuses(t *testing.T) {
	a := mustParse(t, "a@example.org")
	one := []envelope.Recipient{{Address: a}}
	if _, err := envelope.New(a, a, envelope.Address{}); !errors.Is(err, envelope.ErrNullRecipient) {
		t.Errorf("the null path as a recipient: %v", err)
	}
	cases := map[string]struct {
		to       []envelope.Recipient
		delivery envelope.Options
		field    string
	}{
		"no recipient":           {nil, envelope.Options{}, "Recipients"},
		"null recipient":         {[]envelope.Recipient{{Address: a}, {}}, envelope.Options{}, "Recipients"},
		"never and success":      {[]envelope.Recipient{{Address: a, Notify: envelope.NotifyNever | envelope.NotifySuccess}}, envelope.Options{}, "Notify"},
		"unknown event":          {[]envelope.Recipient{{Address: a, Notify: 64}}, envelope.Options{}, "Notify"},
		"unknown return":         {one, envelope.Options{DSNReturn: "HALF"}, "DSNReturn"},
		"envelope id with LF":    {one, envelope.Options{EnvelopeID: "a\nb"}, "EnvelopeID"},
		"negative hold":          {one, envelope.Options{HoldFor: -1}, "HoldFor"},
		"two holds":              {one, envelope.Options{HoldFor: 1, HoldUntil: time.Unix(1, 0)}, "HoldUntil"},
		"deliver by the past":    {one, envelope.Options{DeliverBy: envelope.DeliverBy{Within: -time.Hour}}, "DeliverBy"},
		"priority 10":            {one, envelope.Options{Priority: 10}, "Priority"},
		"id long by escapes":     {one, envelope.Options{EnvelopeID: strings.Repeat("+", 34)}, "EnvelopeID"},
		"half a second":          {one, envelope.Options{DeliverBy: envelope.DeliverBy{Within: 500 * time.Millisecond}}, "DeliverBy"},
		"deliver by, ten digits": {one, envelope.Options{DeliverBy: envelope.DeliverBy{Within: 1_000_000_000 * time.Second}}, "DeliverBy"},
		"hold, ten digits":       {one, envelope.Options{HoldFor: 2_000_000_000 * time.Second}, "HoldFor"},
		"hold until 10000":       {one, envelope.Options{HoldUntil: time.Date(9999, 12, 31, 23, 59, 59, 1, time.UTC)}, "HoldUntil"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := envelope.NewWithOptions(a, tc.to, tc.delivery)
			var field *envelope.FieldError
			if !errors.As(err, &field) || field.Field != tc.field {
				t.Errorf("got %v, want a FieldError of %s", err, tc.field)
			}
		})
	}
	if _, err := envelope.New(a); !errors.Is(err, envelope.ErrNoRecipient) {
		t.Errorf("got %v, want ErrNoRecipient", err)
	}
}

func TestEnvelopeJSON(t *testing.T) {
	e, err := envelope.NewWithOptions(envelope.Address{}, []envelope.Recipient{
		{Address: mustParse(t, "a@example.org")},
		{Address: mustParse(t, "ü@example.org"), Notify: envelope.NotifySuccess | envelope.NotifyDelay, OriginalRecipient: mustParse(t, "o@example.org")},
	}, envelope.Options{DSNReturn: envelope.ReturnHeaders, EnvelopeID: "id 1", RequireTLS: true, HoldFor: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"from":"","to":[{"address":"a@example.org"},{"address":"ü@example.org","notify":10,"original":"o@example.org"}],` +
		`"delivery":{"return":"HDRS","envelope_id":"id 1","require_tls":true,"hold_for":60000000000}}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
	var back envelope.Envelope
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e, back, cmp.AllowUnexported(envelope.Envelope{}, envelope.Address{})); diff != "" {
		t.Error(diff)
	}
	if !back.NeedsSMTPUTF8() {
		t.Error("a UTF-8 local part does not need SMTPUTF8")
	}
	for _, bad := range []string{`{"from":"a@b.org","to":[]}`, `{"to":[{"address":""}]}`, `[]`} {
		if err := json.Unmarshal([]byte(bad), &back); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

// TestNeedsSMTPUTF8: each address of an envelope counts, wherever it stands (RFC 6531 section 3.1).
func TestNeedsSMTPUTF8(t *testing.T) {
	const plain, utf8 = "a@example.org", "ü@example.org"
	for name, tc := range map[string]struct {
		from string
		to   []envelope.Recipient
		want bool
	}{
		"none":                   {plain, []envelope.Recipient{{Address: mustParse(t, plain)}}, false},
		"a domain":               {plain, []envelope.Recipient{{Address: mustParse(t, "a@bücher.example")}}, false},
		"the sender":             {utf8, []envelope.Recipient{{Address: mustParse(t, plain)}}, true},
		"the recipient":          {plain, []envelope.Recipient{{Address: mustParse(t, utf8)}}, true},
		"the first":              {plain, []envelope.Recipient{{Address: mustParse(t, utf8)}, {Address: mustParse(t, plain)}}, true},
		"the last":               {plain, []envelope.Recipient{{Address: mustParse(t, plain)}, {Address: mustParse(t, utf8)}}, true},
		"the original recipient": {plain, []envelope.Recipient{{Address: mustParse(t, plain), OriginalRecipient: mustParse(t, utf8)}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := envelope.NewWithOptions(mustParse(t, tc.from), tc.to, envelope.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := e.NeedsSMTPUTF8(); got != tc.want {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
	if (envelope.Envelope{}).NeedsSMTPUTF8() {
		t.Error("an envelope without addresses needs SMTPUTF8")
	}
}

// TestIsPlain: what a recipient is asked for counts when he is kept.
func TestIsPlain(t *testing.T) {
	address, err := envelope.ParseAddress("b@example.org")
	if err != nil {
		t.Fatal(err)
	}
	b, asking := envelope.Recipient{Address: address}, envelope.Recipient{Address: address, Notify: envelope.NotifyNever}
	for _, tc := range []struct {
		to       []envelope.Recipient
		delivery envelope.Options
		want     bool
	}{
		{[]envelope.Recipient{b}, envelope.Options{}, true},
		{[]envelope.Recipient{b, asking}, envelope.Options{}, true},
		{[]envelope.Recipient{asking, b}, envelope.Options{}, false},
		{[]envelope.Recipient{b}, envelope.Options{RequireTLS: true}, false},
		{[]envelope.Recipient{{Address: address, OriginalRecipient: address}}, envelope.Options{}, false},
	} {
		e, err := envelope.NewWithOptions(address, tc.to, tc.delivery)
		if err != nil || e.IsPlain() != tc.want || e.Options() != tc.delivery {
			t.Errorf("%v, %v: %v, %v", tc.to, tc.delivery, e.IsPlain(), err)
		}
	}
}
