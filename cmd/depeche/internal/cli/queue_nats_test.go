//go:build unix

package cli_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/cmd/depeche/internal/cli"
	"github.com/nats-io/nats-server/v2/server"
)

// TestQueueForbidden: what a user of NATS may not do is said, and at once.
func TestQueueForbidden(t *testing.T) {
	s, err := server.NewServer(&server.Options{
		ServerName: "test", Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(),
		Users: []*server.User{{Username: "shop", Password: "topsecret", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"$JS.>"}}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the server did not start")
	}
	p := place{variable: "Q=nats://shop:topsecret@" + s.Addr().String() + "/mails"}
	if got := p.do(t, 75, "queue", "ls", "env:Q"); !strings.Contains(got.errors, "ermissions Violation") || strings.Contains(got.errors, "deadline") {
		t.Errorf("%+v", got)
	}
}

// TestQueueInterrupted: the command ends when its user ends it, also while a server says nothing.
func TestQueueInterrupted(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		if conn, err := silent.Accept(); err == nil {
			defer conn.Close()
			cancel()
			<-t.Context().Done()
		}
	}()
	w, _, said := world("")
	if status := cli.Run(ctx, []string{"queue", "ls", "nats://" + silent.Addr().String() + "/mails"}, w); status != 75 || !strings.Contains(said.String(), "context canceled") {
		t.Errorf("status %d: %s", status, said.String())
	}
}
