package transport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
)

var errRow = errors.New("the name is missing")

// TestSendRows holds that a row that can't become a mail costs no other row, keeps its place and its key, and reaches no
// relay, over a plain transport and over policies.
func TestSendRows(t *testing.T) {
	plain := func(s *stub.Transport) transport.Transport { return s }
	for name, over := range map[string]func(*stub.Transport) transport.Transport{
		"a transport": plain,
		"policies": func(s *stub.Transport) transport.Transport {
			retry, err := policy.Retry{Next: s}.Build()
			if err != nil {
				t.Fatal(err)
			}
			all, err := policy.RedirectAll{Next: retry, To: address(t, "test@example.org")}.Build()
			if err != nil {
				t.Fatal(err)
			}
			return all
		},
	} {
		t.Run(name, func(t *testing.T) {
			relay := stub.New()
			rows := func(yield func(transport.Mail, error) bool) {
				good := transport.Raw(env(t, "a@example.com"), []byte("a\r\n"))
				var unmade *message.Message
				_ = yield(good, nil) && yield(nil, errRow) && yield(transport.WithKey(good, "row 2"), errRow) && yield(good, nil) &&
					yield(transport.WithKey(unmade, "row 4"), errRow) && yield(transport.WithKey(nil, "row 5"), errRow) &&
					yield(transport.WithKey(unmade, "row 6"), nil)
			}
			seen := map[int]error{}
			for sent, err := range transport.SendRows(t.Context(), over(relay), rows) {
				seen[sent.Index] = err
				if want := []string{2: "row 2", 4: "row 4", 5: "row 5", 6: "row 6"}[sent.Index]; sent.Result.Key != want {
					t.Errorf("row %d: key %q, expected %q", sent.Index, sent.Result.Key, want)
				}
			}
			for i, want := range []error{nil, errRow, errRow, nil, errRow, errRow, (*message.Message)(nil).EnvelopeError()} {
				var failed *transport.SendError
				if err := seen[i]; !errors.Is(err, want) || want != nil && (!errors.As(err, &failed) || failed.Phase != transport.PhaseMessage) {
					t.Errorf("row %d: %v", i, err)
				}
			}
			if len(seen) != 7 || len(relay.Messages()) != 2 {
				t.Errorf("%d rows yielded, %d mails sent", len(seen), len(relay.Messages()))
			}
		})
	}
}

func TestUnsendable(t *testing.T) {
	mail := transport.Unsendable(errRow)
	if n, err := mail.WriteTo(io.Discard); n != 0 || !errors.Is(err, errRow) {
		t.Error(n, err)
	}
	var unmade *message.Message
	relay := stub.New()
	if result, err := relay.Send(t.Context(), unmade); !errors.Is(err, unmade.EnvelopeError()) || len(result.Recipients) != 0 {
		t.Error(result, err)
	}
	if result, err := relay.Send(t.Context(), transport.WithEnvelope(unmade, env(t, "a@example.com"))); !errors.Is(err, unmade.EnvelopeError()) || result.Count(transport.NotSent) != 1 {
		t.Error(result, err)
	}
	result, err := relay.Send(t.Context(), transport.WithEnvelope(mail, env(t, "a@example.com")))
	if !errors.Is(err, errRow) || result.Count(transport.NotSent) != 1 || len(relay.Messages()) != 0 {
		t.Error(result, err)
	}
}

// The rows of a table become mails while they are sent; one of them cannot.
func ExampleSendRows() {
	table := []string{"Hei,hei@example.com", "Yuin,yuin example.com", "Zoë,zoe@example.com"}
	rows := func(yield func(transport.Mail, error) bool) {
		for _, row := range table {
			name, address, _ := strings.Cut(row, ",")
			msg, err := message.New().From("news@example.org").ToMailbox(message.NewMailbox(name, address)).
				Subject("News").Text("Dear " + name).Build()
			if !yield(msg, err) {
				return
			}
		}
	}
	accepted := 0
	for sent, err := range transport.SendRows(context.Background(), stub.New(), rows) {
		var why *message.FieldError
		if errors.As(err, &why) {
			fmt.Println("row", sent.Index+1, why.Field, why.Value)
		}
		accepted += sent.Result.Count(transport.Accepted)
	}
	fmt.Println(accepted, "accepted")
	// Output:
	// row 2 To yuin example.com
	// 2 accepted
}
