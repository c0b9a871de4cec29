package diagnose_test

import (
	"context"
	"fmt"

	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/diagnose"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// Run says what is wrong with a relay before the first mail does.
func ExampleRun() {
	srv, err := smtptest.Start(smtptest.Config{Certificate: smtptest.SelfSigned})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	report, err := diagnose.Run(context.Background(), smtp.StartTLSRelay(srv.Host()).Port(srv.Port()))
	if err != nil { // the configuration is unusable
		fmt.Println(err)
		return
	}
	fmt.Println(report.OK(), report.TLS.Names)
	for _, hint := range report.Hints {
		fmt.Println(hint.Kind, "-", hint.Text)
	}
	// Output:
	// false [localhost localhost 127.0.0.1 ::1]
	// TLS - add it to the roots if you know that it is the right one (ExtraRoots, or tls_roots in a URL)
}
