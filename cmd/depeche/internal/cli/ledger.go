package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/ledger/bolt"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/spf13/cobra"
)

// remember puts the ledger of the flags before a transport, if there is one. done closes its file, after the transport.
func (w *World) remember(t transport.Transport, f sendFlags) (_ transport.Transport, done func(), err error) {
	if f.ledger == "" {
		return t, func() {}, nil
	}
	book, err := bolt.Open(f.ledger, bolt.Options{PlainAddresses: f.plain})
	if err != nil {
		_ = transport.Close(t) // nothing was sent
		return nil, func() {}, fail(ledgerStatus(err), fmt.Errorf("--ledger: %w", err))
	}
	done = func() {
		if err := book.Close(); err != nil {
			fmt.Fprintln(w.Stderr, "depeche: --ledger:", err)
		}
	}
	once := ledger.Once{Next: t, Ledger: book, OnError: func(_ transport.Mail, err error) { fmt.Fprintln(w.Stderr, "depeche: --ledger:", err) }}
	if f.again {
		once.Guarantee = policy.DangerousAtLeastOnce
	}
	t, err = once.Build()
	return t, done, fail(exitUsage, err)
}

// ledgerStatus tells a ledger that another process has open, for which a script may wait, from a file that cannot be one.
func ledgerStatus(err error) int {
	if errors.Is(err, bolt.ErrLocked) {
		return exitTemporary
	}
	return exitData
}

func newLedger(w *World) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Look at a ledger, and say what became of a mail that is in doubt",
		Long: `A ledger is the file of send --ledger, or that of a queue: FOLDER/ledger.db, or the URL or env:NAME that
"depeche queue" takes. When the command was killed, or a connection lost, some mails may
have been delivered: they are unknown, and are not sent again. The log of the relay knows what became
of them; resolve writes it down.`,
	}
	cmd.AddCommand(newLedgerList(w), newLedgerResolve(w))
	return cmd
}

func newLedgerList(w *World) *cobra.Command {
	var unknown, asJSON bool
	cmd := &cobra.Command{
		Use:   "ls LEDGER",
		Short: "List what became of each row",
		Long:  "Ls prints the key, the recipient (or what the ledger keeps in place of its address), the outcome and the Message-ID of each entry.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.withBook(cmd.Context(), args[0], func(book ledger.Book) error {
				for record, err := range book.Records(cmd.Context()) {
					if err != nil {
						return fail(exitTemporary, err)
					}
					switch {
					case unknown && record.Outcome != transport.Unknown:
					case asJSON:
						w.printJSON(record)
					default:
						fmt.Fprintf(w.Stdout, "%s\t%s\t%s\t%s\n", record.Key, record.Recipient, record.Outcome, record.MessageID)
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&unknown, "unknown", false, "only those that may have been delivered")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object per entry")
	return cmd
}

// outcomes are what an operator can find in the log of a relay.
var outcomes = map[string]transport.Outcome{"accepted": transport.Accepted, "rejected": transport.Rejected, "not-sent": transport.NotSent}

func newLedgerResolve(w *World) *cobra.Command {
	return &cobra.Command{
		Use:   "resolve LEDGER KEY ADDRESS accepted|rejected|not-sent",
		Short: "Say what became of a mail that is in doubt",
		Long:  "Resolve writes down what the log of the relay says of a mail. One that was not sent is sent by the next run.",
		Args:  cobra.ExactArgs(4),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 3 {
				return []string{"accepted", "rejected", "not-sent"}, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			outcome, ok := outcomes[args[3]]
			if !ok {
				return fail(exitUsage, fmt.Errorf("%s: want accepted, rejected or not-sent", args[3]))
			}
			recipient, err := envelope.ParseAddress(args[2])
			if err != nil {
				return fail(exitUsage, err)
			}
			return w.withBook(cmd.Context(), args[0], func(book ledger.Book) error { return resolve(cmd.Context(), book, args[1], recipient, outcome) })
		},
	}
}

func resolve(ctx context.Context, book ledger.Book, key string, recipient envelope.Address, outcome transport.Outcome) error {
	err := book.Resolve(ctx, key, recipient, outcome)
	if _, ok := errors.AsType[*ledger.ResolveError](err); ok || errors.Is(err, ledger.ErrNotFound) {
		return fail(exitData, err)
	}
	return fail(exitTemporary, err)
}

// withBook opens a ledger that exists: that of a queue on a server, or a file. No error of it holds a secret.
func (w *World) withBook(ctx context.Context, place string, do func(ledger.Book) error) error {
	at, err := w.queueAt(place)
	if err != nil {
		return err
	}
	if !at.isFolder() {
		return at.withQueue(ctx, func(q *queue.Queue) error {
			book, ok := q.Ledger().(ledger.Book)
			if !ok {
				return fail(exitData, errors.ErrUnsupported)
			}
			return do(book)
		})
	}
	if _, err := os.Stat(at.text); err != nil {
		return fail(exitData, fmt.Errorf("%v: %w", at, withoutPath(err)))
	}
	book, err := bolt.Open(at.text, bolt.Options{Window: ledger.Forever})
	if err != nil {
		return at.mask(fail(ledgerStatus(err), err))
	}
	err = do(book)
	if errClose := book.Close(); err == nil {
		err = fail(exitTemporary, errClose)
	}
	return at.mask(err)
}
