package jetstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/transport"
	"github.com/nats-io/nats-server/v2/server"
)

// The variables of a program of the test on a machine: its name, its folder, and what all have, which is certificates and the file
// that is the relay.
const (
	machineName   = "DEPECHE_JETSTREAM_MACHINE"
	machineFolder = "DEPECHE_JETSTREAM_FOLDER"
	machineShared = "DEPECHE_JETSTREAM_SHARED"
)

const (
	machines     = "abc"
	machineMails = 300
	relayFile    = "relay"
	cutFile      = "cut" // is there once the cable is pulled
	clusterFile  = "cluster.pem"
	memberFile   = "member.pem"
)

// address is that of a machine in the network of the test.
func address(machine string) string {
	return fmt.Sprintf("10.231.0.%d", 1+strings.Index(machines, machine))
}

// machine is a program with a worker on one of the machines of a cluster. It says on standard output what happens: "queued" when it
// has queued its share of the mails, "leads" when its server leads, and "empty" when no job is left. It ends with its standard input.
func machine() error {
	name, shared := os.Getenv(machineName), os.Getenv(machineShared)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	setup, err := machineSetup(name, shared)
	if err != nil {
		return err
	}
	var node atomic.Pointer[server.Server]
	setup.begun = node.Store
	engine, err := setup.Open(ctx)
	if err != nil {
		return err
	}
	q, err := queue.New(engine, queue.Config{})
	if err == nil {
		err = enqueueShare(ctx, q, strings.Index(machines, name))
	}
	if err != nil {
		return err
	}
	say("queued")
	work := queue.Work(q, appendingRelay(name, shared))
	work.AtOnce, work.Lease = 8, 3*time.Second
	work.Backoff = func(int) time.Duration { return 500 * time.Millisecond }
	worker, err := work.Build()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() { err = worker.Run(ctx) })
	all.Go(func() { watch(ctx, q, node.Load()) })
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); { // until it is closed
	}
	stop()
	all.Wait()
	return errors.Join(err, q.Close())
}

func say(what string) { _, _ = fmt.Fprintln(os.Stdout, what) }

func machineSetup(name, shared string) (Setup, error) {
	member, err := tls.LoadX509KeyPair(filepath.Join(shared, memberFile), filepath.Join(shared, memberFile))
	if err != nil {
		return Setup{}, err
	}
	authority, err := os.ReadFile(filepath.Join(shared, clusterFile))
	if err != nil {
		return Setup{}, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	var routes []string
	for other := range strings.SplitSeq(machines, "") {
		if other != name {
			routes = append(routes, "nats://"+address(other)+":6222")
		}
	}
	s := Embedded(os.Getenv(machineFolder)).Cluster(name, address(name)+":6222", routes...)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{member}, RootCAs: pool}
	return s, nil
}

func enqueueShare(ctx context.Context, q *queue.Queue, share int) error {
	for i := share; i < machineMails; i += len(machines) {
		env, err := envelope.Parse("shop@example.org", recipient(i))
		if err == nil {
			_, err = q.Enqueue(ctx, transport.Raw(env, []byte("Subject: x\r\n\r\nhello\r\n")), queue.Job{Key: fmt.Sprint("k", i)})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// appendingRelay takes a mail by a line in a file, which no network lies between: a machine that is cut off from the others
// reaches it too. When some are taken it keeps the senders of more waiting until the cable is pulled, so that each machine has mails
// in hand then whose content has left.
func appendingRelay(name, shared string) transport.Transport {
	return paced{transport.Func(func(_ context.Context, m transport.Mail) (*transport.Result, error) {
		var content strings.Builder
		_, err := m.WriteTo(&content)
		for err == nil && len(relayed(shared)) >= machineMails/6 && !isThere(filepath.Join(shared, cutFile)) {
			<-time.After(20 * time.Millisecond)
		}
		var file *os.File
		if err == nil {
			file, err = os.OpenFile(filepath.Join(shared, relayFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		}
		if err == nil {
			_, err = fmt.Fprintf(file, "%s %s\n", name, m.Envelope().At(0).Address)
			err = errors.Join(err, file.Close())
		}
		if err != nil {
			return transport.Fail(m, transport.PhaseBody, err)
		}
		return transport.NewResult(m.Envelope(), transport.Accepted, transport.Reply{Code: 250}), nil
	})}
}

// watch says who leads, and puts back what is parked in doubt: what the machine that was cut off knows becomes certain when it is back.
func watch(ctx context.Context, q *queue.Queue, node *server.Server) {
	leads, empty := false, false
	for ctx.Err() == nil {
		if now := node.JetStreamIsStreamLeader("$G", "depeche"); now != leads {
			leads = now
			say(map[bool]string{true: "leads", false: "follows"}[leads])
		}
		entries, failed := 0, false
		for e, err := range q.List(ctx) {
			if failed = failed || err != nil; failed {
				break
			}
			entries++
			if e.State == queue.Parked {
				_ = q.PutBack(ctx, e.Key) // another machine may have done it
			}
		}
		if now := !failed && entries == 0; now != empty {
			empty = now
			if empty {
				say("empty")
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// relayed is who sent, and to whom, in the order in which the relay took the mails.
func relayed(shared string) (list [][2]string) {
	text, _ := os.ReadFile(filepath.Join(shared, relayFile)) // not there before the first mail
	for line := range strings.Lines(string(text)) {
		if who, to, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " "); ok && strings.HasSuffix(line, "\n") {
			list = append(list, [2]string{who, to})
		}
	}
	return slices.Clip(list)
}
