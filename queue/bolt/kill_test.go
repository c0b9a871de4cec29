//go:build unix

package bolt_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/bolt"
	"github.com/depeche-mail/depeche/queue/queuetest"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

const (
	folderVariable = "DEPECHE_QUEUE_CHILD"
	portVariable   = "DEPECHE_QUEUE_PORT"
	mailsVariable  = "DEPECHE_QUEUE_MAILS"
)

// TestMain makes a child of the test's own program: it enqueues a campaign and sends what is due.
func TestMain(m *testing.M) {
	queuetest.KillChild(openAt)
	if os.Getenv(folderVariable) == "" {
		os.Exit(m.Run())
	}
	if err := child(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child() error {
	engine, err := bolt.Open(os.Getenv(folderVariable), bolt.Options{})
	if err != nil {
		return err
	}
	port, _ := strconv.Atoi(os.Getenv(portVariable))
	mails, _ := strconv.Atoi(os.Getenv(mailsVariable))
	relay, err := smtp.DangerousPlaintext("127.0.0.1").Port(port).BulkWindow(8).Pool(smtp.Pool{MaxOpen: 2}).Build()
	if err != nil {
		return err
	}
	q, err := queue.New(engine, queue.Config{})
	if err != nil {
		return err
	}
	work := queue.Work(q, relay)
	work.Backoff = func(int) time.Duration { return 0 }
	worker, err := work.Build()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error)
	go func() { ended <- worker.Run(ctx) }()
	from, _ := envelope.ParseAddress("from@example.org")
	for i := range mails {
		to, err := envelope.ParseAddress(fmt.Sprintf("u%d@example.org", i))
		if err != nil {
			return err
		}
		env, err := envelope.New(from, to)
		if err != nil {
			return err
		}
		if _, err := q.Enqueue(ctx, transport.Raw(env, []byte("Subject: x\r\n\r\nx\r\n")), queue.Job{Key: fmt.Sprint("k", i)}); err != nil {
			return err
		}
	}
	cancel()
	if err := <-ended; err != nil {
		return err
	}
	if err := worker.RunDue(context.Background()); err != nil {
		return err
	}
	return q.Close()
}

func openAt(_ context.Context, folder string) (queue.Engine, error) {
	return bolt.Open(folder, bolt.Options{})
}

func TestKillAtEachStep(t *testing.T) {
	queuetest.KillAtEachStep(t, openAt, func(t *testing.T) string { return t.TempDir() })
}

// TestKill kills a program at random that enqueues and sends, and starts it again, until it ends: no mail arrives
// twice, and each either arrives or is parked because its verdict was lost.
func TestKill(t *testing.T) {
	const mails, kills, window = 400, 6, 8
	server, folder := smtptest.NewServer(t), t.TempDir()
	run := func(kill time.Duration) (killed bool) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if kill > 0 {
			defer time.AfterFunc(kill, cancel).Stop()
		}
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), folderVariable+"="+folder, portVariable+"="+strconv.Itoa(server.Port()), mailsVariable+"="+strconv.Itoa(mails))
		out, err := cmd.CombinedOutput()
		if err != nil && ctx.Err() == nil {
			t.Fatalf("%v: %s", err, out)
		}
		return err != nil
	}
	killed := 0
	for range kills {
		if run(time.Duration(10+rand.IntN(300)) * time.Millisecond) {
			killed++
		}
	}
	run(0)
	copies := map[string]int{}
	for _, m := range server.Messages() {
		for _, to := range m.Addresses() {
			copies[to]++
		}
	}
	parked := map[string]bool{}
	for e, err := range open(t, folder).List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if e.State != queue.Parked {
			t.Errorf("%s is %v: %s", e.Key, e.State, e.Reason)
		}
		parked[e.Key] = true
	}
	for i := range mails {
		to, key := fmt.Sprintf("u%d@example.org", i), fmt.Sprint("k", i)
		if n := copies[to]; n > 1 || n == 0 && !parked[key] {
			t.Errorf("%s: %d copies, parked: %v", key, n, parked[key])
		}
	}
	if most := killed * 2 * 2 * window; len(parked) > most {
		t.Errorf("%d mails in doubt after %d kills", len(parked), killed)
	}
	t.Logf("%d kills, %d mails in doubt", killed, len(parked))
}
