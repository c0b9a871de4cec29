package client_test

import (
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"

	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/google/go-cmp/cmp"
)

// TestCommands sends each single command, looks at the line and at the typed reply, and at what the
// connection says of itself.
func TestCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		served := make(chan struct{})
		go func() {
			defer close(served)
			serve(t, far, `S: 220 mx
C: EHLO host.example
S: 250-mx
S: 250 PIPELINING
C: VRFY bob
S: 252 2.1.5 cannot tell
C: EXPN staff
S: 250-<a@example.org>
S: 250 <b@example.org>
C: HELP
S: 214 read the RFC
C: NOOP
S: 250 2.0.0 ok
C: RSET
S: 250 2.0.0 ok
C: ETRN example.org
S: 458 no such queue
C: NOOP
S: 502 5.5.1 no
C: EHLO host.example
S: 250-mx
S: 250 SIZE 7
C: VRFY bob
S: 421 4.3.2 going
* silence
`)
		}()
		id, err := extension.ParseHelloName("host.example")
		if err != nil {
			t.Fatal(err)
		}
		conn, err := client.New(t.Context(), near, client.Config{TLS: client.TLSNone, HelloName: id})
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		var got []string
		note := func(what any, err error) { got = append(got, fmt.Sprint(what, " ", err == nil)) }
		verified, err := conn.Verify(ctx, "bob")
		note(verified, err)
		expanded, err := conn.Expand(ctx, "staff")
		note(expanded.Lines, err)
		help, err := conn.Help(ctx, "")
		note(help, err)
		note("noop", conn.Noop(ctx))
		note("reset", conn.Reset(ctx))
		own, err := conn.Command(ctx, commands.Custom{Name: "ETRN", Arguments: "example.org"})
		note(own, err)
		note("noop", conn.Noop(ctx))
		note("rehello", conn.Rehello(ctx, extension.HelloName{}))
		note(conn.Info().SizeLimit(), nil)
		note(conn.State(), nil)
		going, err := conn.Verify(ctx, "bob")
		note(going, err)
		note(conn.State(), nil)
		_, err = conn.Help(ctx, "")
		note("help", err)
		if !errors.Is(err, client.ErrClosing) {
			t.Errorf("got %v", err)
		}
		want := []string{
			"252 2.1.5 cannot tell true", "[<a@example.org> <b@example.org>] true", "214 read the RFC true", "noop true", "reset true",
			"458 no such queue true", "noop false", "rehello true", "7 true", "0 true", "421 4.3.2 going true", "2 true", "help false",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		_ = conn.Close()
		if conn.State() != client.StateBroken {
			t.Errorf("state %v after Close", conn.State())
		}
		<-served
	})
}

// TestCommandRefuses: an argument that could end the line is refused before anything is said, and the
// connection stays good.
func TestCommandRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := open(t, &oracle{keywords: pipelining}, client.Config{})
		defer conn.Close()
		if _, err := conn.Verify(t.Context(), "bob\r\nMAIL FROM:<evil@x.org>"); err == nil {
			t.Error("sent")
		}
		if err := conn.Noop(t.Context()); err != nil {
			t.Errorf("the connection is of no use any more: %v", err)
		}
	})
}
