package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/spf13/cobra"
)

// benchFlags are the flags of bench.
type benchFlags struct {
	from, to  string
	mails     int
	size      int
	maxWindow int
	pause     time.Duration
	json      bool
}

func newBench(w *World) *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench [URL]",
		Short: "Find out what rate and window a relay takes, politely",
		Long: `Bench sends small mails to one recipient, first one after the other, then with 2, 4, 8 ... of them
on their way over one connection, and prints the rate of each round. It pauses between rounds, and stops
at the first mail that the relay does not accept, at a window that is not faster than the one before,
and at --max-window.

The mails are delivered: take an address that is meant for it, and a relay that is yours.

` + statusHelp,
		Example: `  depeche bench smtp://localhost --from bench@example.org --to blackhole@example.org`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			argument := ""
			if len(args) > 0 {
				argument = args[0]
			}
			return w.bench(cmd.Context(), argument, f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.from, "from", "", "the sender (required)")
	flags.StringVar(&f.to, "to", "", "the recipient of all mails (required)")
	flags.IntVar(&f.mails, "mails", 50, "mails of each round")
	flags.IntVar(&f.size, "size", 2048, "octets of text in each mail")
	flags.IntVar(&f.maxWindow, "max-window", 64, "the largest window")
	flags.DurationVar(&f.pause, "pause", 2*time.Second, "the pause between rounds")
	flags.BoolVar(&f.json, "json", false, "print a JSON object per round")
	return cmd
}

// round is what one window came to.
type round struct {
	Window   int     `json:"window"`
	Mails    int     `json:"mails"`
	Accepted int     `json:"accepted"`
	Rate     float64 `json:"mails_per_second"`
	Error    string  `json:"error,omitempty"`
	status   int
}

// gain is how much faster a window must be than the one before, so that a larger one is tried.
const gain = 1.1

func (w *World) bench(ctx context.Context, argument string, f benchFlags) error {
	if f.from == "" || f.to == "" {
		return fail(exitUsage, errors.New("--from and --to are needed"))
	}
	if f.mails < 1 || f.maxWindow < 1 || f.size < 0 {
		return fail(exitUsage, errors.New("--mails and --max-window must be 1 or more, --size not negative"))
	}
	mail, err := message.New().From(f.from).To(f.to).Subject("depeche bench").Text(benchText(f.size)).Build()
	if err != nil {
		return fail(exitUsage, err)
	}
	u, cleanup, err := w.relay(argument)
	defer cleanup()
	if err != nil {
		return err
	}
	relays := u.Relays()
	if len(relays) != 1 {
		return fail(exitUsage, fmt.Errorf("%s: bench needs one relay", u))
	}
	last := 0.0
	for window := 1; window <= f.maxWindow; window *= 2 {
		r, err := w.round(ctx, relays[0], mail, window, f.mails)
		if err != nil {
			return err
		}
		w.showRound(r, f.json)
		switch {
		case r.status != exitOK:
			return fail(r.status, fmt.Errorf("stopped at a window of %d: %s", window, r.Error))
		case r.Rate < last*gain:
			return nil
		}
		last = r.Rate
		if window*2 <= f.maxWindow {
			select {
			case <-time.After(f.pause):
			case <-ctx.Done():
				return fail(exitTemporary, context.Cause(ctx))
			}
		}
	}
	return nil
}

func benchText(size int) string {
	const line = "A line of a mail that measures what a relay takes, of 64 octets\n"
	text := ""
	for len(text) < size {
		text += line
	}
	return text[:size]
}

// round sends mails with one window over one connection.
func (w *World) round(ctx context.Context, relay smtp.URL, mail transport.Mail, window, mails int) (round, error) {
	sender, err := relay.Builder().Pool(smtp.Pool{MaxOpen: 1}).BulkWindow(window).WaitForRelay(0).Build() // a relay that is down ends the run
	if err != nil {
		return round{}, fail(exitUsage, err)
	}
	defer func() { _ = sender.Shutdown(ctx) }()
	r := round{Window: window, Mails: mails}
	var all tally
	feed := iter.Seq[transport.Mail](func(yield func(transport.Mail) bool) {
		for i := 0; i < mails && ctx.Err() == nil && yield(mail); i++ {
		}
	})
	started := time.Now()
	for sent, err := range transport.SendAll(ctx, sender, feed) {
		all.add(sent.Result)
		if err != nil {
			r.Error, r.status = err.Error(), sendStatus(sent.Result, err)
			break
		}
	}
	r.Accepted = all.Accepted
	r.Rate = float64(all.Accepted) / time.Since(started).Seconds()
	return r, nil
}

func (w *World) showRound(r round, asJSON bool) {
	if asJSON {
		w.printJSON(r)
		return
	}
	fmt.Fprintf(w.Stdout, "window %3d   %4d of %d accepted   %8.1f mails/s\n", r.Window, r.Accepted, r.Mails, r.Rate)
}
