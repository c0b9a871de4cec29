package queuetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
)

const (
	journalVariable   = "DEPECHE_QUEUETEST_JOURNAL"
	portVariable      = "DEPECHE_QUEUETEST_PORT"
	mailsVariable     = "DEPECHE_QUEUETEST_MAILS"
	guaranteeVariable = "DEPECHE_QUEUETEST_GUARANTEE"
)

func campaignKey(i int) string { return fmt.Sprint("k", i) }

func campaignTo(i int) string { return fmt.Sprintf("u%d@example.org", i) }

// sendCampaign enqueues the campaign, of which a part may be known, while a worker sends, until no job is left but those that are parked.
func sendCampaign(open OpenAt, place string) error {
	ctx := context.Background()
	engine, err := open(ctx, place)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(os.Getenv(journalVariable), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // a file of the test
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // what was written is in it
	q, err := queue.New(journalEngine{engine, file}, queue.Config{})
	if err != nil {
		return err
	}
	port, errPort := strconv.Atoi(os.Getenv(portVariable))
	relay, err := smtp.DangerousPlaintext("127.0.0.1").Port(port).BulkWindow(killWindow).Pool(smtp.Pool{MaxOpen: killConnections}).Build()
	if err = errors.Join(errPort, err); err != nil {
		return err
	}
	enqueued := make(chan error, 1)
	go func() { enqueued <- enqueueCampaign(ctx, q) }()
	for going := true; going && err == nil; {
		select {
		case err = <-enqueued:
			going = false
		default:
		}
		err = errors.Join(err, drain(ctx, q, relay))
	}
	return errors.Join(err, q.Close(), relay.Close())
}

func enqueueCampaign(ctx context.Context, q *queue.Queue) error {
	mails, err := strconv.Atoi(os.Getenv(mailsVariable))
	if err != nil {
		return err
	}
	guarantee, err := strconv.Atoi(os.Getenv(guaranteeVariable))
	if err != nil {
		return err
	}
	const writers = 16
	var next atomic.Int64
	var all sync.WaitGroup
	failed := make([]error, writers)
	for w := range writers {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(mails) && failed[w] == nil; i = next.Add(1) - 1 {
				env, err := envelope.Parse("from@example.org", campaignTo(int(i)))
				if err == nil {
					job := queue.Job{Key: campaignKey(int(i)), Guarantee: policy.Guarantee(guarantee)}
					_, err = q.Enqueue(ctx, transport.Raw(env, []byte("Subject: x\r\n\r\nx\r\n")), job)
				}
				failed[w] = err
			}
		})
	}
	all.Wait()
	return errors.Join(failed...)
}

// journalEngine writes down what its ledger is told, before the content leaves and after the end is written. A kill does not take back what
// is in the file.
type journalEngine struct {
	queue.Engine

	file *os.File
}

func (e journalEngine) Ledger() ledger.Ledger { return journalLedger{e.Engine.Ledger(), e.file} }

type journalLedger struct {
	ledger.Ledger

	file *os.File
}

func (l journalLedger) Ending(ctx context.Context, list []ledger.Grant) error {
	var text strings.Builder
	for _, g := range list {
		fmt.Fprintln(&text, "ending", g.Key, os.Getpid(), g.Fence)
	}
	if _, err := l.file.WriteString(text.String()); err != nil {
		return err
	}
	return l.Ledger.Ending(ctx, list)
}

func (l journalLedger) End(ctx context.Context, list []ledger.Ended) error {
	err := l.Ledger.End(ctx, list)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, e := range list {
		if e.Fate.Outcome != transport.Unknown {
			fmt.Fprintln(&text, "certain", e.Grant.Key, os.Getpid(), e.Fate.Outcome)
		}
	}
	_, err = l.file.WriteString(text.String())
	return err
}
