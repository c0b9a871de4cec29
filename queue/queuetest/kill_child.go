package queuetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/transport"
)

// killed enqueues a mail and sends what is due. It kills its process at a step, unless that is "": then it says all steps.
func killed(open OpenAt, place, relay, step string, times int) error {
	ctx := context.Background()
	engine, err := open(ctx, place)
	if err != nil {
		return err
	}
	s := &steps{at: step, left: times}
	q, err := queue.New(stepEngine{engine, s}, queue.Config{})
	if err != nil {
		return err
	}
	env, err := envelope.Parse(killFrom, killTo)
	if err == nil {
		_, err = q.Enqueue(ctx, transport.Raw(env, []byte("Subject: x\r\n\r\nx\r\n")), queue.Job{Key: killKey})
	}
	if err == nil {
		err = drain(ctx, q, fileRelay{relay, s})
	}
	return errors.Join(err, q.Close())
}

// steps counts the steps of a process, and kills it at one of them.
type steps struct {
	calls sync.Mutex // held by a call: no two are under way at the same time, so that a step is at one place of the table

	mu      sync.Mutex
	at      string // the step at which the process is killed
	left    int    // when it has come so often
	inDoubt bool   // "ending" is written, and the end is not
}

// What a process says that kills itself; the second is said if that leaves its mail in doubt.
const (
	killedMark  = "killed"
	inDoubtMark = ", in doubt"
)

func (s *steps) step(name string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch name {
	case "after Ending":
		s.inDoubt = true
	case "after End":
		s.inDoubt = false
	}
	if s.at == "" {
		_, _ = fmt.Fprintln(os.Stdout, name)
	}
	if s.at != name {
		return
	}
	if s.left--; s.left != 0 {
		return
	}
	said := killedMark
	if s.inDoubt {
		said += inDoubtMark
	}
	_, _ = fmt.Fprint(os.Stdout, said)
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {}
}

func (s *steps) around(name string) (after func()) {
	s.calls.Lock()
	s.step("before " + name)
	return func() {
		s.step("after " + name)
		s.calls.Unlock()
	}
}

type stepEngine struct {
	queue.Engine

	*steps
}

func (e stepEngine) Put(ctx context.Context, list []queue.Entry) ([]error, error) {
	defer e.around("Put")()
	return e.Engine.Put(ctx, list)
}

func (e stepEngine) Take(ctx context.Context, want queue.Request) ([]queue.Taken, error) {
	defer e.around("Take")()
	return e.Engine.Take(ctx, want)
}

func (e stepEngine) Settle(ctx context.Context, list []queue.Settlement) error {
	defer e.around("Settle")()
	return e.Engine.Settle(ctx, list)
}

func (e stepEngine) Ledger() ledger.Ledger { return stepLedger{e.Engine.Ledger(), e.steps} }

type stepLedger struct {
	ledger.Ledger

	*steps
}

func (l stepLedger) Claim(ctx context.Context, list []ledger.Claim) ([]ledger.Grant, error) {
	defer l.around("Claim")()
	return l.Ledger.Claim(ctx, list)
}

func (l stepLedger) Ending(ctx context.Context, list []ledger.Grant) error {
	defer l.around("Ending")()
	return l.Ledger.Ending(ctx, list)
}

func (l stepLedger) End(ctx context.Context, list []ledger.Ended) error {
	defer l.around("End")()
	return l.Ledger.End(ctx, list)
}

// fileRelay takes mail by a line in a file.
type fileRelay struct {
	path string
	*steps
}

// Send implements [transport.Transport].
func (r fileRelay) Send(_ context.Context, mail transport.Mail) (*transport.Result, error) {
	var content bytes.Buffer
	if _, err := mail.WriteTo(&content); err != nil {
		return transport.Fail(mail, transport.PhaseBody, err)
	}
	r.step("before the relay")
	file, err := os.OpenFile(r.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(file, mail.Envelope().At(0).Address)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		return transport.Fail(mail, transport.PhaseBody, err)
	}
	r.step("after the relay")
	return transport.NewResult(mail.Envelope(), transport.Accepted, transport.Reply{Code: 250}), nil
}
