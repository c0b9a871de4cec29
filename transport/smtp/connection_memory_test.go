package smtp_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// TestConnectionMemory: an open connection keeps at most 143 KiB, TLS and the server of this test included, also after a
// mail of 1 MiB.
func TestConnectionMemory(t *testing.T) {
	const open = 40
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Forget, srv.Config.DiscardContent = true, true
	meet := make(chan struct{}, open)
	all := make(chan struct{})
	srv.Config.Hooks = []smtptest.Hook{func(e smtptest.Event) smtptest.Action {
		if e.At != smtptest.Mail {
			return smtptest.Action{}
		}
		meet <- struct{}{}
		return smtptest.Wait(all).Then(smtptest.Default())
	}}
	srv.Start()
	sender := build(t, relay(srv).Pool(smtp.Pool{MaxOpen: open, MaxIdle: open}))
	before := heap()
	errs := make(chan error, open)
	for i := range open {
		large := largeMail(t, fmt.Sprintf("r%d@example.org", i), 1<<20)
		go func() {
			_, err := sender.Send(t.Context(), large)
			errs <- err
		}()
	}
	for range open {
		<-meet
	}
	close(all)
	for range open {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	each := (heap() - before) / open
	t.Logf("%d KiB for each connection", each>>10)
	if idle := sender.Stats().Idle; idle != open || each > 143<<10 {
		t.Errorf("%d connections are open, and keep %d KiB each", idle, each>>10)
	}
}

// lineMail is mail of many equal lines.
type lineMail struct {
	transport.Mail

	size int
}

func largeMail(t *testing.T, to string, size int) transport.Mail {
	t.Helper()
	return lineMail{mail(t, to), size}
}

const mailLine = "a line of a large mail, as long as lines are in a text that a person has written\r\n"

func (m lineMail) WriteTo(w io.Writer) (n int64, err error) {
	head, err := io.WriteString(w, "Subject: large\r\n\r\n")
	for n = int64(head); err == nil && n < int64(m.size); {
		var more int
		more, err = io.WriteString(w, mailLine)
		n += int64(more)
	}
	return n, err
}
