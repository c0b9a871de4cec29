package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/spf13/cobra"
)

func newQueue(w *World) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "queue",
		Short: "Look at a queue, and at what a worker does with its jobs",
		Long: `Queue works on what a program queues mail in. QUEUE is one of

  nats://host:4222/name      JetStream (package queue/jetstream); tls:// demands TLS; name is depeche
                             if it is left out; ?ca=FILE and ?creds=FILE are read by NATS clients
  postgres://user@host/name  PostgreSQL (package queue/river), with the settings of libpq; what is
                             left out comes from PGPASSWORD, ~/.pgpass and so on
  "host=... dbname=..."      the same, as libpq writes settings; a folder with = in its name is ./name
  a folder                   of package queue/bolt, for one process at a time: while the program
                             runs, these commands say so and change nothing
  env:NAME                   what the variable NAME holds, which is the place for a password

These commands make no queue where they find no queue. A password in an argument is refused, because
every user of the machine can read it.

A job that is parked is not sent until it is put back by retry. One whose verdict was lost must be
resolved first: ask the log of the relay, then "depeche ledger resolve QUEUE", for a folder
"depeche ledger resolve FOLDER/ledger.db".`,
	}
	cmd.AddCommand(newQueueList(w), newQueueShow(w), newQueuePark(w), newQueueRetry(w), newQueueDrop(w), newQueuePause(w), newQueueResume(w))
	return cmd
}

// job is a job for people and scripts.
type job struct {
	Key       string            `json:"key"`
	State     string            `json:"state"`
	At        time.Time         `json:"at"`
	Attempts  int               `json:"attempts"`
	Reason    string            `json:"reason,omitempty"`
	Enqueued  time.Time         `json:"enqueued"`
	Expires   *time.Time        `json:"expires,omitempty"`
	Priority  int               `json:"priority,omitempty"`
	Relay     string            `json:"relay,omitempty"`
	Guarantee string            `json:"guarantee"`
	Trace     map[string]string `json:"trace,omitempty"`
	// Recipients is what the ledger knows of those to whom it was tried; show alone has it.
	Recipients []ledger.Record `json:"recipients,omitempty"`
}

func describe(e queue.Entry) job {
	j := job{
		Key: e.Key, State: e.State.String(), At: e.At, Attempts: e.Attempts, Reason: e.Reason, Enqueued: e.Enqueued,
		Priority: e.Priority, Relay: e.Relay, Guarantee: "at most once", Trace: e.Trace,
	}
	if !e.Expires.IsZero() {
		j.Expires = &e.Expires
	}
	if e.Guarantee != 0 {
		j.Guarantee = "at least once"
	}
	if j.At.IsZero() {
		j.At = e.Enqueued
	}
	return j
}

func newQueueList(w *World) *cobra.Command {
	var parked, asJSON bool
	cmd := &cobra.Command{
		Use:   "ls QUEUE",
		Short: "List the jobs",
		Long: `Ls prints the key, the state, when it is due, the number of attempts and the reason of each job, in
the order of the keys. That the queue is paused is said on standard error.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.withQueue(cmd.Context(), args[0], func(q *queue.Queue) error {
				if paused, err := q.Paused(cmd.Context()); err != nil {
					return fail(exitTemporary, err)
				} else if paused {
					fmt.Fprintln(w.Stderr, "depeche: the queue is paused: no job is sent until resume")
				}
				for e, err := range q.List(cmd.Context()) {
					switch {
					case err != nil:
						return fail(exitTemporary, err)
					case parked && e.State != queue.Parked:
					case asJSON:
						w.printJSON(describe(e))
					default:
						j := describe(e)
						fmt.Fprintf(w.Stdout, "%s\t%s\t%s\t%d\t%s\n", j.Key, j.State, j.At.UTC().Format(time.RFC3339), j.Attempts, j.Reason)
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&parked, "parked", false, "only those that are parked")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object per job")
	return cmd
}

func newQueueShow(w *World) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show QUEUE KEY",
		Short: "Show a job, and what became of each recipient so far",
		Long:  "Show prints a job, and the entries that the ledger of the queue has for its key: one for each recipient to whom it was tried.",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.withQueue(cmd.Context(), args[0], func(q *queue.Queue) error {
				j, err := find(cmd.Context(), q, args[1])
				if err != nil {
					return err
				}
				if asJSON {
					w.printJSON(j)
					return nil
				}
				w.showJob(j)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// find returns a job with what its ledger knows of it.
func find(ctx context.Context, q *queue.Queue, key string) (job, error) {
	for e, err := range q.List(ctx) {
		if err != nil {
			return job{}, fail(exitTemporary, err)
		}
		if e.Key != key {
			continue
		}
		j := describe(e)
		if book, ok := q.Ledger().(ledger.Book); ok {
			if j.Recipients, err = book.Lookup(ctx, key); err != nil {
				return job{}, fail(exitTemporary, err)
			}
		}
		return j, nil
	}
	return job{}, fail(exitData, fmt.Errorf("key %q: %w", key, queue.ErrNotFound))
}

func (w *World) showJob(j job) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w.Stdout, "%-10s %s\n", name, value)
		}
	}
	moment := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	line("key", j.Key)
	line("state", j.State)
	line("due", moment(j.At))
	line("attempts", fmt.Sprint(j.Attempts))
	line("reason", j.Reason)
	line("enqueued", moment(j.Enqueued))
	if j.Expires != nil {
		line("expires", moment(*j.Expires))
	}
	line("relay", j.Relay)
	line("guarantee", j.Guarantee)
	for _, r := range j.Recipients {
		line("recipient", fmt.Sprintf("%s\t%s\t%s\t%s", r.Recipient, r.Outcome, r.MessageID, r.Reply))
	}
}
