// Doctor finds out why mail cannot be sent, without sending any: it connects to the relay of a URL, logs
// in, and prints what it has seen and what to do.
//
//	MAIL_URL=smtps://user@smtp.example.com MAIL_PASSWORD_FILE=/run/secrets/mail doctor -timeout 30s
//	doctor smtp+starttls://smtp.example.com
//	doctor somebody@example.com
//
// An address in place of the URL stands for the relays that its domain names in DNS. Without either, the
// relay comes from MAIL_URL. The exit status is 0 when mail could be sent, 1 when not, 64 when there is
// nothing to check.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/depeche-mail/depeche"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/diagnose"
)

const (
	exitOK    = 0
	exitSick  = 1
	exitUsage = 64
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flags.SetOutput(stderr)
	timeout := flags.Duration("timeout", time.Minute, "the longest that all may take")
	switch err := flags.Parse(arguments); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage // Parse has said it
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	patients, err := patients(ctx, flags.Args())
	if err != nil {
		fmt.Fprintln(stderr, "doctor:", err)
		return exitUsage
	}
	status := exitOK
	for i, builder := range patients {
		report, err := diagnose.Run(ctx, builder)
		if err != nil {
			fmt.Fprintln(stderr, "doctor:", err)
			return exitUsage
		}
		if i > 0 {
			fmt.Fprintln(stdout)
		}
		fmt.Fprint(stdout, report)
		if !report.OK() {
			status = exitSick
		}
	}
	return status
}

// patients are the relays to check.
func patients(ctx context.Context, arguments []string) (list []smtp.Builder, err error) {
	if len(arguments) > 1 {
		return nil, errors.New("want one URL or address")
	}
	var u depeche.URL
	switch {
	case len(arguments) == 0:
		u, err = depeche.URLFromEnv()
	case !strings.Contains(arguments[0], "://"):
		found, err := smtp.Discover(ctx, arguments[0])
		for _, relay := range found {
			list = append(list, relay.Builder())
		}
		return list, err
	default:
		u, err = depeche.ParseURL(arguments[0])
		if u.HasPassword() {
			err = errors.New("a password in an argument can be read by every user of the machine; use MAIL_URL")
		}
	}
	if err != nil {
		return nil, err
	}
	for _, relay := range u.Relays() {
		list = append(list, relay.Builder())
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: there is no relay to check", u)
	}
	return list, nil
}
