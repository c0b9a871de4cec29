package smtp_test

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// says is a mechanism of a server that says the same whatever it hears, the last line for ever.
func says(replies ...string) smtptest.Mechanism {
	return func(x *smtptest.SASL) (string, error) {
		for i := range 100 {
			reply := replies[min(i, len(replies)-1)]
			if !strings.HasPrefix(reply, "334") {
				return smtptest.User, &smtptest.ReplyError{Reply: reply}
			}
			if _, err := x.Say(reply); err != nil {
				return "", err
			}
		}
		return "", errWrong
	}
}

// first is a lie about the first message of SCRAM.
func first(format string) smtptest.Mechanism {
	return smtptest.Scram{ServerFirst: func(nonce string) string { return fmt.Sprintf(format, nonce) }}.Run
}

// TestLyingServer: each lie has its kind of
// error, and no server that lies gets a mail, or the password by another mechanism.
func TestLyingServer(t *testing.T) {
	echo := base64.StdEncoding.EncodeToString([]byte(`{"status":"what is ` + accessToken + `"}`))
	const salt = ",s=QUJDRA==,i="
	for name, tc := range map[string]struct {
		mechanism string
		server    smtptest.Mechanism
		want      authentication.Kind
	}{
		"no signature":             {"SCRAM-SHA-256", smtptest.Scram{Final: "-"}.Run, authentication.KindUnproven},
		"wrong signature":          {"SCRAM-SHA-256", smtptest.Scram{Final: "v=AAAA"}.Run, authentication.KindUnproven},
		"empty signature":          {"SCRAM-SHA-256", smtptest.Scram{Final: "v="}.Run, authentication.KindUnproven},
		"no signature, bound":      {"SCRAM-SHA-256-PLUS", smtptest.Scram{Plus: true, Final: "-"}.Run, authentication.KindUnproven},
		"wrong signature, bound":   {"SCRAM-SHA-256-PLUS", smtptest.Scram{Plus: true, Final: "v=AAAA"}.Run, authentication.KindUnproven},
		"one round":                {"SCRAM-SHA-256", smtptest.Scram{Iterations: 1}.Run, authentication.KindIterations},
		"2^31 rounds":              {"SCRAM-SHA-256", first("r=%sx" + salt + "2147483648"), authentication.KindIterations},
		"2^31 - 1 rounds":          {"SCRAM-SHA-256", first("r=%sx" + salt + "2147483647"), authentication.KindIterations},
		"one round, bound":         {"SCRAM-SHA-256-PLUS", smtptest.Scram{Plus: true, Iterations: 1}.Run, authentication.KindIterations},
		"foreign nonce":            {"SCRAM-SHA-256", first("r=x%s" + salt + "4096"), authentication.KindMalformed},
		"no more nonce":            {"SCRAM-SHA-256", first("r=%s" + salt + "4096"), authentication.KindMalformed},
		"no salt":                  {"SCRAM-SHA-256", first("r=%sx,s=,i=4096"), authentication.KindMalformed},
		"unknown extension":        {"SCRAM-SHA-256", first("m=1,r=%sx" + salt + "4096"), authentication.KindMalformed},
		"an attacker between":      {"SCRAM-SHA-256-PLUS", says("334 ZT1jaGFubmVsLWJpbmRpbmdzLWRvbnQtbWF0Y2g=", "535 5.7.8 no"), authentication.KindChannelMismatch},
		"error, then success":      {"SCRAM-SHA-256", says("334 ZT1vdGhlci1lcnJvcg==", "235 2.7.0 ok"), authentication.KindRejected},
		"early 235, SCRAM":         {"SCRAM-SHA-256", says("235 2.7.0 ok"), authentication.KindEarlySuccess},
		"early 235, CRAM-MD5":      {"CRAM-MD5", says("235 2.7.0 ok"), authentication.KindEarlySuccess},
		"early 235, LOGIN":         {"LOGIN", says("334 ", "235 2.7.0 ok"), authentication.KindEarlySuccess},
		"token error, then 235":    {"XOAUTH2", says("334 e30=", "235 2.7.0 ok"), authentication.KindRejected},
		"250":                      {"PLAIN", says("250 2.0.0 ok"), authentication.KindEarlySuccess},
		"354":                      {"PLAIN", says("354 go"), authentication.KindRefused},
		"535 to a good password":   {"PLAIN", says("535 5.7.8 no"), authentication.KindRejected},
		"endless, PLAIN":           {"PLAIN", says("334 "), authentication.KindEndless},
		"endless, LOGIN":           {"LOGIN", says("334 "), authentication.KindEndless},
		"endless, CRAM-MD5":        {"CRAM-MD5", says("334 QUJD"), authentication.KindEndless},
		"endless, SCRAM":           {"SCRAM-SHA-256", says("334 ZT1vdGhlci1lcnJvcg=="), authentication.KindEndless},
		"endless, XOAUTH2":         {"XOAUTH2", says("334 e30="), authentication.KindEndless},
		"endless, OAUTHBEARER":     {"OAUTHBEARER", says("334 " + echo), authentication.KindEndless},
		"endless, EXTERNAL":        {"EXTERNAL", says("334 "), authentication.KindEndless},
		"endless, ANONYMOUS":       {"ANONYMOUS", says("334 "), authentication.KindEndless},
		"not base64":               {"PLAIN", says("334 Username:"), authentication.KindMalformed},
		"not base64, SCRAM":        {"SCRAM-SHA-256", says("334 r=1,s=2,i=3"), authentication.KindMalformed},
		"not base64, then success": {"CRAM-MD5", says("334 !", "235 2.7.0 ok"), authentication.KindMalformed},
		"an empty challenge":       {"CRAM-MD5", says("334 "), authentication.KindMalformed},
		"for now":                  {"PLAIN", says("454 4.7.0 later"), authentication.KindUnavailable},
		"needs TLS":                {"PLAIN", says("538 5.7.11 encrypt"), authentication.KindNeedsTLS},
		"too weak":                 {"PLAIN", says("534 5.7.9 weak"), authentication.KindTooWeak},
		"something else":           {"PLAIN", says("554 5.7.1 not you"), authentication.KindRefused},
	} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Mechanisms = map[string]smtptest.Mechanism{tc.mechanism: tc.server}
			if tc.want != authentication.KindTooWeak {
				srv.Config.Mechanisms["LOGIN"] = tc.server // must not be tried
			}
			srv.Start()
			c := identity(t, tc.mechanism, secretOf(tc.mechanism))
			wantLoginError(t, build(t, relay(srv).Credentials(c)), tc.want)
			session := srv.Sessions()[0]
			if session.Count("MAIL") > 0 || session.Count("AUTH") != 1 {
				t.Errorf("it said more:\n%s", session)
			}
			if tc.want == authentication.KindIterations && !strings.Contains(session.String(), "C: *\n") {
				t.Errorf("the exchange went on:\n%s", session)
			}
		})
	}
}

// TestAuthAroundTLS: what is offered before TLS counts for nothing.
func TestAuthAroundTLS(t *testing.T) {
	for name, tc := range map[string]struct {
		before, behind string
		want           authentication.Kind
		tried          string
	}{
		"only before":        {"AUTH PLAIN", "SIZE 1000", authentication.KindNotOffered, ""},
		"weaker before":      {"AUTH PLAIN LOGIN", "AUTH SCRAM-SHA-256", 0, "SCRAM-SHA-256"},
		"foreign ones after": {"AUTH PLAIN", "AUTH GSSAPI", authentication.KindNoMechanism, ""},
	} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Mechanisms = map[string]smtptest.Mechanism{
				"PLAIN": smtptest.Plain, "LOGIN": smtptest.Login, "SCRAM-SHA-256": smtptest.ScramSHA256,
			}
			srv.Config.Hello = smtptest.Capabilities{Plain: []string{tc.before, "STARTTLS"}, TLS: []string{tc.behind}}
			srv.Start()
			_, err := build(t, relay(srv)).Send(t.Context(), mail(t, "b@example.org"))
			why, failed := errors.AsType[*authentication.Error](err)
			if failed != (tc.want != 0) || failed && why.Kind != tc.want {
				t.Errorf("got %v", err)
			}
			said := srv.Sessions()[0].String()
			if strings.Contains(said, "C: AUTH "+tc.tried) != (tc.tried != "") || strings.Contains(said, "C: AUTH PLAIN") {
				t.Errorf("tried another one:\n%s", said)
			}
		})
	}
}

// TestMovesOn holds that a server that wants another mechanism is shown the next, down to one that works,
// but none with a secret where there is no TLS.
func TestMovesOn(t *testing.T) {
	for name, tc := range map[string]struct {
		security smtptest.Security
		weak     map[string]string
		good     string
		want     authentication.Kind
	}{
		"534":                                   {smtptest.STARTTLS, map[string]string{"CRAM-MD5": "534 5.7.9 weak"}, "PLAIN", 0},
		"504":                                   {smtptest.STARTTLS, map[string]string{"CRAM-MD5": "504 5.5.4 what"}, "PLAIN", 0},
		"535 5.7.9":                             {smtptest.STARTTLS, map[string]string{"CRAM-MD5": "535 5.7.9 weak", "PLAIN": "534 no"}, "LOGIN", 0},
		"binding not supported":                 {smtptest.STARTTLS, map[string]string{"SCRAM-SHA-256-PLUS": "e=unsupported-channel-binding-type"}, "SCRAM-SHA-256", 0},
		"not without TLS":                       {smtptest.Plaintext, map[string]string{"CRAM-MD5": "534 5.7.9 weak"}, "PLAIN", authentication.KindNeedsTLS},
		"535 is final":                          {smtptest.STARTTLS, map[string]string{"CRAM-MD5": "535 5.7.8 no"}, "PLAIN", authentication.KindRejected},
		"535 5.7.139 is final":                  {smtptest.STARTTLS, map[string]string{"PLAIN": "535 5.7.139 basic authentication is disabled"}, "LOGIN", authentication.KindRejected},
		"454 is final":                          {smtptest.STARTTLS, map[string]string{"CRAM-MD5": "454 4.7.0 later"}, "PLAIN", authentication.KindUnavailable},
		"500 before a secret was said moves on": {smtptest.STARTTLS, map[string]string{"CRAM-MD5": "500 what"}, "PLAIN", 0},
		"500 after the password is final":       {smtptest.STARTTLS, map[string]string{"PLAIN": "500 what"}, "LOGIN", authentication.KindRefused},
	} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Security = tc.security
			srv.Config.Mechanisms = map[string]smtptest.Mechanism{tc.good: map[string]smtptest.Mechanism{
				"PLAIN": smtptest.Plain, "LOGIN": smtptest.Login, "SCRAM-SHA-256": smtptest.ScramSHA256,
			}[tc.good]}
			for name, reply := range tc.weak {
				if strings.HasPrefix(reply, "e=") {
					srv.Config.Mechanisms[name] = says("334 "+base64.StdEncoding.EncodeToString([]byte(reply)), "535 5.7.8 no")
				} else {
					srv.Config.Mechanisms[name] = says(reply)
				}
			}
			srv.Start()
			b := relay(srv)
			if tc.security == smtptest.Plaintext {
				b = smtp.DangerousPlaintext(srv.Host()).Port(srv.Port()).Login(smtptest.User, smtptest.Password)
			}
			if tc.want != 0 {
				wantLoginError(t, build(t, b), tc.want)
				if said := srv.Sessions()[0].String(); strings.Contains(said, "C: AUTH "+tc.good) {
					t.Errorf("it went on:\n%s", said)
				}
				return
			}
			if _, err := build(t, b).Send(t.Context(), mail(t, "b@example.org")); err != nil {
				t.Errorf("%v\n%s", err, srv.Sessions()[0])
			}
		})
	}
}

// TestResumedBinding binds to a channel of a resumed TLS session too.
func TestResumedBinding(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		srv, b := mechanismServer(t, version, "SCRAM-SHA-256-PLUS")
		sender := build(t, b.Credentials(identity(t, "PLAIN", smtptest.Password)).Pool(smtp.Pool{MaxMessages: 1}))
		for range 3 {
			if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
				t.Fatalf("%v\n%s", err, srv.Sessions()[0])
			}
		}
		if n := len(srv.Sessions()); n != 3 {
			t.Errorf("%d connections, want 3", n)
		}
	}
}
