package jetstream

import (
	"errors"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/transport"
	"github.com/nats-io/nats.go/jetstream"
)

// TestForever: what a process writes that does not know the window has no end, in the ledger and of a key.
func TestForever(t *testing.T) {
	const day = 24 * time.Hour
	for name, tc := range map[string]struct {
		window time.Duration
		want   string // Nats-TTL
	}{"for ever": {ledger.Forever, ""}, "a window": {90 * day, "7776001s"}} {
		t.Run(name, func(t *testing.T) {
			conn := serve(t)()
			s := Over(conn)
			s.Window = tc.window
			e := open(t, s)
			put(t, e, "key")
			claims := claimsOf(t, "key")
			grants, err := e.book.Claim(t.Context(), claims)
			if err != nil {
				t.Fatal(err)
			}
			err = errors.Join(e.book.End(t.Context(), []ledger.Ended{{Grant: grants[0], Fate: ledger.Fate{Outcome: transport.Accepted}}}),
				e.Settle(t.Context(), []queue.Settlement{{Taken: takeOne(t, e, time.Minute), Do: queue.Done}}))
			if err != nil {
				t.Fatal(err)
			}
			js, err := jetstream.New(conn)
			if err != nil {
				t.Fatal(err)
			}
			for stream, subject := range map[string]string{e.jobs.name: e.jobSubject(idOf("key")), e.book.stream.name: e.book.place("key", claims[0].Recipient)} {
				in, err := js.Stream(t.Context(), stream)
				if err != nil {
					t.Fatal(err)
				}
				m, err := in.GetLastMsgForSubject(t.Context(), subject)
				if err != nil || m.Header.Get("Nats-TTL") != tc.want {
					t.Errorf("%s: %v, %v, want the end %q", subject, m, err, tc.want)
				}
			}
		})
	}
}
