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
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/diagnose"
	"github.com/depeche-mail/depeche/transport/smtp/response"
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

A host in place of a URL stands for smtp+starttls://HOST, an address for the relays that its
domain names in DNS. Without either the relay comes from MAIL_URL. With --from and --to the
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
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			question, err := readQuestion(from, to)
			if err != nil {
				return fail(exitUsage, err)
			}
			relays, cleanup, err := w.patients(ctx, args)
			defer cleanup()
			if err != nil {
				return fail(exitUsage, err)
			}
			return w.check(ctx, relays, question, asJSON)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "the longest that all may take")
	cmd.Flags().StringVar(&from, "from", "", "ask whether the relay takes this sender")
	cmd.Flags().StringVar(&to, "to", "", "ask whether the relay takes this recipient")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object per relay")
	return cmd
}

// question is what a relay is asked besides; nil for nothing.
type question struct{ from, to envelope.Address }

func readQuestion(from, to string) (*question, error) {
	if from == "" && to == "" {
		return nil, nil //nolint:nilnil // there is nothing to ask
	}
	var q question
	if err := q.from.UnmarshalText([]byte(from)); err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}
	if to == "" {
		return nil, errors.New("--from needs --to: a relay judges a sender when it knows the recipient")
	}
	if err := q.to.UnmarshalText([]byte(to)); err != nil {
		return nil, fmt.Errorf("--to: %w", err)
	}
	return &q, nil
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
	Question   string   `json:"answer,omitempty"` // to --from and --to
	Status     int      `json:"status"`
}

type hinted struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// check looks at each relay, and returns the worst status of them.
func (w *World) check(ctx context.Context, relays []smtp.Builder, q *question, asJSON bool) error {
	worst := exitOK
	for i, builder := range relays {
		report, err := diagnose.Run(ctx, builder)
		if err != nil {
			return fail(exitUsage, err)
		}
		status, answer := checkStatus(report), ""
		if q != nil && report.OK() {
			answer, status = q.ask(ctx, builder)
		}
		if asJSON {
			w.printJSON(checkedOf(report, answer, status))
		} else {
			if i > 0 {
				fmt.Fprintln(w.Stdout)
			}
			fmt.Fprintf(w.Stdout, "%s", report)
			if answer != "" {
				fmt.Fprintf(w.Stdout, "%-12s %s\n", "answer", answer)
			}
		}
		if worst == exitOK || status == exitUnavailable {
			worst = status
		}
	}
	if worst == exitOK {
		return nil
	}
	return fail(worst, errSilent)
}

func checkedOf(r *diagnose.Report, answer string, status int) checked {
	c := checked{
		Server: r.Server, OK: status == exitOK, Remote: r.Remote, Extensions: r.Extensions, Mechanisms: r.Mechanisms,
		LoggedIn: r.LoggedIn, Size: r.Size, Hints: []hinted{}, Question: answer, Status: status,
	}
	if r.TLS != nil {
		c.TLS = r.TLS.Version
	}
	if r.Err != nil {
		c.Error = r.Err.Error()
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
	switch {
	case r.OK():
		return exitOK
	case errors.Is(r.Err, context.DeadlineExceeded), errors.Is(r.Err, context.Canceled),
		slices.ContainsFunc(r.Hints, func(h diagnose.Hint) bool { return slices.Contains(laterHints, h.Kind) }):
		return exitTemporary
	}
	return exitUnavailable
}

// ask asks a relay whether it would take a mail, and takes it back before any content.
func (q *question) ask(ctx context.Context, builder smtp.Builder) (answer string, status int) {
	config, err := builder.ClientConfig()
	if err != nil {
		return err.Error(), exitUsage
	}
	conn, err := client.Dial(ctx, config)
	if err != nil {
		return err.Error(), exitTemporary
	}
	defer func() { _ = conn.Quit(ctx) }() // the answer is known; a lost goodbye does not change it
	env, err := envelope.New(q.from, q.to)
	if err != nil {
		return err.Error(), exitUsage
	}
	sender, recipients, err := conn.Ask(ctx, env)
	if err != nil && sender.IsZero() {
		return err.Error(), exitTemporary
	}
	for _, step := range []struct {
		about string
		reply response.Response
	}{
		{fmt.Sprintf("the sender <%s>", q.from), sender},
		{fmt.Sprintf("the recipient <%s>", q.to), recipients[0]},
	} {
		switch reply := step.reply; {
		case reply.IsZero():
			return fmt.Sprintf("%s: %v", step.about, err), exitTemporary
		case reply.Code.IsTransient():
			return fmt.Sprintf("%s is put off: %s", step.about, reply), exitTemporary
		case !reply.Code.IsCompleted():
			return fmt.Sprintf("%s is refused: %s", step.about, reply), exitUnavailable
		}
		answer = step.reply.String()
	}
	return fmt.Sprintf("<%s> is taken from <%s>: %s", q.to, q.from, answer), exitOK
}
