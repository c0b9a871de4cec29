package ledgertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
)

func testKeys(t *testing.T, s Store) {
	l := s.Open(t)
	pairs := [][2]string{
		{"k", "a@example.org"},
		{"k", "b@example.org"},
		{"kb", "a@example.org"},
		{"k", "ba@example.org"},
		{"K", "a@example.org"},
		{"k ", "a@example.org"},
		{"k/a", "a@example.org"},
		{"kéy", "a@example.org"},
		{"k", "A@example.org"},
		{"*.>", "a@example.org"},
		{"%", "a@example.org"},
		{"..", "a@example.org"},
		{"k", `"odd @ one"@example.org`},
		{"k", "<Postmaster>"},
	}
	for _, p := range pairs {
		end(t, l, mustSend(t, l, newClaim(t, p[0], p[1])), outcome(transport.Accepted))
	}
	l = s.Restart(t, l)
	for _, p := range pairs {
		if g := claim(t, l, newClaim(t, p[0], p[1])); g.Answer != ledger.Replay {
			t.Errorf("%q: %+v", p, g)
		}
	}
}

func testMany(t *testing.T, s Store) {
	const n = 1000
	l := s.Open(t)
	claims := make([]ledger.Claim, n)
	for i := range claims {
		claims[i] = newClaim(t, fmt.Sprint("k", i*7919%n), "a@example.org")
	}
	grants, err := l.Claim(t.Context(), claims)
	if err != nil || len(grants) != n {
		t.Fatal(len(grants), err)
	}
	if err := l.Ending(t.Context(), grants); err != nil {
		t.Fatal(err)
	}
	ends := make([]ledger.Ended, n)
	for i, g := range grants {
		if g.Key != claims[i].Key || g.Answer != ledger.Send {
			t.Fatalf("answer %d: %+v", i, g)
		}
		ends[i] = ledger.Ended{Grant: g, Fate: ledger.Fate{Outcome: transport.Accepted, QueueID: g.Key}}
	}
	if err := l.End(t.Context(), ends); err != nil {
		t.Fatal(err)
	}
	l = s.Restart(t, l)
	if grants, err = l.Claim(t.Context(), claims); err != nil || len(grants) != n {
		t.Fatal(len(grants), err)
	}
	for i, g := range grants {
		if g.Answer != ledger.Replay || g.Fate.QueueID != claims[i].Key {
			t.Fatalf("answer %d: %+v", i, g)
		}
	}
}

// openBook returns an empty ledger as a book.
func openBook(t *testing.T, s Store) ledger.Book {
	t.Helper()
	b, ok := s.Open(t).(ledger.Book)
	if !ok {
		t.Log("NOT CHECKED: the ledger is not a ledger.Book")
	}
	return b
}

func testBook(t *testing.T, s Store) {
	b := openBook(t, s)
	if b == nil {
		return
	}
	doubt := newClaim(t, "b", "a@example.org")
	doubt.MessageID = "<b@example.org>"
	ending(t, b, mustSend(t, b, doubt))
	if err := b.Resolve(t.Context(), "b", doubt.Recipient, transport.Accepted); !errors.Is(err, ledger.ErrBusy) {
		t.Errorf("resolving what is under way: %v", err)
	}
	end(t, b, mustSend(t, b, newClaim(t, "a", "a@example.org")), ledger.Fate{Outcome: transport.Accepted, QueueID: "Q"})
	b = s.Restart(t, b).(ledger.Book)
	var seen []string
	for r, err := range b.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, fmt.Sprint(r.Key, " ", r.Outcome, " ", r.QueueID))
	}
	if fmt.Sprint(seen) != "[a accepted Q b unknown ]" {
		t.Errorf("records %q", seen)
	}
	var lines bytes.Buffer
	if err := ledger.Export(t.Context(), &lines, b); err != nil {
		t.Fatal(err)
	}
	var first ledger.Record
	if err := json.Unmarshal(bytes.SplitAfter(lines.Bytes(), []byte("\n"))[0], &first); err != nil || first.Key != "a" || bytes.Count(lines.Bytes(), []byte("\n")) != 2 {
		t.Errorf("exported %q, %v", lines.String(), err)
	}
	if list, err := b.Lookup(t.Context(), "b"); err != nil || len(list) != 1 || list[0].Outcome != transport.Unknown || list[0].MessageID != doubt.MessageID {
		t.Errorf("Lookup: %+v, %v; the log of the relay is asked by the Message-ID", list, err)
	}
	if list, err := b.Lookup(t.Context(), "nothing"); err != nil || len(list) != 0 {
		t.Errorf("Lookup of nothing: %+v, %v", list, err)
	}
	if err := b.Resolve(t.Context(), "nothing", doubt.Recipient, transport.Accepted); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("resolving nothing: %v", err)
	}
	var wrong *ledger.ResolveError
	if err := b.Resolve(t.Context(), "a", doubt.Recipient, transport.Rejected); !errors.As(err, &wrong) {
		t.Errorf("resolving what is certain: %v", err)
	}
	testResolve(t, s, b, doubt)
}

func testResolve(t *testing.T, s Store, b ledger.Book, doubt ledger.Claim) {
	t.Helper()
	if err := b.Resolve(t.Context(), "b", doubt.Recipient, transport.Accepted); err != nil {
		t.Fatal(err)
	}
	b = s.Restart(t, b).(ledger.Book)
	if g := claim(t, b, doubt); g.Answer != ledger.Replay || g.Fate.Outcome != transport.Accepted {
		t.Errorf("resolved as accepted: %+v", g)
	}
	other := newClaim(t, "c", "a@example.org")
	ending(t, b, mustSend(t, b, other))
	b = s.Restart(t, b).(ledger.Book)
	if err := b.Resolve(t.Context(), "c", other.Recipient, transport.NotSent); err != nil {
		t.Fatal(err)
	}
	if g := mustSend(t, b, other); g.Doubt {
		t.Error("resolved as not sent, and still in doubt")
	}
}

func testErase(t *testing.T, s Store) {
	b := openBook(t, s)
	if b == nil {
		return
	}
	for _, c := range []ledger.Claim{newClaim(t, "k", "a@example.org"), newClaim(t, "k", "b@example.org"), newClaim(t, "l", "a@example.org")} {
		end(t, b, mustSend(t, b, c), outcome(transport.Accepted))
	}
	if n, err := b.Erase(t.Context(), address(t, "a@example.org")); n != 2 || err != nil {
		t.Errorf("erased %d, %v", n, err)
	}
	b = s.Restart(t, b).(ledger.Book)
	if g := claim(t, b, newClaim(t, "k", "b@example.org")); g.Answer != ledger.Replay {
		t.Errorf("another recipient: %+v", g)
	}
	mustSend(t, b, newClaim(t, "k", "a@example.org"))
}
