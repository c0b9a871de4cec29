package jetstream

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
	"github.com/nats-io/nats.go"
)

// lagging answers in the place of JetStream: the server that follows at once, the one that leads when it is let.
type lagging struct {
	data  []byte // of every record
	asked chan string
	let   chan struct{}
}

func (l *lagging) serve(t *testing.T, conn *nats.Conn, stream string) {
	t.Helper()
	for subject, answer := range map[string]func(*nats.Msg){
		"$JS.API.DIRECT.GET." + stream: l.direct, "$JS.API.STREAM.MSG.GET." + stream: l.leader,
		"$JS.API.STREAM.INFO." + stream: func(m *nats.Msg) {
			_ = m.Respond([]byte(`{"state": {"last_seq": 2}, "cluster": {"leader": "a"}}`))
		},
	} {
		if _, err := conn.Subscribe(subject, answer); err != nil {
			t.Fatal(err)
		}
	}
}

func (l *lagging) direct(m *nats.Msg) {
	var ask struct {
		Subjects []string `json:"multi_last"`
	}
	_ = json.Unmarshal(m.Data, &ask)
	for _, subject := range ask.Subjects {
		r := nats.NewMsg(m.Reply)
		r.Header.Set("Nats-Subject", subject)
		r.Header.Set("Nats-Sequence", "1")
		r.Data = l.data
		_ = m.RespondMsg(r)
	}
	end := nats.NewMsg(m.Reply)
	end.Header.Set("Status", "204")
	end.Header.Set("Nats-Num-Pending", "0")
	_ = m.RespondMsg(end)
}

func (l *lagging) leader(m *nats.Msg) {
	var ask struct {
		Subject string `json:"last_by_subj"`
	}
	_ = json.Unmarshal(m.Data, &ask)
	l.asked <- ask.Subject
	go func() {
		<-l.let
		data := base64.StdEncoding.EncodeToString(l.data)
		_ = m.Respond(fmt.Appendf(nil, `{"message": {"subject": %q, "seq": 2, "data": %q}}`, ask.Subject, data))
	}()
}

// TestClaimAsksWithoutTheLock: while the server that leads is asked about claims, about all of a call at the same time, other calls on the
// ledger go on.
func TestClaimAsksWithoutTheLock(t *testing.T) {
	conn := plainNATS(t)
	const gone = 9
	var none ledger.Secret
	found := ledger.Entry{Digest: none.Digest(ledger.Digest{}), State: ledger.Ending, Fence: gone << ownerShift, Changed: now()}
	lag := &lagging{data: encodeEntry("k", found), asked: make(chan string, 99), let: make(chan struct{})}
	let := sync.OnceFunc(func() { close(lag.let) })
	t.Cleanup(let)
	lag.serve(t, conn, "book")
	l := &Ledger{stream: newStream(conn, "book", false), owners: &owners{self: 1, alone: true}, held: map[uint64]*hold{}}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var claims []ledger.Claim
	for i := range 3 {
		to, err := envelope.ParseAddress(recipient(i))
		if err != nil {
			t.Fatal(err)
		}
		claims = append(claims, ledger.Claim{Key: "k", Recipient: to})
	}
	type result struct {
		grants []ledger.Grant
		err    error
	}
	done := make(chan result, 1)
	go func() {
		grants, err := l.Claim(ctx, claims)
		done <- result{grants, err}
	}()
	for asked := map[string]bool{}; len(asked) < len(claims); {
		select {
		case subject := <-lag.asked:
			asked[subject] = true
		case <-ctx.Done():
			t.Fatalf("only %d of %d are asked about", len(asked), len(claims))
		}
		if !l.mu.TryLock() {
			t.Fatal("the ledger is locked while a server is asked")
		}
		l.mu.Unlock()
	}
	let()
	got := <-done
	if got.err != nil || len(got.grants) != len(claims) {
		t.Fatalf("%+v, %v", got.grants, got.err)
	}
	for _, g := range got.grants {
		if g.Answer != ledger.Replay || g.Fate.Outcome != transport.Unknown {
			t.Errorf("%+v", g)
		}
	}
	if len(l.held) != 0 {
		t.Errorf("%d claims are held", len(l.held))
	}
}
