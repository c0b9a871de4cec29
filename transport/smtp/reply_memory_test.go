package smtp_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// longReply is a refusal of about 60 KiB whose text differs from one recipient to the next. It begins with what a
// person has to know.
func longReply(i int) string {
	const lines = 20
	var b strings.Builder
	fmt.Fprintf(&b, "550-5.1.1 no mailbox %d\r\n", i)
	for n := range lines {
		fmt.Fprintf(&b, "550-5.1.1 %d.%d %s\r\n", i, n, strings.Repeat("x", 3<<10))
	}
	return b.String() + "550 5.1.1 end"
}

// TestReplyTextsAreBounded: of 5,000 refusals of 60 KiB each a Result keeps a few MiB, and of each the codes and the
// beginning of the text.
func TestReplyTextsAreBounded(t *testing.T) {
	const recipients = 5000
	srv := smtptest.NewUnstartedServer(t)
	rcpt := 0
	srv.Config.Forget = true
	srv.Config.Hooks = []smtptest.Hook{func(e smtptest.Event) smtptest.Action {
		if e.At != smtptest.Rcpt {
			return smtptest.Action{}
		}
		rcpt++
		return smtptest.Reply(longReply(rcpt - 1))
	}}
	srv.Start()
	to := make([]string, recipients)
	for i := range to {
		to[i] = fmt.Sprintf("r%d@example.org", i)
	}
	m := mail(t, to...)
	sender := build(t, relay(srv))
	if err := sender.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := heap()
	result, err := sender.Send(t.Context(), m)
	if err == nil {
		t.Fatal("accepted")
	}
	if err := sender.Close(); err != nil {
		t.Error(err)
	}
	srv.Close()
	kept := heap() - before
	t.Logf("%d KiB kept", kept>>10)
	if kept > 6<<20 {
		t.Errorf("%d KiB are kept of the replies", kept>>10)
	}
	for i, r := range result.Recipients {
		want := fmt.Sprintf("no mailbox %d", i)
		if r.Outcome != transport.Rejected || r.Reply.Code != 550 || r.Reply.Enhanced != "5.1.1" || r.Reply.Lines[0] != want {
			t.Fatalf("recipient %d: %v %.100v", i, r.Outcome, r.Reply)
		}
		if !strings.HasSuffix(r.Reply.String(), "...") {
			t.Fatalf("recipient %d: the text does not say that it is cut: %.100v", i, r.Reply)
		}
	}
	runtime.KeepAlive(err)
}

// heap is what is in use after a collection.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
