package sendmail_test

import (
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/sendmail"
)

// stay keeps the output of the command open until the test that listens at an address ends.
func stay(address string) {
	conn, err := net.Dial("tcp", address)
	if err == nil {
		_, _ = io.Copy(io.Discard, conn) // whatever ends it
	}
	os.Exit(0)
}

// TestBackground: a command that ends well and goes on in the background, with the output that it has been given, has
// accepted the mail.
func TestBackground(t *testing.T) {
	sendmail.SetGoodbye(t, 10*time.Millisecond)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns := make(chan net.Conn, 1)
	go func() {
		defer close(conns)
		if conn, err := listener.Accept(); err == nil {
			conns <- conn
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close() // it ends Accept
		for conn := range conns {
			_ = conn.Close() // it ends the child
		}
	})
	tr, calls := fake(t)
	t.Setenv("FAKE_CHILD", listener.Addr().String())
	result, err := tr.Send(t.Context(), plain(t))
	if err != nil || result.Recipients[0].Outcome != transport.Accepted || len(calls()) != 1 {
		t.Errorf("%v, %v, %d calls", result.Recipients, err, len(calls()))
	}
}
