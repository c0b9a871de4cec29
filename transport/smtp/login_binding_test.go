package smtp_test

import (
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// TestSaysThatItCouldBind: over TLS a SCRAM exchange without channel binding always says that the client could have
// bound ("y", RFC 5802 section 6), whatever the server offers, invents or refuses. Only a caller who rules binding
// out, and a connection without TLS, make it "n".
func TestSaysThatItCouldBind(t *testing.T) {
	refuses := says("504 5.5.4 unrecognized")
	for name, tc := range map[string]struct {
		more     map[string]smtptest.Mechanism
		security smtptest.Security
		only     []string
		want     string
	}{
		"the offer was stripped":   {nil, smtptest.STARTTLS, nil, "y,,"},
		"an invented mechanism":    {map[string]smtptest.Mechanism{"SCRAM-BOGUS-PLUS": refuses}, smtptest.STARTTLS, nil, "y,,"},
		"the real one is refused":  {map[string]smtptest.Mechanism{"SCRAM-SHA-256-PLUS": refuses}, smtptest.STARTTLS, nil, "y,,"},
		"two are refused":          {map[string]smtptest.Mechanism{"SCRAM-SHA-256-PLUS": refuses, "SCRAM-SHA-1-PLUS": refuses}, smtptest.STARTTLS, nil, "y,,"},
		"the caller allows one":    {nil, smtptest.STARTTLS, []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}, "y,,"},
		"the caller rules it out":  {nil, smtptest.STARTTLS, []string{"SCRAM-SHA-256"}, "n,,"},
		"nothing to bind to":       {nil, smtptest.Plaintext, nil, "n,,"},
		"nothing, and an invented": {map[string]smtptest.Mechanism{"SCRAM-BOGUS-PLUS": refuses}, smtptest.Plaintext, nil, "n,,"},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var said []string
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Security = tc.security
			srv.Config.Mechanisms = map[string]smtptest.Mechanism{"SCRAM-SHA-256": func(x *smtptest.SASL) (string, error) {
				first, err := x.First()
				mu.Lock()
				defer mu.Unlock()
				said = append(said, string(first))
				if err != nil {
					return "", err
				}
				return "", &smtptest.ReplyError{Reply: "535 5.7.8 no"}
			}}
			maps.Copy(srv.Config.Mechanisms, tc.more)
			srv.Start()
			c, err := authentication.Password(smtptest.User, smtptest.Password)
			if err == nil && tc.only != nil {
				c, err = c.WithMechanisms(tc.only...)
			}
			if err != nil {
				t.Fatal(err)
			}
			b := relay(srv)
			if tc.security == smtptest.Plaintext {
				b = smtp.DangerousPlaintext(srv.Host()).Port(srv.Port()).DangerousPlaintextAuth()
			}
			_, _ = build(t, b.Credentials(c)).Send(t.Context(), mail(t, "b@example.org")) // the server refuses every login
			mu.Lock()
			defer mu.Unlock()
			if len(said) != 1 || !strings.HasPrefix(said[0], tc.want) {
				t.Errorf("said %q, want %q at its beginning\n%s", said, tc.want, srv.Sessions()[0])
			}
		})
	}
}
