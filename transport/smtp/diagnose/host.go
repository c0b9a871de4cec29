package diagnose

import (
	"context"

	"github.com/depeche-mail/depeche/transport/smtp"
)

// RunHost tries a host of which only the name is known: TLS from the first octet on port 465, STARTTLS on 587, and
// STARTTLS on 25, at the same time. with, if it is not nil, completes each builder, with a login for instance. There is a
// report for each, in this order; the first that is OK is the one to use. The error is that of Build.
func RunHost(ctx context.Context, host string, with func(smtp.Builder) smtp.Builder) ([]*Report, error) {
	const submission, relay = 587, 25
	return runEach(ctx, []smtp.Builder{
		smtp.Relay(host), smtp.StartTLSRelay(host).Port(submission), smtp.StartTLSRelay(host).Port(relay),
	}, with)
}

// runEach runs all at the same time.
func runEach(ctx context.Context, builders []smtp.Builder, with func(smtp.Builder) smtp.Builder) ([]*Report, error) {
	reports, errs, done := make([]*Report, len(builders)), make([]error, len(builders)), make(chan int)
	for i, b := range builders {
		if with != nil {
			b = with(b)
		}
		go func() {
			reports[i], errs[i] = Run(ctx, b)
			done <- i
		}()
	}
	for range builders {
		<-done
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return reports, nil
}
