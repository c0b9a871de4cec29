package jetstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Setup describes where a queue is kept; [Embedded] and [Over] begin one. Open opens it.
type Setup struct {
	// Name is that of the queue, for several queues on one NATS; "" means "depeche". Letters, digits, "-" and "_".
	Name string
	// Window is for how long the keys of ended jobs and mail count; 0 means [ledger.DefaultWindow]. It is the same for all processes, each time: one that
	// does not know it takes [ledger.Forever], with which nothing is deleted or given an end.
	Window time.Duration
	// Secret hides the addresses in what is kept of mail beside its content; see [ledger.Secret]. It is the same for all processes, each time; else
	// the error is [ledger.ErrSecret]. Empty means a random one, which is kept in the queue.
	Secret []byte
	// TLS protects what the servers of a cluster say to each other. Both sides of a connection prove by their certificates who they
	// are, whatever ClientAuth says. It needs Certificates, for servers and for clients, with the names in the routes, and in RootCAs
	// or ClientCAs, of which each stands for the other, an authority that issues certificates to nothing but the cluster. Without TLS a
	// cluster listens on loopback only.
	TLS *tls.Config
	// Replicas is how many servers keep each record; 0 means 3 in a cluster and over a NATS that has three servers, and else 1.
	Replicas int
	// Existing opens a queue that is there, of a NATS, and makes none: else the error is [ErrNoQueue]. It is for tools that are told a
	// name which may be wrong.
	Existing bool

	start  func(context.Context, Setup) (*node, error)
	folder string
	node   string
	listen string
	routes []string
	conn   *nats.Conn
	beat   time.Duration        // between two signs of life; 0 means a second
	begun  func(*server.Server) // is told of the embedded server before it is waited for
}

// Embedded begins a queue in a folder, by a server in this process that listens on no port. The folder is made if it is not
// there; only its owner may read it.
func Embedded(folder string) Setup { return Setup{folder: folder, start: embed} }

// Over begins a queue on a NATS with JetStream that exists, at least 2.12. The connection stays the caller's, who closes it after
// the engine; it should reconnect for ever. How durable it is depends on the servers: set sync_interval to always.
func Over(conn *nats.Conn) Setup { return Setup{conn: conn, start: over} }

func over(_ context.Context, s Setup) (*node, error) {
	return &node{conn: s.conn, stop: func() error { return nil }}, nil
}

// Cluster joins the embedded server with others, of which there should be three or five. node is the name of this one,
// which it keeps; listen is the host and port for the others, such as "10.0.0.1:6222"; routes are the others, such as
// "nats://10.0.0.2:6222". Open waits until most of them are there.
func (s Setup) Cluster(node, listen string, routes ...string) Setup {
	s.node, s.listen, s.routes = node, listen, routes
	return s
}

func (s Setup) check() error {
	var errs []error
	bad := func(field, value, reason string) {
		errs = append(errs, &envelope.FieldError{Field: field, Value: value, Err: errors.New(reason)})
	}
	if s.conn == nil && s.folder == "" {
		bad("folder", "", "a folder or a connection is missing: begin with Embedded or Over")
	}
	for _, r := range s.Name {
		if r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			bad("Name", s.Name, "want letters, digits, - and _")
			break
		}
	}
	if s.Window < 0 {
		bad("Window", s.Window.String(), "must not be negative")
	}
	if s.Existing && s.conn == nil {
		bad("Existing", "true", "a queue in a folder is made by who opens it first: this goes with Over")
	}
	if s.Replicas < 0 || s.Replicas > 5 || s.Replicas == 2 || s.Replicas == 4 {
		bad("Replicas", fmt.Sprint(s.Replicas), "want 1, 3 or 5")
	}
	if !s.clustered() {
		return errors.Join(errs...)
	}
	if s.conn != nil {
		bad("listen", s.listen, "a cluster of embedded servers does not begin with Over")
	}
	if s.node == "" {
		bad("node", "", "a name for this server is missing; it must be the same each time")
	}
	host, _, err := net.SplitHostPort(s.listen)
	if err != nil {
		bad("listen", s.listen, "want host:port: "+err.Error())
	} else if ip := net.ParseIP(host); s.TLS == nil && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		bad("listen", s.listen, "all who reach this port can read and write the queue: set Setup.TLS, or listen on loopback")
	}
	if s.TLS != nil {
		if reason := checkRouteTLS(s.TLS); reason != "" {
			bad("TLS", "", reason)
		}
	}
	for _, route := range s.routes {
		if u, err := url.Parse(route); err != nil || u.Host == "" {
			bad("routes", route, "want nats://host:port")
		}
	}
	return errors.Join(errs...)
}

func (s Setup) clustered() bool { return s.listen != "" || s.node != "" || len(s.routes) > 0 }

// Open starts the server if there is one, joins the cluster, and returns the engine. The error joins [*envelope.FieldError]s,
// or is [ErrLocked], [ErrNoQueue], [ErrOtherStream], or that of ctx.
func (s Setup) Open(ctx context.Context) (*Engine, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	const name = "depeche"
	if s.Name == "" {
		s.Name = name
	}
	if s.beat == 0 {
		s.beat = time.Second
	}
	node, err := s.start(ctx, s)
	if err == nil {
		var e *Engine
		if e, err = s.open(ctx, node); err == nil {
			return e, nil
		}
		err = errors.Join(err, node.stop())
	}
	return nil, fmt.Errorf("open queue: %w", err)
}
