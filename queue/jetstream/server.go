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
	"github.com/nats-io/nats.go/jetstream"
)

// node is a connection, and the server that was started for it, if any.
type node struct {
	conn   *nats.Conn
	server *server.Server
	lock   *os.File
}

// start starts the embedded server and connects to it, without a port.
func (s Setup) start(ctx context.Context) (_ *node, err error) {
	if s.conn != nil {
		return &node{conn: s.conn}, nil
	}
	n := &node{}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return nil, err
	}
	if n.lock, err = lock(filepath.Join(s.folder, "lock")); err != nil {
		return nil, err
	}
	opts, err := s.options()
	if err != nil {
		return nil, err
	}
	if n.server, err = server.NewServer(opts); err != nil {
		return nil, err
	}
	n.server.Start()
	const ready = 10 * time.Second
	if !n.server.ReadyForConnections(ready) {
		return nil, errors.New("the embedded server did not start")
	}
	if s.begun != nil {
		s.begun(n.server)
	}
	if !n.server.JetStreamEnabled() {
		return nil, fmt.Errorf("the embedded server cannot use the folder %s", s.folder)
	}
	n.conn, err = nats.Connect("", nats.InProcessServer(n.server), nats.UserInfo(opts.Username, opts.Password),
		nats.MaxReconnects(-1), nats.Name("depeche "+s.Name))
	if err != nil {
		return nil, err
	}
	return n, ctx.Err()
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

// close ends what start began.
func (n *node) close() error {
	if n.server != nil {
		if n.conn != nil {
			n.conn.Close()
		}
		n.server.Shutdown()
		n.server.WaitForShutdown()
	}
	if n.lock != nil {
		return n.lock.Close()
	}
	return nil
}

// streams are those of a queue.
type streams struct{ jobs, book, live *stream }

// streams makes the streams of the queue, or finds them.
func (s Setup) streams(ctx context.Context, conn *nats.Conn) (of streams, err error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return of, err
	}
	found := func(suffix string, storage jetstream.StorageType) *stream {
		if err != nil {
			return nil
		}
		c := jetstream.StreamConfig{
			Name: s.Name + suffix, Subjects: []string{s.Name + suffix + ".>"}, Storage: storage, MaxMsgsPerSubject: 1, Replicas: s.Replicas,
			AllowDirect: true, AllowAtomicPublish: true, AllowMsgTTL: true, Duplicates: time.Second,
		}
		if c.Replicas == 0 {
			c.Replicas = 1
			if s.clustered() || conn.ConnectedClusterName() != "" {
				c.Replicas = 3
			}
		}
		var replicas int
		replicas, err = createStream(ctx, js, c)
		return newStream(conn, c.Name, replicas == 1)
	}
	of.jobs, of.book, of.live = found("", jetstream.FileStorage), found("_ledger", jetstream.FileStorage), found("_live", jetstream.MemoryStorage)
	return of, err
}

// createStream makes a stream, or finds it as it was made, and returns how many servers keep it. It waits until the servers
// of a cluster have found each other.
func createStream(ctx context.Context, js jetstream.JetStream, c jetstream.StreamConfig) (replicas int, err error) {
	for {
		one, cancel := context.WithTimeout(ctx, attempt)
		stream, err := js.CreateStream(one, c)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			stream, err = js.Stream(one, c.Name)
		}
		cancel()
		if err == nil {
			return stream.CachedInfo().Config.Replicas, nil
		}
		var said jetstream.JetStreamError
		const noPeers, unavailable = 10005, 503
		passing := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse) ||
			errors.As(err, &said) && said.APIError() != nil && (said.APIError().Code == unavailable || said.APIError().ErrorCode == noPeers)
		if !passing || ctx.Err() != nil {
			return 0, errors.Join(fmt.Errorf("stream %s: %w", c.Name, err), context.Cause(ctx))
		}
		const pause = 50 * time.Millisecond
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}
