package ledger_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/ledger/ledgertest"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

func TestMemory(t *testing.T) {
	ledgertest.Run(t, ledgertest.Store{
		Open:    func(*testing.T) ledger.Ledger { return ledger.NewMemory() },
		Restart: func(_ *testing.T, l ledger.Ledger) ledger.Ledger { return l.(*ledger.Memory).Restart() },
	})
}

// TestWindow lets the window of a key pass.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := ledger.NewMemory()
		book.Rules.Window = time.Hour
		tr := once(t, ledger.Once{Next: stub.New(), Ledger: book})
		for _, want := range []string{"accepted", "accepted (replayed)", "accepted"} {
			result, err := tr.Send(t.Context(), keyed(t, "k", "a@example.org"))
			if err != nil || fates(result) != want {
				t.Errorf("%s, %v, want %s", fates(result), err, want)
			}
			time.Sleep(40 * time.Minute)
		}
	})
}

func must(s string) envelope.Address {
	a, err := envelope.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

// FuzzEntry reads any octets as an entry, and what was read is written as it was.
func FuzzEntry(f *testing.F) {
	full := ledger.Entry{
		Digest: ledger.NewDigest(must("a@example.org"), must("b@example.org"), "f"), Fence: 7<<32 | 1, State: ledger.Over, Doubt: true,
		Fate: ledger.Fate{
			Outcome: transport.Rejected, Fault: transport.FaultPolicy, Relay: "r", QueueID: "q", MessageID: "<m@example.org>",
			Reply: transport.Reply{Code: 550, Enhanced: "5.7.1", Lines: []string{"a", ""}},
		},
		Changed: start,
	}
	for _, e := range []ledger.Entry{{}, full} {
		b, _ := e.AppendBinary(nil)
		f.Add(b)
		f.Add(b[:len(b)-1])
		var read ledger.Entry
		if err := read.UnmarshalBinary(b); err != nil {
			f.Fatal(err)
		}
		if e.Changed.IsZero() {
			read.Changed = e.Changed
		}
		if diff := cmp.Diff(e, read); diff != "" {
			f.Error(diff)
		}
		if read.UnmarshalBinary(b[:len(b)-1]) == nil || read.UnmarshalBinary(append(b, 0)) == nil {
			f.Error("octets that are missing or too many were not seen")
		}
	}
	// An entry of before has one text less.
	old, _ := ledger.Entry{}.AppendBinary(nil)
	old = append([]byte{1}, old[1:len(old)-1]...)
	f.Add(old)
	var read ledger.Entry
	if err := read.UnmarshalBinary(old); err != nil || read.Fate.Phase != transport.PhaseFinal {
		f.Errorf("an entry without a phase: %+v, %v", read, err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var e, again ledger.Entry
		if e.UnmarshalBinary(b) != nil {
			return
		}
		out, _ := e.AppendBinary(nil)
		if err := again.UnmarshalBinary(out); err != nil || !cmp.Equal(e, again) {
			t.Errorf("%+v became %+v, %v", e, again, err)
		}
		if b[0] == out[0] && len(out) > len(b) || len(out) == len(b) && !bytes.Equal(out, b) {
			t.Errorf("%x became %x", b, out)
		}
	})
}
