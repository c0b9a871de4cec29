package sendmail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/bodyscan"
	"github.com/depeche-mail/depeche/transport"
)

// Errors that are the cause of a send that failed.
var (
	// ErrUnsupported means that the command cannot be told what the envelope asks for. It was not run.
	ErrUnsupported = errors.New("sendmail: delivery option that the command has no flag for")

	errBinary = fmt.Errorf("%w: BODY=BINARYMIME; commands read lines", ErrUnsupported)
)

// Transport runs a sendmail command for each mail. It is safe for concurrent use.
type Transport struct {
	path   string
	args   []string
	kind   Kind
	env    []string
	closed atomic.Bool
}

// Close makes later sends fail with [transport.ErrClosed].
func (t *Transport) Close() error {
	t.closed.Store(true)
	return nil
}

// String returns the name of the transport, which is Result.Relay too.
func (t *Transport) String() string { return "sendmail:" + t.path }

// Send runs the command and gives it the mail. It returns when the command has ended.
func (t *Transport) Send(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
	env := mail.Envelope()
	if err := envelope.Check(mail); err != nil {
		return t.fail(mail, transport.PhaseMessage, err)
	}
	switch {
	case t.closed.Load():
		return t.fail(mail, transport.PhaseWait, transport.ErrClosed)
	case ctx.Err() != nil:
		return t.fail(mail, transport.PhaseWait, context.Cause(ctx))
	}
	if bodyscan.IsBinary(mail) {
		return t.fail(mail, transport.PhaseMessage, errBinary)
	}
	args, err := t.arguments(env)
	if err != nil {
		return t.fail(mail, transport.PhaseMessage, err)
	}
	r := &run{mail: mail, cmd: exec.CommandContext(ctx, t.path, args...)} //nolint:gosec // the program chose the command, and no shell reads the arguments
	r.cmd.Env = environ(t.env)
	result, err := r.send(ctx)
	result.Relay = t.String()
	return result, err
}

// fail is the end of a mail that went nowhere.
func (t *Transport) fail(mail transport.Mail, phase transport.Phase, err error) (*transport.Result, error) {
	result, err := transport.Fail(mail, phase, err)
	result.Relay = t.String()
	return result, err
}

// arguments is the envelope as arguments.
func (t *Transport) arguments(env envelope.Envelope) ([]string, error) {
	options, err := t.kind.options(env)
	if err != nil {
		return nil, err
	}
	args := append(slices.Clone(t.args), "-i", "-f", sender(env.From())) // -i: a lone dot does not end the message
	args = append(append(args, options...), "--")
	for i := range env.Len() {
		to := env.At(i).Address
		if to.IsPostmaster() { // the command knows it as a local user
			args = append(args, to.LocalPart())
			continue
		}
		args = append(args, to.String())
	}
	return args, nil
}

func sender(from envelope.Address) string {
	if from.IsNull() {
		return "<>"
	}
	return from.String()
}

// run is one run of the command.
type run struct {
	mail   transport.Mail
	cmd    *exec.Cmd
	stderr bounded
	whole  bool // the command has seen the end of the content
}

// goodbye is how long the output of a command is waited for that has ended, or was killed. Only tests change it.
var goodbye = 5 * time.Second

func (r *run) send(ctx context.Context) (*transport.Result, error) {
	isolate(r.cmd)
	r.cmd.Stdout, r.cmd.Stderr = &r.stderr, &r.stderr
	r.cmd.WaitDelay = goodbye
	input, err := r.cmd.StdinPipe()
	if err == nil {
		err = r.cmd.Start()
	}
	if err != nil {
		return transport.Fail(r.mail, transport.PhaseDial, err)
	}
	var source error
	_, err = bodyscan.Canonical(r.mail).WriteTo(&unixLines{w: input, failed: &source})
	if err != nil && source == nil { // not the pipe's fault but the mail's
		kill(r.cmd) // before the command can see the end of its input
		_ = input.Close()
		_ = r.cmd.Wait() // it was killed
		return transport.Fail(r.mail, transport.PhaseBody, errors.Join(err, context.Cause(ctx)))
	}
	r.whole = err == nil && ctx.Err() == nil
	if ctx.Err() != nil {
		kill(r.cmd) // here too: the kill that ctx brings may come after the end of the input
	}
	closed := input.Close()
	if err = r.cmd.Wait(); errors.Is(err, exec.ErrWaitDelay) { // it ended well, and what it has started has its output still
		err = nil
	}
	if err == nil { // it ended well, but perhaps without all of the content
		err = source
	}
	if err == nil && r.whole {
		err = closed
	}
	return r.judge(ctx, err)
}

// judge turns the end of the command into the outcome.
func (r *run) judge(ctx context.Context, err error) (*transport.Result, error) {
	status := r.cmd.ProcessState.ExitCode()
	reply := transport.Reply{Code: max(status, 0), Lines: r.stderr.lines()}
	outcome := outcomeOf(status)
	switch {
	case err == nil && r.whole:
		outcome = transport.Accepted
	case !r.whole && ctx.Err() != nil && status != 0: // killed before it could see the end of the content
		outcome = transport.NotSent
	case status == 0: // it says that all is well and has not seen all of it
		outcome = transport.Unknown
	case status < 0 || ctx.Err() != nil: // killed after it
		outcome = transport.Unknown
	}
	result := transport.NewResult(r.mail.Envelope(), outcome, reply)
	result.Identify(r.mail)
	if outcome == transport.Accepted {
		return result, nil
	}
	if outcome != transport.Unknown {
		for i := range result.Recipients {
			result.Recipients[i].Fault = transport.FaultOf(transport.PhaseFinal, reply, len(result.Recipients) > 1)
		}
	}
	if ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	return result, &transport.SendError{Result: result, Phase: transport.PhaseFinal, Reply: reply, Err: err}
}

// outcomeOf is the meaning of an exit status of sysexits.h: whether another attempt may help.
func outcomeOf(status int) transport.Outcome {
	switch status {
	case exitUnavailable, exitSoftware, exitOSErr, exitCantCreat, exitIOErr, exitTempFail:
		return transport.Deferred
	}
	return transport.Rejected
}

// The statuses of sysexits.h that are worth another attempt.
const (
	exitUnavailable = 69 // "you don't know why"; msmtp says it of 4yz replies
	exitSoftware    = 70
	exitOSErr       = 71
	exitCantCreat   = 73
	exitIOErr       = 74
	exitTempFail    = 75
)

// bounded keeps the first part of what a command says.
type bounded struct{ text bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	const limit = 4 << 10
	b.text.Write(p[:min(len(p), limit-min(b.text.Len(), limit))])
	return len(p), nil
}

// lines returns what was said, with control characters replaced.
func (b *bounded) lines() (list []string) {
	for line := range strings.Lines(strings.ToValidUTF8(b.text.String(), "?")) {
		list = append(list, strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return '?'
			}
			return r
		}, strings.TrimRight(line, "\r\n")))
	}
	return list
}
