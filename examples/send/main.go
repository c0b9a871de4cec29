// Send is a small command over the SDK: it composes a message from flags, or takes a finished one, and
// sends it.
//
//	echo "Be happy!" | MAIL_URL=smtps://user@smtp.example.com MAIL_PASSWORD_FILE=/run/secrets/mail \
//		send -from "NoBody <nobody@domain.tld>" -to "Hei <hei@domain.tld>" -subject "Happy new year" -attach plan.pdf
//	send -url smtp+starttls://localhost -from bounce@domain.tld -to hei@domain.tld -eml message.eml
//
// The exit status is 0 when every recipient was accepted, 75 when the message was not sent or deferred
// and may be tried again, 69 when the server refused it for good, 65 when the input is unusable, 64 for
// unusable flags, and 70 when the outcome is unknown: the message may have been delivered.
//
// The relay comes from -url or MAIL_URL. The password comes from the file that MAIL_PASSWORD_FILE
// names, or from MAIL_URL; one in -url is refused, because other users of the machine can read the
// arguments of a process.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/depeche-mail/depeche/transport"
)

// The exit statuses, those of sysexits.h where it has one that fits.
const (
	exitOK          = 0
	exitUsage       = 64 // the flags
	exitData        = 65 // the message
	exitUnavailable = 69 // refused for good, or the configuration is wrong
	exitUnknown     = 70 // it may have been delivered
	exitTemporary   = 75 // not sent, and worth another attempt
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], environment{os.Getenv, os.Stdin, os.Stdout, os.Stderr}))
}

// environment is what a run sees of the world.
type environment struct {
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
}

func run(ctx context.Context, arguments []string, env environment) int {
	fail := func(status int, err error) int {
		fmt.Fprintln(env.stderr, "send:", err)
		return status
	}
	options, err := parse(arguments, env.stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage // parse has said it
	}
	url, err := options.relay(env.getenv)
	if err != nil {
		return fail(exitUsage, err)
	}
	mail, err := options.mail(env.stdin)
	if err != nil {
		return fail(exitData, err)
	}
	t, err := url.Open()
	if err != nil {
		return fail(exitUsage, err)
	}
	result, err := t.Send(ctx, mail)
	for _, r := range result.Recipients {
		fmt.Fprintf(env.stdout, "%s\t%s\t%s\n", r.Address, r.Outcome, r.Reply)
	}
	_ = transport.Shutdown(ctx, t) // the outcome is known; a lost goodbye does not change it
	if err != nil {
		return fail(status(err), err)
	}
	return exitOK
}

// status turns the error of a send into the exit status.
func status(err error) int {
	var failed *transport.SendError
	switch {
	case !errors.As(err, &failed):
		return exitUnavailable
	case failed.Uncertain():
		return exitUnknown
	case failed.Phase == transport.PhaseMessage, failed.Phase == transport.PhaseBody && !failed.Temporary():
		return exitData
	case failed.Temporary():
		return exitTemporary
	}
	return exitUnavailable
}
