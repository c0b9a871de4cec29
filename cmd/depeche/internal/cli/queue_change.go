package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/depeche-mail/depeche/queue"
	"github.com/spf13/cobra"
)

// changeJobs is a command that does something to each of the jobs that its arguments name.
func changeJobs(w *World, use, short, long string, do func(ctx context.Context, q *queue.Queue, key string) error) *cobra.Command {
	return &cobra.Command{
		Use: use + " QUEUE KEY...", Short: short, Long: long, Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.withQueue(cmd.Context(), args[0], func(q *queue.Queue) error {
				for _, key := range args[1:] {
					err := do(cmd.Context(), q, key)
					if errors.Is(err, queue.ErrNotFound) { // engines say that of a job in another state, too
						if j, errFind := find(cmd.Context(), q, key); errFind == nil {
							err = fmt.Errorf("key %q: the job is %s, and %s is not for such", key, j.State, use)
						}
						return fail(exitData, err)
					}
					if err != nil {
						return fail(exitTemporary, err)
					}
				}
				return nil
			})
		},
	}
}

func newQueuePark(w *World) *cobra.Command {
	var reason string
	cmd := changeJobs(w, "park", "Keep workers from jobs that wait",
		"Park keeps workers from jobs that wait, until they are put back by retry.",
		func(ctx context.Context, q *queue.Queue, key string) error { return q.Park(ctx, key, reason) })
	cmd.Flags().StringVar(&reason, "reason", "parked by an operator", "what ls says of it")
	return cmd
}

func newQueueRetry(w *World) *cobra.Command {
	return changeJobs(w, "retry", "Let jobs that are parked be tried again",
		`Retry puts jobs that are parked back: they are due at once, as if they had not been tried. Recipients
who have had the mail do not get it again. One whose verdict was lost is parked again, unless it is
resolved in the ledger first.`,
		func(ctx context.Context, q *queue.Queue, key string) error { return q.PutBack(ctx, key) })
}

func newQueueDrop(w *World) *cobra.Command {
	return changeJobs(w, "drop", "Remove jobs", "Drop removes jobs that wait or are parked, with their mail. It cannot be undone.",
		func(ctx context.Context, q *queue.Queue, key string) error { return q.Cancel(ctx, key) })
}

// changeQueue is a command that does something to the queue as a whole.
func changeQueue(w *World, use, short, long string, do func(ctx context.Context, q *queue.Queue) error) *cobra.Command {
	return &cobra.Command{
		Use: use + " QUEUE", Short: short, Long: long, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.withQueue(cmd.Context(), args[0], func(q *queue.Queue) error { return fail(exitTemporary, do(cmd.Context(), q)) })
		},
	}
}

func newQueuePause(w *World) *cobra.Command {
	return changeQueue(w, "pause", "Let no worker take a job",
		"Pause keeps all workers from taking jobs, also those that start later, until resume. The program may go on to queue mail.",
		func(ctx context.Context, q *queue.Queue) error { return q.Pause(ctx) })
}

func newQueueResume(w *World) *cobra.Command {
	return changeQueue(w, "resume", "End a pause", "Resume lets workers take jobs again.",
		func(ctx context.Context, q *queue.Queue) error { return q.Resume(ctx) })
}
