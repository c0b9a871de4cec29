package cli

import (
	"context"
	"fmt"

	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/diagnose"
)

// checkHost looks at each way to speak to a host. The first that works is the one to use, and is asked about the envelope
// of the flags if there is one; when one works, the status is that of it.
func (w *World) checkHost(ctx context.Context, host string, run diagnosis, question, asJSON bool) error {
	reports, err := diagnose.RunHost(ctx, host, nil)
	if err != nil {
		return fail(exitUsage, err)
	}
	type way struct {
		url     string
		builder smtp.Builder
	}
	var best *way
	worst := exitOK
	for i, speaks := range []way{ // in the order of RunHost
		{"smtps://" + host, smtp.Relay(host)},
		{"smtp+starttls://" + host, smtp.StartTLSRelay(host)},
		{"smtp+starttls://" + host + ":25", smtp.StartTLSRelay(host).Port(25)},
	} {
		status := w.printReport(reports[i], i == 0, asJSON)
		if status == exitOK && best == nil {
			best = &speaks
		}
		if worst == exitOK || status == exitUnavailable {
			worst = status
		}
	}
	if best == nil {
		return fail(worst, errSilent)
	}
	if !asJSON {
		fmt.Fprintf(w.Stdout, "\nuse %s\n", best.url)
	}
	if question {
		return w.check(ctx, []smtp.Builder{best.builder}, run, asJSON)
	}
	return nil
}
