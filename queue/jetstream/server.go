package jetstream

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// node is a connection, and the server that was started for it, if any.
type node struct {
	conn  *nats.Conn
	alone bool         // no other server and no other process can use the queue
	stop  func() error // ends what was started
}

// embed starts the embedded server and connects to it, without a port. Only Embedded names it, and no type that is reached from an
// Engine names the server, so that the linker leaves the server out of programs that have no other way than Over.
func embed(ctx context.Context, s Setup) (_ *node, err error) {
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return nil, err
	}
	locked, err := lock(filepath.Join(s.folder, "lock"))
	if err != nil {
		return nil, err
	}
	opts, err := s.options()
	if err != nil {
		return nil, errors.Join(err, locked.Close())
	}
	serving, err := server.NewServer(opts)
	if err != nil {
		return nil, errors.Join(err, locked.Close())
	}
	n := &node{alone: !s.clustered()}
	n.stop = func() error {
		if n.conn != nil {
			n.conn.Close()
		}
		serving.Shutdown()
		serving.WaitForShutdown()
		return locked.Close()
	}
	if n.conn, err = s.begin(serving, opts); err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(err, n.stop())
	}
	return n, nil
}

// begin starts a server and connects to it.
func (s Setup) begin(serving *server.Server, opts *server.Options) (*nats.Conn, error) {
	serving.Start()
	const ready = 10 * time.Second
	if !serving.ReadyForConnections(ready) {
		return nil, errors.New("the embedded server did not start")
	}
	if s.begun != nil {
		s.begun(serving)
	}
	if !serving.JetStreamEnabled() {
		return nil, fmt.Errorf("the embedded server cannot use the folder %s", s.folder)
	}
	return nats.Connect("", nats.InProcessServer(serving), nats.UserInfo(opts.Username, opts.Password),
		nats.MaxReconnects(-1), nats.Name("depeche "+s.Name))
}

func (s Setup) options() (*server.Options, error) {
	const maxPayload = 1 << 20
	opts := &server.Options{
		ServerName: "depeche", DontListen: true, NoSigs: true, NoLog: true, MaxPayload: maxPayload,
		JetStream: true, StoreDir: s.folder, SyncAlways: true,
	}
	if !s.clustered() {
		return opts, nil
	}
	host, port, err := net.SplitHostPort(s.listen)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	if number == 0 {
		number = server.RANDOM_PORT
	}
	// The server opens its routes only when it has a port for clients too (nats-server 2.15.3), so it has one on
	// loopback, of any number, with a password that this process alone knows.
	opts.DontListen, opts.Host, opts.Port = false, "127.0.0.1", server.RANDOM_PORT
	opts.Username, opts.Password = "depeche", rand.Text()
	opts.ServerName = s.node
	opts.Cluster = server.ClusterOpts{Name: s.Name, Host: host, Port: number, NoAdvertise: true}
	if s.TLS != nil {
		const handshake = 5 // seconds
		opts.Cluster.TLSConfig, opts.Cluster.TLSTimeout = routeTLS(s.TLS), handshake
	}
	for _, route := range s.routes {
		u, err := url.Parse(route)
		if err != nil {
			return nil, err
		}
		opts.Routes = append(opts.Routes, u)
	}
	return opts, nil
}
