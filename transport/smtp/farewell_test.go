package smtp_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// counting counts the sockets that are open at once.
type counting struct{ open, most atomic.Int32 }

func (c *counting) dial(ctx context.Context, network, address string) (net.Conn, error) {
	return c.dialer(new(net.Dialer).DialContext)(ctx, network, address)
}

// add counts a connection until it is closed.
func (c *counting) add(conn net.Conn) net.Conn {
	for now := c.open.Add(1); ; {
		most := c.most.Load()
		if now <= most || c.most.CompareAndSwap(most, now) {
			return &counted{Conn: conn, count: c}
		}
	}
}

type counted struct {
	net.Conn
	count *counting
	once  sync.Once
}

func (c *counted) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { c.count.open.Add(-1) })
	return err
}

// TestServerThatNeverAnswersQuit: connections that say goodbye count for MaxOpen, and make room for the next send
// at once.
func TestServerThatNeverAnswersQuit(t *testing.T) {
	const mails = 300
	srv := smtptest.NewServer(t)
	srv.Use(smtptest.On(smtptest.Quit, smtptest.Silence()))
	var sockets counting
	sender := build(t, relay(srv).Dialer(sockets.dial).Pool(smtp.Pool{MaxOpen: 2, MaxMessages: 1}))
	var senders sync.WaitGroup
	for i := range 6 {
		senders.Go(func() {
			for j := range mails / 6 {
				if _, err := sender.Send(t.Context(), mail(t, fmt.Sprintf("r%d.%d@example.org", i, j))); err != nil {
					t.Errorf("sender %d: %v", i, err)
				}
			}
		})
	}
	senders.Wait()
	if most := sockets.most.Load(); most > 2 || sender.Stats().Opened != mails {
		t.Errorf("%d sockets at once, %d connections", most, sender.Stats().Opened)
	}
	if err := sender.Close(); err != nil {
		t.Error(err)
	}
}
