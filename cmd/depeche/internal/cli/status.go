package cli

import (
	"errors"

	"github.com/depeche-mail/depeche/transport"
)

// The exit statuses: those of sysexits.h where it has one that fits.
const (
	exitOK          = 0
	exitUsage       = 64 // the arguments
	exitData        = 65 // the input: a message, a list, a template, a ledger
	exitUnavailable = 69 // refused for good
	exitTemporary   = 75 // not sent or deferred, and worth another attempt
	exitUnknown     = 99 // it may have been delivered: do not send again blindly
)

// statusHelp is the end of the help of what sends.
const statusHelp = `Exit status:
  0   every recipient was accepted
  64  the arguments cannot be used
  65  the input cannot be used: a message, a list, a template, a ledger
  69  a recipient or the message was refused for good
  75  not sent or deferred: it can be tried again
  99  unknown: a message may have been delivered, so look before you send again
With several recipients it is the first that applies of 99, 69, 75, 0.`

// statusError is an error with the exit status that it leads to.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }

func (e *statusError) Unwrap() error { return e.err }

func fail(status int, err error) error {
	if err == nil {
		return nil
	}
	return &statusError{status, err}
}

// failUnjudged is fail, except that an error which has an exit status keeps it.
func failUnjudged(status int, err error) error {
	if _, judged := errors.AsType[*statusError](err); judged {
		return err
	}
	return fail(status, err)
}

// silent is the error of a command that has said all that is to say.
var errSilent = errors.New("")

// statusOf returns the exit status of an error of a command. What no command has judged is about the arguments.
func statusOf(err error) int {
	if err == nil {
		return exitOK
	}
	if judged, ok := errors.AsType[*statusError](err); ok {
		return judged.status
	}
	return exitUsage
}

// tally counts the fates of recipients.
type tally struct{ Accepted, Rejected, Deferred, NotSent, Unknown int }

func (t *tally) add(result *transport.Result) {
	t.Accepted += result.Count(transport.Accepted)
	t.Rejected += result.Count(transport.Rejected)
	t.Deferred += result.Count(transport.Deferred)
	t.NotSent += result.Count(transport.NotSent)
	t.Unknown += result.Count(transport.Unknown)
}

// status returns the exit status for several recipients: the first that applies of 99, 69, 75, 0.
func (t *tally) status() int {
	switch {
	case t.Unknown > 0:
		return exitUnknown
	case t.Rejected > 0:
		return exitUnavailable
	case t.Deferred+t.NotSent > 0:
		return exitTemporary
	}
	return exitOK
}

// sendStatus turns the end of one send into the exit status. That a message could not be read is about the input,
// and not worth another attempt.
func sendStatus(result *transport.Result, err error) int {
	var all tally
	all.add(result)
	failed, ok := errors.AsType[*transport.SendError](err)
	if ok && all.status() == exitTemporary && result.Count(transport.Deferred) == 0 && !failed.Temporary() {
		if failed.Phase == transport.PhaseMessage || failed.Phase == transport.PhaseBody {
			return exitData
		}
	}
	return all.status()
}
