// Command later queues mail, is killed by itself in the middle of sending it, starts again, and shows what became of
// each mail. It needs no arguments and nothing but a temporary folder: the relay is in it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/jetstream"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

const (
	mails     = 12
	killAfter = 5 // mails that were sent
	folder    = "LATER_FOLDER"
	port      = "LATER_PORT"
	killed    = "LATER_KILLED"
)

func main() {
	work := show
	if os.Getenv(folder) != "" {
		work = send
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, "later:", err)
		os.Exit(1)
	}
}

// show runs a relay, and the sending program twice.
func show() error {
	relay, err := smtptest.Start(smtptest.Config{})
	if err != nil {
		return err
	}
	defer relay.Close()
	dir, err := os.MkdirTemp("", "later")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, err := os.Executable()
	if err != nil {
		return err
	}
	for run := 1; run <= 2; run++ {
		fmt.Printf("run %d\n", run)
		cmd := exec.Command(program)
		cmd.Env = append(os.Environ(), folder+"="+dir, port+"="+strconv.Itoa(relay.Port()), killed+"="+strconv.FormatBool(run > 1))
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			fmt.Printf("  the program ended: %v\n", err)
		}
	}
	copies := map[string]int{}
	for _, m := range relay.Messages() {
		for _, to := range m.Addresses() {
			copies[to]++
		}
	}
	fmt.Println("what the relay has")
	twice, missing := 0, 0
	for i := range mails {
		n := copies[recipient(i)]
		if n > 1 {
			twice++
		}
		if n == 0 {
			missing++
		}
		fmt.Printf("  %s: %d\n", recipient(i), n)
	}
	fmt.Printf("%d mails twice, %d not at all: each of these is parked as unknown above\n", twice, missing)
	if twice > 0 {
		return errors.New("a mail was sent twice")
	}
	return nil
}

func recipient(i int) string { return fmt.Sprintf("customer%d@example.org", i) }

// send is the program that uses the queue. The first time it kills itself.
func send() error {
	engine, err := jetstream.Embedded(os.Getenv(folder)).Open(context.Background())
	if err != nil {
		return err
	}
	q, err := queue.New(engine, queue.Config{})
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(os.Getenv(port))
	if err != nil {
		return err
	}
	relay, err := smtp.DangerousPlaintext("127.0.0.1").Port(number).Build()
	if err != nil {
		return err
	}
	for i := range mails { // the second time these are known by their keys
		msg, err := message.New().From("shop@example.org").To(recipient(i)).Subject("Your receipt").Text("Thank you!").Build()
		if err != nil {
			return err
		}
		if _, err := q.Enqueue(context.Background(), msg, queue.Job{Key: fmt.Sprintf("order-%02d/receipt", i)}); err != nil {
			return err
		}
	}
	var sent atomic.Int64
	work := queue.Work(q, relay)
	work.Backoff = func(int) time.Duration { return 0 }
	work.OnEvent = func(e queue.Event) {
		if e.Begins {
			return
		}
		fmt.Printf("  %s: %s\n", e.Entry.Key, fate(e))
		if os.Getenv(killed) == "false" && sent.Add(1) == killAfter {
			fmt.Println("  kill -9")
			self, _ := os.FindProcess(os.Getpid())
			_ = self.Kill()
			select {}
		}
	}
	worker, err := work.Build()
	if err != nil {
		return err
	}
	if err := worker.RunDue(context.Background()); err != nil {
		return err
	}
	return errors.Join(relay.Close(), q.Close())
}

// fate says what became of a job.
func fate(e queue.Event) string {
	if e.Result == nil {
		return "not tried: " + e.Entry.Reason
	}
	r := e.Result.Recipients[0]
	switch {
	case e.Do == queue.Park:
		return fmt.Sprintf("parked as %v: %s", r.Outcome, e.Entry.Reason)
	case r.Replayed:
		return fmt.Sprintf("%v by the first run", r.Outcome)
	}
	return r.Outcome.String()
}
