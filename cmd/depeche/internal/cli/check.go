package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/diagnose"
	"github.com/spf13/cobra"
)

func newCheck(w *World) *cobra.Command {
	var timeout time.Duration
	var from, to string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check [URL | HOST | ADDRESS]",
		Short: "Find out why mail cannot be sent, without sending any",
		Long: `Check connects to a relay, logs in, says goodbye, and prints what it has seen and what to do
about each mistake. No mail is sent.

A host in place of a URL is tried with TLS from the first octet on port 465, and with STARTTLS on
587 and 25; with a port it stands for smtp+starttls://HOST:PORT. An address stands for the relays
that its domain names in DNS. Without any of these the relay comes from MAIL_URL. With --from and --to the
relay is also asked whether it would take a mail from and to these addresses.

Exit status:
  0   mail could be sent
  64  the arguments cannot be used
  69  the relay refuses, or its certificate or its login is not as it must be
  75  it cannot be reached, or asks to try later`,
		Example: `  MAIL_URL=smtps://user@smtp.example.com MAIL_PASSWORD_FILE=/run/secrets/mail depeche check
  depeche check smtp.example.com --from shop@example.com --to hei@example.org`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if timeout <= 0 {
				return fail(exitUsage, fmt.Errorf("--timeout %v: want more than 0", timeout))
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			run := diagnose.Run
			env, ok, err := readQuestion(from, to)
			if ok {
				run = func(ctx context.Context, b smtp.Builder) (*diagnose.Report, error) {
					return diagnose.RunFor(ctx, b, env)
				}
			}
			if err != nil {
				return fail(exitUsage, err)
			}
			if len(args) > 0 && isBareHost(args[0]) {
				return w.checkHost(ctx, args[0], run, ok, asJSON)
			}
			relays, cleanup, err := w.patients(ctx, args)
			defer cleanup()
			if err != nil {
				return fail(exitUsage, err)
			}
			return w.check(ctx, relays, run, asJSON)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "the longest that all may take")
	cmd.Flags().StringVar(&from, "from", "", "ask whether the relay takes this sender")
	cmd.Flags().StringVar(&to, "to", "", "ask whether the relay takes this recipient")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object per relay")
	return cmd
}

// readQuestion returns the envelope that a relay is asked about besides; ok is false for none.
func readQuestion(from, to string) (env envelope.Envelope, ok bool, err error) {
	if from == "" && to == "" {
		return env, false, nil
	}
	var sender, recipient envelope.Address
	if err := sender.UnmarshalText([]byte(from)); err != nil {
		return env, false, fmt.Errorf("--from: %w", err)
	}
	if to == "" {
		return env, false, errors.New("--from needs --to: a relay judges a sender when it knows the recipient")
	}
	if err := recipient.UnmarshalText([]byte(to)); err != nil {
		return env, false, fmt.Errorf("--to: %w", err)
	}
	env, err = envelope.New(sender, recipient)
	return env, true, err
}

// patients are the relays to check.
func (w *World) patients(ctx context.Context, args []string) (list []smtp.Builder, cleanup func(), err error) {
	argument := ""
	if len(args) > 0 {
		argument = args[0]
	}
	if strings.Contains(argument, "@") && !strings.Contains(argument, "://") {
		found, err := smtp.Discover(ctx, argument)
		for _, relay := range found {
			list = append(list, relay.Builder())
		}
		return list, func() {}, err
	}
	if isHost(argument) {
		argument = "smtp+starttls://" + argument
	}
	u, cleanup, err := w.relay(argument)
	if err != nil {
		return nil, cleanup, err
	}
	for _, relay := range u.Relays() {
		list = append(list, relay.Builder())
	}
	if len(list) == 0 {
		return nil, cleanup, fmt.Errorf("%s: there is no relay to check", u)
	}
	return list, cleanup, nil
}

// isBareHost reports whether an argument is a host alone, of which it is not known how it is spoken to.
func isBareHost(argument string) bool {
	return argument != "" && !strings.ContainsAny(argument, ":@/")
}

// isHost reports whether an argument is a host, or a host and the number of a port, and no URL.
func isHost(argument string) bool {
	if argument == "" || !strings.Contains(argument, ":") {
		return argument != ""
	}
	_, port, err := net.SplitHostPort(argument)
	_, errNumber := strconv.ParseUint(port, 10, 16)
	return err == nil && errNumber == nil
}

// checked is the JSON of check.
type checked struct {
	Server     string   `json:"server"`
	OK         bool     `json:"ok"`
	Remote     string   `json:"remote,omitempty"`
	TLS        string   `json:"tls,omitempty"`
	Extensions []string `json:"extensions,omitempty"`
	Mechanisms []string `json:"mechanisms,omitempty"`
	LoggedIn   bool     `json:"logged_in"`
	Size       int64    `json:"size,omitempty"`
	Hints      []hinted `json:"hints"`
	Error      string   `json:"error,omitempty"`
	Answer     string   `json:"answer,omitempty"` // of the relay to --to
	Status     int      `json:"status"`
}

type hinted struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// diagnosis looks at a relay.
type diagnosis func(ctx context.Context, builder smtp.Builder) (*diagnose.Report, error)

// check looks at each relay, and returns the worst status of them.
func (w *World) check(ctx context.Context, relays []smtp.Builder, run diagnosis, asJSON bool) error {
	worst := exitOK
	for i, builder := range relays {
		report, err := run(ctx, builder)
		if err != nil {
			return fail(exitUsage, err)
		}
		status := w.printReport(report, i == 0, asJSON)
		if worst == exitOK || status == exitUnavailable {
			worst = status
		}
	}
	if worst == exitOK {
		return nil
	}
	return fail(worst, errSilent)
}

// printReport prints what was seen of a relay, and returns the status of it alone.
func (w *World) printReport(report *diagnose.Report, first, asJSON bool) int {
	status := checkStatus(report)
	if asJSON {
		w.printJSON(checkedOf(report, status))
		return status
	}
	if !first {
		fmt.Fprintln(w.Stdout)
	}
	fmt.Fprintf(w.Stdout, "%s", report)
	return status
}

func checkedOf(r *diagnose.Report, status int) checked {
	c := checked{
		Server: r.Server, OK: status == exitOK, Remote: r.Remote, Extensions: r.Extensions, Mechanisms: r.Mechanisms,
		LoggedIn: r.LoggedIn, Size: r.Size, Hints: []hinted{}, Status: status,
	}
	if r.TLS != nil {
		c.TLS = r.TLS.Version
	}
	if r.Err != nil {
		c.Error = r.Err.Error()
	}
	for _, to := range r.Recipients {
		if !to.Reply.IsZero() {
			c.Answer = to.Reply.String()
		}
	}
	for _, hint := range r.Hints {
		c.Hints = append(c.Hints, hinted{string(hint.Kind), hint.Text})
	}
	return c
}

// laterHints are the kinds of trouble that may go away by themselves.
var laterHints = []diagnose.HintKind{
	diagnose.HintUnknownHost, diagnose.HintLookup, diagnose.HintNotConnected, diagnose.HintFiltered, diagnose.HintSilent,
	diagnose.HintTryLater, diagnose.HintLoginLater, diagnose.HintNoSecret,
}

func checkStatus(r *diagnose.Report) int {
	failed, _ := errors.AsType[interface {
		error
		Temporary() bool
	}](r.Err)
	switch {
	case r.OK():
		return exitOK
	case errors.Is(r.Err, context.DeadlineExceeded), errors.Is(r.Err, context.Canceled), failed != nil && failed.Temporary(),
		slices.ContainsFunc(r.Hints, func(h diagnose.Hint) bool { return slices.Contains(laterHints, h.Kind) }):
		return exitTemporary
	}
	return exitUnavailable
}
