package client_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// answer is a refusal, as a server writes it.
func answer(line string) response.Response {
	code, err := strconv.Atoi(line[:3])
	if err != nil {
		panic(err)
	}
	r := response.Response{Code: response.Code(code), Lines: []string{line[4:]}}
	parts := strings.SplitN(line[4:], " ", 2)
	if digits := strings.Split(parts[0], "."); len(digits) == 3 {
		var n [3]uint16
		for i, d := range digits {
			v, err := strconv.ParseUint(d, 10, 16)
			if err != nil {
				panic(err)
			}
			n[i] = uint16(v)
		}
		r.Enhanced, r.Lines = response.Enhanced{Class: n[0], Subject: n[1], Detail: n[2]}, []string{parts[1]}
	}
	return r
}

func refusal(phase client.Phase, line string) *client.Error {
	return &client.Error{Phase: phase, Response: answer(line)}
}

func offering(t *testing.T, lines ...string) extension.ServerInfo {
	t.Helper()
	info, err := extension.Parse(append([]string{"mx.example.org"}, lines...))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// situations are what users run into. must is in the hint, mustNot is what would lead them astray; the first word
// of must is the kind.
func situations(t *testing.T) map[string]struct {
	s       client.Situation
	kind    client.HintKind
	must    []string
	mustNot []string
} {
	type row = struct {
		s       client.Situation
		kind    client.HintKind
		must    []string
		mustNot []string
	}
	dial := func(err error) *client.Error { return &client.Error{Phase: client.PhaseDial, Err: err} }
	withTLS := func(kind client.TLSKind, err error) *client.Error {
		return &client.Error{Phase: client.PhaseTLS, Err: &client.TLSError{Kind: kind, ServerName: "mx", Err: err}}
	}
	login := func(kind authentication.Kind, mechanism, line string) *client.Error {
		e := &client.Error{Phase: client.PhaseAuth, Err: &authentication.Error{Kind: kind, Mechanism: mechanism}}
		if line != "" {
			e.Response = answer(line)
		}
		return e
	}
	timeout := &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
	handshake := &net.OpError{Op: "remote error", Err: tls.AlertError(40)}
	message := func(err error) *client.Error { return &client.Error{Phase: client.PhaseMessage, Err: err} }
	plain, scramOnly := offering(t, "AUTH PLAIN LOGIN SCRAM-SHA-256", "STARTTLS"), offering(t, "AUTH SCRAM-SHA-256")
	const wrongPassword = "535 5.7.8 no"
	return map[string]row{
		// The connection.
		"no such host":                    {client.Situation{Err: dial(&net.DNSError{IsNotFound: true})}, client.HintUnknownHost, []string{"spelled"}, []string{"firewall", "port"}},
		"no DNS":                          {client.Situation{Err: dial(&net.DNSError{IsTemporary: true})}, client.HintLookup, []string{"network", "DNS"}, []string{"spelled"}},
		"nothing listens":                 {client.Situation{Err: dial(&net.OpError{Op: "dial", Err: errors.New("refused")}), Port: "26"}, client.HintNotConnected, []string{"port", "465", "587"}, []string{"firewall"}},
		"a firewall":                      {client.Situation{Err: dial(timeout), Port: "587"}, client.HintFiltered, []string{"firewall"}, []string{"port 25"}},
		"a network that blocks port 25":   {client.Situation{Err: dial(timeout), Port: "25"}, client.HintFiltered, []string{"block port 25", "587", "465"}, []string{"spelled"}},
		"a proxy that fails":              {client.Situation{Err: dial(errors.New("SOCKS: no")), OwnDialer: true}, client.HintDialer, []string{"Dialer", "proxy"}, []string{"port", "DNS", "firewall"}},
		"a proxy that times out":          {client.Situation{Err: dial(timeout), OwnDialer: true, Port: "25"}, client.HintDialer, []string{"Dialer"}, []string{"block port 25"}},
		"a proxy without DNS":             {client.Situation{Err: dial(&net.DNSError{IsNotFound: true}), OwnDialer: true}, client.HintDialer, []string{"Dialer"}, []string{"spelled"}},
		"a socket that is not there":      {client.Situation{Err: dial(os.ErrNotExist)}, client.HintNotConnected, []string{"listens", "socket", "path"}, []string{"block", "port"}},
		"no failure":                      {client.Situation{}, "", nil, nil},
		"a lost connection after it":      {client.Situation{Err: &client.Error{Phase: client.PhaseFinal, Err: io.EOF}}, "", nil, nil},
		"a lost connection at the body":   {client.Situation{Err: &client.Error{Phase: client.PhaseBody, Err: io.EOF}}, "", nil, nil},
		"a message that cannot be read":   {client.Situation{Err: message(io.ErrUnexpectedEOF)}, "", nil, nil},
		"a refusal of the content":        {client.Situation{Err: refusal(client.PhaseFinal, "554 5.7.1 spam")}, "", nil, nil},
		"a login that the server dropped": {client.Situation{Err: &client.Error{Phase: client.PhaseAuth, Err: io.EOF}, Encrypted: true}, "", nil, nil},
		// TLS.
		"an unknown authority":                 {client.Situation{Err: withTLS(client.TLSUnknownAuthority, nil)}, client.HintTLS, []string{"roots", "ExtraRoots"}, []string{"ca-certificates"}},
		"no CA bundle on this machine":         {client.Situation{Err: withTLS(client.TLSUnknownAuthority, nil), NoRoots: true}, client.HintTLS, []string{"ca-certificates", "ExtraRoots"}, []string{"intermediate"}},
		"an expired certificate without roots": {client.Situation{Err: withTLS(client.TLSExpired, nil), NoRoots: true}, client.HintTLS, []string{"renew", "clock"}, []string{"ca-certificates"}},
		"a clock that is wrong":                {client.Situation{Err: withTLS(client.TLSNotYetValid, nil)}, client.HintTLS, []string{"clock"}, []string{"renew"}},
		"a self-signed certificate":            {client.Situation{Err: withTLS(client.TLSSelfSigned, nil)}, client.HintTLS, []string{"roots"}, []string{"ServerName"}},
		"a certificate for another name":       {client.Situation{Err: withTLS(client.TLSWrongName, nil)}, client.HintTLS, []string{"TLSConfig.ServerName", "tls_name"}, []string{"roots"}},
		"a key that is not pinned":             {client.Situation{Err: withTLS(client.TLSWrongPin, nil)}, client.HintTLS, []string{"pin"}, []string{"roots"}},
		"old versions of TLS":                  {client.Situation{Err: withTLS(client.TLSTooOld, nil)}, client.HintTLS, []string{"TLS 1.2", "DangerousMinVersion"}, []string{"tlsrsakex"}},
		"RSA key exchange alone":               {client.Situation{Err: withTLS(client.TLSFailed, handshake)}, client.HintTLS, []string{"tlsrsakex", "ECDHE"}, []string{"DangerousMinVersion"}},
		"a handshake that failed otherwise":    {client.Situation{Err: withTLS(client.TLSFailed, io.ErrNoProgress)}, client.HintTLS, []string{"operator"}, []string{"tlsrsakex"}},
		"a server in clear":                    {client.Situation{Err: withTLS(client.TLSPlainServer, nil), Mode: client.TLSImplicit}, client.HintTLS, []string{"StartTLSRelay", "587"}, []string{"roots"}},
		"STARTTLS is not offered":              {client.Situation{Err: withTLS(client.TLSNotOffered, client.ErrNoStartTLS)}, client.HintTLS, []string{"Relay", "465"}, []string{"Dangerous"}},
		"STARTTLS is refused":                  {client.Situation{Err: withTLS(client.TLSRefused, nil)}, client.HintTLS, []string{"465"}, []string{"Dangerous"}},
		"octets before the handshake":          {client.Situation{Err: withTLS(client.TLSInjected, client.ErrInjection)}, client.HintTLS, []string{"Relay (smtps)"}, []string{"try again"}},
		"a lost handshake":                     {client.Situation{Err: withTLS(client.TLSInterrupted, io.EOF)}, client.HintTLS, []string{"try again"}, []string{"certificate"}},
		"mTLS without a certificate":           {client.Situation{Err: withTLS(client.TLSClientCertificate, nil), CertificateAsked: true}, client.HintCertificate, []string{"ClientCertificate"}, []string{"HelloName"}},
		"mTLS that shows at EHLO":              {client.Situation{Err: refusal(client.PhaseHello, "550 5.7.1 who?"), CertificateAsked: true}, client.HintCertificate, []string{"ClientCertificate"}, []string{"HelloName"}},
		"mTLS that shows at the login":         {client.Situation{Err: login(authentication.KindNotOffered, "", ""), CertificateAsked: true, Encrypted: true}, client.HintCertificate, []string{"ClientCertificate"}, []string{"port 25"}},
		"VerifyConnection refused":             {client.Situation{Err: withTLS(client.TLSVetoed, nil)}, client.HintTLS, []string{"cause"}, []string{"roots"}},
		// The greeting.
		"STARTTLS on port 465, by Send":  {client.Situation{Err: &client.Error{Phase: client.PhaseGreeting, Err: timeout}, Mode: client.TLSStartTLS, Port: "465"}, client.HintImplicitTLS, []string{"Relay (smtps)"}, []string{"mail server"}},
		"no TLS on port 465":             {client.Situation{Err: &client.Error{Phase: client.PhaseGreeting, Err: io.EOF}, Mode: client.TLSNone, Port: "465"}, client.HintImplicitTLS, []string{"Relay (smtps)"}, []string{"firewall"}},
		"TLS on another port, found out": {client.Situation{Err: &client.Error{Phase: client.PhaseGreeting, Err: timeout}, Mode: client.TLSStartTLS, Port: "2465", TLSWorks: true}, client.HintImplicitTLS, []string{"Relay"}, []string{"firewall", "587"}},
		"silence over TLS on port 465":   {client.Situation{Err: &client.Error{Phase: client.PhaseGreeting, Err: timeout}, Mode: client.TLSImplicit, Port: "465"}, client.HintSilent, []string{"mail server"}, []string{"use Relay"}},
		"silence":                        {client.Situation{Err: &client.Error{Phase: client.PhaseGreeting, Err: timeout}, Mode: client.TLSStartTLS, Port: "587"}, client.HintSilent, []string{"says nothing"}, []string{"465"}},
		"another protocol":               {client.Situation{Err: &client.Error{Phase: client.PhaseGreeting, Err: &response.ProtocolError{Reason: "x"}}, Mode: client.TLSStartTLS, Port: "22"}, client.HintNotMail, []string{"port"}, []string{"block list"}},
		"a block list":                   {client.Situation{Err: refusal(client.PhaseGreeting, "554 5.7.1 listed")}, client.HintGreeting, []string{"block list", "reverse DNS"}, []string{"try later"}},
		"too many connections":           {client.Situation{Err: refusal(client.PhaseGreeting, "421 4.7.0 too many")}, client.HintTryLater, []string{"later", "MaxOpen"}, []string{"block list"}},
		"a refused greeting on port 465": {client.Situation{Err: refusal(client.PhaseGreeting, "554 no"), Mode: client.TLSStartTLS, Port: "465"}, client.HintGreeting, []string{"refuses"}, []string{"TLS from the first octet"}},
		// EHLO and its name.
		"a hello name that is refused": {client.Situation{Err: refusal(client.PhaseHello, "501 5.5.4 invalid name"), HelloName: "laptop"}, client.HintHello, []string{"laptop", "HelloName"}, []string{"password"}},
		"a hello name refused at RCPT": {client.Situation{Err: refusal(client.PhaseRcpt, "504 5.5.2 <laptop>: Helo command rejected: need fully-qualified hostname"), HelloName: "laptop"}, client.HintHello, []string{"laptop", "HelloName"}, []string{"recipient"}},
		"a hello name refused for now": {client.Situation{Err: refusal(client.PhaseRcpt, "450 4.7.1 <laptop>: Helo command rejected: Host not found"), HelloName: "laptop"}, client.HintHello, []string{"laptop"}, []string{"matter of time"}},
		"EHLO refused before a name":   {client.Situation{Err: refusal(client.PhaseHello, "550 5.7.1 no")}, client.HintHello, []string{"HelloName"}, []string{"password", "recipient"}},
		"SMTP to a server of LMTP":     {client.Situation{Err: refusal(client.PhaseHello, "500 5.5.1 what?"), HelloName: "laptop"}, client.HintNotMail, []string{"LMTP"}, []string{"HelloName"}},
		"LMTP to a server of SMTP":     {client.Situation{Err: refusal(client.PhaseHello, "502 5.5.2 what?"), HelloName: "laptop"}, client.HintNotMail, []string{"LMTP"}, []string{"HelloName"}},
		"EHLO refused for now":         {client.Situation{Err: refusal(client.PhaseHello, "451 4.3.0 later")}, client.HintTryLater, []string{"time"}, []string{"HelloName"}},
		// The login.
		"a wrong password":                  {client.Situation{Err: login(authentication.KindRejected, "PLAIN", wrongPassword), Encrypted: true, Offers: plain}, client.HintLoginRefused, []string{"password"}, []string{"hash", "HelloName"}},
		"a password with two line ends":     {client.Situation{Err: login(authentication.KindRejected, "PLAIN", wrongPassword), SecretFlaw: "ends in more than one line end"}, client.HintLoginRefused, []string{"more than one line end"}, []string{"providers"}},
		"a password with a BOM":             {client.Situation{Err: login(authentication.KindRejected, "PLAIN", wrongPassword), SecretFlaw: "begins with a byte order mark"}, client.HintLoginRefused, []string{"byte order mark"}, []string{"providers"}},
		"a password with blanks, by SCRAM":  {client.Situation{Err: login(authentication.KindRejected, "SCRAM-SHA-256", wrongPassword), SecretFlaw: "begins or ends with a blank", Offers: plain}, client.HintLoginRefused, []string{"blank"}, []string{"hash"}},
		"hashed passwords":                  {client.Situation{Err: login(authentication.KindRejected, "SCRAM-SHA-256", wrongPassword), Encrypted: true, Offers: plain}, client.HintHashed, []string{"hashes", "SCRAM-SHA-256", "PLAIN"}, []string{"token"}},
		"hashed passwords and CRAM-MD5":     {client.Situation{Err: login(authentication.KindRejected, "CRAM-MD5", wrongPassword), Encrypted: true, Offers: plain}, client.HintHashed, []string{"CRAM-MD5"}, []string{"token", "SCRAM"}},
		"SCRAM refused, nothing else there": {client.Situation{Err: login(authentication.KindRejected, "SCRAM-SHA-256", wrongPassword), Encrypted: true, Offers: scramOnly}, client.HintLoginRefused, []string{"wrong user or password"}, []string{"PLAIN"}},
		"530 to AUTH over TLS":              {client.Situation{Err: login(authentication.KindRefused, "PLAIN", "530 5.7.0 must issue STARTTLS"), Encrypted: true}, client.HintLoginNeeded, []string{"although the connection has TLS"}, []string{"use StartTLSRelay", "password"}},
		"538 to AUTH over TLS":              {client.Situation{Err: login(authentication.KindRefused, "PLAIN", "538 5.7.11 encryption required"), Encrypted: true}, client.HintLoginNeeded, []string{"operator"}, []string{"use StartTLSRelay"}},
		"538 to AUTH in clear":              {client.Situation{Err: login(authentication.KindRefused, "PLAIN", "538 5.7.11 encryption required")}, client.HintLoginNeedsTLS, []string{"StartTLSRelay"}, []string{"although"}},
		"the login cannot be checked":       {client.Situation{Err: login(authentication.KindUnavailable, "PLAIN", "454 4.7.0 later"), Encrypted: true}, client.HintLoginLater, []string{"later"}, []string{"wrong"}},
		"no login without TLS":              {client.Situation{Err: login(authentication.KindNotOffered, "", "")}, client.HintNoLoginOffered, []string{"StartTLSRelay"}, []string{"port 25"}},
		"no login on port 25":               {client.Situation{Err: login(authentication.KindNotOffered, "", ""), Encrypted: true, Port: "25"}, client.HintNoLoginOffered, []string{"port 25", "587"}, []string{"without TLS"}},
		"PLAIN in clear, STARTTLS offered":  {client.Situation{Err: login(authentication.KindNeedsTLS, "PLAIN", ""), Offers: plain}, client.HintLoginNeedsTLS, []string{"StartTLSRelay"}, []string{"DangerousPlaintextAuth"}},
		"PLAIN in clear, no STARTTLS":       {client.Situation{Err: login(authentication.KindNeedsTLS, "PLAIN", ""), Offers: offering(t, "AUTH PLAIN")}, client.HintLoginNeedsTLS, []string{"DangerousPlaintextAuth", "Relay (smtps)"}, []string{"StartTLSRelay"}},
		"NTLM alone":                        {client.Situation{Err: login(authentication.KindNoMechanism, "", ""), Encrypted: true, Offers: offering(t, "AUTH NTLM")}, client.HintNoMechanism, []string{"NTLM", "operator"}, []string{"token"}},
		"GSSAPI and NTLM alone":             {client.Situation{Err: login(authentication.KindNoMechanism, "", ""), Encrypted: true, Offers: offering(t, "AUTH GSSAPI NTLM")}, client.HintNoMechanism, []string{"GSSAPI", "NTLM"}, []string{"token"}},
		"a token is wanted":                 {client.Situation{Err: login(authentication.KindNoMechanism, "", ""), Encrypted: true, Offers: offering(t, "AUTH XOAUTH2 OAUTHBEARER")}, client.HintNoMechanism, []string{"token", "TokenFrom"}, []string{"operator"}},
		"another mechanism":                 {client.Situation{Err: login(authentication.KindNoMechanism, "", ""), Encrypted: true, Offers: offering(t, "AUTH CRAM-MD5")}, client.HintNoMechanism, []string{"CRAM-MD5"}, []string{"token"}},
		"a source that fails":               {client.Situation{Err: login(authentication.KindNoSecret, "", "")}, client.HintNoSecret, []string{"cause"}, []string{"wrong"}},
		"an impostor":                       {client.Situation{Err: login(authentication.KindUnproven, "SCRAM-SHA-256", "")}, client.HintImpostor, []string{"impostor"}, []string{"wrong user"}},
		"another TLS connection":            {client.Situation{Err: login(authentication.KindChannelMismatch, "SCRAM-SHA-256-PLUS", "")}, client.HintImpostor, []string{"impostor"}, []string{"wrong user", "try later"}},
		// The mail.
		"a UTF-8 address without 8BITMIME":  {client.Situation{Err: message(client.ErrNo8BitMIME)}, client.HintUTF8, []string{"ASCII address", "8BITMIME"}, []string{"password"}},
		"a UTF-8 address without SMTPUTF8":  {client.Situation{Err: message(&extension.UnsupportedError{Keyword: extension.SMTPUTF8})}, client.HintUTF8, []string{"SMTPUTF8"}, []string{"password", "try later"}},
		"no login at all":                   {client.Situation{Err: refusal(client.PhaseMail, "530 5.7.0 Authentication Required")}, client.HintLoginNeeded, []string{"Login or Credentials"}, []string{"address"}},
		"no login, said at RCPT":            {client.Situation{Err: refusal(client.PhaseRcpt, "550 5.7.1 authentication required")}, client.HintLoginNeeded, []string{"Login"}, []string{"recipient"}},
		"not allowed to send as":            {client.Situation{Err: refusal(client.PhaseMail, "550 5.7.60 Client does not have permissions to send as this sender"), Encrypted: true}, client.HintSender, []string{"send as that address"}, []string{"password"}},
		"a sender of another user, at RCPT": {client.Situation{Err: refusal(client.PhaseRcpt, "553 5.7.1 <a@example.org>: Sender address rejected: not owned by user b")}, client.HintSender, []string{"send as"}, []string{"recipient that was tried"}},
		"a sender that does not exist":      {client.Situation{Err: refusal(client.PhaseMail, "550 5.1.8 no such domain")}, client.HintSender, []string{"does not exist"}, []string{"password", "recipient"}},
		"a daily limit":                     {client.Situation{Err: refusal(client.PhaseMail, "550 5.4.5 Daily user sending limit exceeded")}, client.HintQuota, []string{"RateLimit"}, []string{"send as"}},
		"relay denied":                      {client.Situation{Err: refusal(client.PhaseRcpt, "554 5.7.1 <x@example.net>: Relay access denied")}, client.HintRelay, []string{"log in"}, []string{"does not exist"}},
		"no such recipient":                 {client.Situation{Err: refusal(client.PhaseRcpt, "550 5.1.1 no such user")}, client.HintRecipient, []string{"recipient"}, []string{"log in"}},
		"greylisted":                        {client.Situation{Err: refusal(client.PhaseRcpt, "451 4.7.1 greylisted")}, client.HintTryLater, []string{"later"}, []string{"does not exist"}},
		"a policy":                          {client.Situation{Err: refusal(client.PhaseRcpt, "550 5.7.1 not from there")}, client.HintPolicy, []string{"rule"}, []string{"does not exist"}},
	}
}

// TestHintsOfSituations: each situation has one hint, which says what helps and nothing that leads astray.
func TestHintsOfSituations(t *testing.T) {
	table, both := situations(t), 0
	for name, tc := range table {
		if len(tc.must) > 0 && len(tc.mustNot) > 0 {
			both++
		}
		t.Run(name, func(t *testing.T) {
			if tc.kind != "" && (len(tc.must) == 0 || len(tc.mustNot) == 0) {
				t.Error("the row does not say what the hint must say and what it must not")
			}
			got := tc.s.Hint()
			if got.Kind != tc.kind || (got.Text == "") != (tc.kind == "") {
				t.Errorf("%q: %q, want %q", got.Kind, got.Text, tc.kind)
			}
			for _, part := range tc.must {
				if !strings.Contains(got.Text, part) {
					t.Errorf("%q does not say %q", got.Text, part)
				}
			}
			for _, part := range tc.mustNot {
				if strings.Contains(got.Text, part) {
					t.Errorf("%q says %q", got.Text, part)
				}
			}
		})
	}
	if both < 60 {
		t.Errorf("%d situations with both", both)
	}
}

// TestSecretFlaw: what a file or a clipboard leaves is seen, and the secret is never in the text.
func TestSecretFlaw(t *testing.T) {
	for secret, want := range map[string]string{
		"s3cret": "", "two words": "", "s3cret\n": "ends in a line end", "s3cret\r\n": "ends in a line end", "s3cret\n\n": "ends in more than one line end",
		"\ufeffs3cret": "begins with a byte order mark", " s3cret": "begins or ends with a blank", "s3c\nret": "has a line end in it",
		`"s3cret"`: "is in quotes", "'": "",
	} {
		c, err := authentication.Password("u", secret)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.SecretFlaw(); got != want || strings.Contains(got, "s3c") {
			t.Errorf("%q: %q, want %q", secret, got, want)
		}
	}
	if got := (authentication.Credentials{}).SecretFlaw(); got != "" {
		t.Error(got)
	}
}
