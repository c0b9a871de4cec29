// Command cluster runs three programs on this machine that share one queue, kills the one that leads in the middle, starts it
// again, and shows that each mail was sent once. It needs no arguments and nothing but a temporary folder: the relay is
// in it.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/jetstream"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

const (
	mails     = 150
	killAfter = 40
	nodeName  = "CLUSTER_NODE" // set in the three programs
	folder    = "CLUSTER_FOLDER"
	ports     = "CLUSTER_PORTS" // of the three, separated by commas
	relayPort = "CLUSTER_RELAY"
)

func main() {
	work := show
	if os.Getenv(nodeName) != "" {
		work = node
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

// show runs a relay and three nodes, and kills one.
func show() error {
	relay, err := smtptest.Start(smtptest.Config{})
	if err != nil {
		return err
	}
	defer relay.Close()
	dir, err := os.MkdirTemp("", "cluster")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	numbers, err := freePorts(3)
	if err != nil {
		return err
	}
	env := append(os.Environ(), folder+"="+dir, relayPort+"="+strconv.Itoa(relay.Port()), ports+"="+strings.Join(numbers, ","))
	var nodes [3]*child
	for i := range nodes {
		if nodes[i], err = begin(i, env); err != nil {
			return err
		}
		defer nodes[i].end()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := wait(ctx, relay, killAfter); err != nil {
		return err
	}
	fmt.Println("kill -9", nodes[0].name)
	nodes[0].end()
	killed, had := time.Now(), len(relay.Messages())
	if err := wait(ctx, relay, had+20); err != nil {
		return err
	}
	fmt.Printf("the other two sent 20 more mails in the first %v\n", time.Since(killed).Round(100*time.Millisecond))
	if nodes[0], err = begin(0, env); err != nil {
		return err
	}
	// All stay until each has seen that nothing is left: two are needed for a third to come back.
	for _, n := range nodes {
		if err := n.waitFor(ctx, n.done); err != nil {
			return err
		}
	}
	for _, n := range nodes {
		_ = n.input.Close()
		if err := n.waitFor(ctx, nil); err != nil {
			return err
		}
	}
	return judge(relay)
}

// judge counts copies.
func judge(relay *smtptest.Server) error {
	copies := map[string]int{}
	for _, m := range relay.Messages() {
		for _, to := range m.Addresses() {
			copies[to]++
		}
	}
	twice, missing := 0, 0
	for i := range mails {
		switch n := copies[recipient(i)]; {
		case n > 1:
			twice++
		case n == 0:
			missing++
		}
	}
	fmt.Printf("of %d mails %d arrived twice, %d not at all: each of these is parked as unknown above\n", mails, twice, missing)
	if twice > 0 {
		return errors.New("a mail was sent twice")
	}
	return nil
}

// freePorts returns ports that were free a moment ago.
func freePorts(n int) (list []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			return nil, err
		}
		list = append(list, port)
	}
	return list, nil
}

// wait waits until the relay has so many mails.
func wait(ctx context.Context, relay *smtptest.Server, n int) error {
	for len(relay.Messages()) < n {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the relay has %d mails, want %d: %w", len(relay.Messages()), n, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// child is a node in a process of its own.
type child struct {
	name  string
	cmd   *exec.Cmd
	input io.Closer     // it ends when this is closed
	done  chan struct{} // closed when it has said that nothing is left
	ended chan struct{}
	err   error
	once  sync.Once
}

// nothingLeft is what a node says when it has no more to do.
const nothingLeft = "nothing is left to send"

func begin(i int, env []string) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{name: string("abc"[i]), cmd: exec.Command(program), done: make(chan struct{}), ended: make(chan struct{})}
	c.cmd.Env = append(env, nodeName+"="+strconv.Itoa(i))
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if c.input, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(c.ended)
		c.print(out)
		c.err = c.cmd.Wait()
	}()
	return c, nil
}

func (c *child) print(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		fmt.Printf("  %s: %s\n", c.name, lines.Text())
		if lines.Text() == nothingLeft {
			close(c.done)
		}
	}
}

// end kills the process and waits for its end.
func (c *child) end() {
	c.once.Do(func() { _ = c.cmd.Process.Kill() })
	<-c.ended
}

// waitFor waits for something of the process, nil for nothing but its end by itself, which ends each wait.
func (c *child) waitFor(ctx context.Context, something <-chan struct{}) error {
	select {
	case <-something:
		return nil
	case <-c.ended:
		return c.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func recipient(i int) string { return fmt.Sprintf("customer%d@example.org", i) }

// node is one of the three programs. All of them enqueue the same mails, which are known by their keys, and each sends its part.
func node() error {
	number, err := strconv.Atoi(os.Getenv(nodeName))
	if err != nil {
		return err
	}
	list := strings.Split(os.Getenv(ports), ",")
	var routes []string
	for i, port := range list {
		if i != number {
			routes = append(routes, "nats://127.0.0.1:"+port)
		}
	}
	name := string("abc"[number])
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	start := time.Now()
	engine, err := jetstream.Embedded(filepath.Join(os.Getenv(folder), name)).Cluster(name, "127.0.0.1:"+list[number], routes...).Open(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("in the cluster after %v\n", time.Since(start).Round(10*time.Millisecond))
	q, err := queue.New(engine, queue.Config{})
	if err != nil {
		return err
	}
	if err := enqueue(ctx, q); err != nil {
		return err
	}
	if err := send(ctx, q); err != nil {
		return err
	}
	fmt.Println(nothingLeft)
	_, _ = io.Copy(io.Discard, os.Stdin) // until it is closed: the others may need this node to see the same
	return q.Close()
}

func enqueue(ctx context.Context, q *queue.Queue) error {
	for i := range mails {
		msg, err := message.New().From("shop@example.org").To(recipient(i)).Subject("Your receipt").Text("Thank you!").Build()
		if err != nil {
			return err
		}
		if _, err := q.Enqueue(ctx, msg, queue.Job{Key: fmt.Sprintf("order-%03d/receipt", i)}); err != nil {
			return err
		}
	}
	return nil
}

// send runs a worker until the queue is empty, but for what is parked.
func send(ctx context.Context, q *queue.Queue) error {
	port, err := strconv.Atoi(os.Getenv(relayPort))
	if err != nil {
		return err
	}
	relay, err := smtp.DangerousPlaintext("127.0.0.1").Port(port).Build()
	if err != nil {
		return err
	}
	defer relay.Close()
	work := queue.Work(q, relay)
	work.AtOnce, work.Lease = 4, 5*time.Second
	work.Backoff = func(int) time.Duration { return time.Second }
	work.Limits = map[string]queue.Limit{"": {Every: 20 * time.Millisecond}} // so that there is something to see
	work.OnEvent = func(e queue.Event) {
		if !e.Begins && e.Do == queue.Park {
			fmt.Printf("%s: parked as %v: %s\n", e.Entry.Key, e.Entry.Outcome, e.Entry.Reason)
		}
	}
	worker, err := work.Build()
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(running) }()
	for !empty(ctx, q) {
		select {
		case err := <-ended:
			return err
		case <-time.After(200 * time.Millisecond):
		}
	}
	stop()
	return <-ended
}

func empty(ctx context.Context, q *queue.Queue) bool {
	for entry, err := range q.List(ctx) {
		if err != nil || entry.State != queue.Parked {
			return false
		}
	}
	return ctx.Err() == nil
}
