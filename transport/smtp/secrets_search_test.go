package smtp_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/diagnose"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

const module = "github.com/depeche-mail/depeche"

// exportedTypes are the names of the exported types of the packages below the module whose code sees a login or what a server
// said: those that import, by whatever way, the packages in which secrets and replies are.
func exportedTypes(t *testing.T) []string {
	t.Helper()
	sources := map[string]bool{"transport/smtp/authentication": true, "transport/smtp/response": true, "transport/smtp/commands": true, "transport/outcome": true}
	imports := map[string][]string{}
	types := map[string][]string{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, p)
		rel = filepath.ToSlash(rel)
		switch {
		case err != nil:
			return err
		case d.IsDir():
			_, other := os.Stat(filepath.Join(p, "go.mod"))
			if rel != "." && (other == nil || strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "internal" || d.Name() == "examples" || d.Name() == "tools") {
				return fs.SkipDir
			}
			return nil
		case !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		pkg := path.Dir(rel)
		for _, i := range file.Imports {
			if own, ok := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), module+"/"); ok {
				imports[pkg] = append(imports[pkg], own)
			}
		}
		for _, d := range file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE {
				continue
			}
			for _, s := range g.Specs {
				if spec := s.(*ast.TypeSpec); spec.Name.IsExported() && !spec.Assign.IsValid() && holds(spec.Type) {
					types[pkg] = append(types[pkg], path.Join(module, pkg)+"."+spec.Name.Name)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for more := true; more; {
		more = false
		for pkg, list := range imports {
			if !sources[pkg] && slices.ContainsFunc(list, func(i string) bool { return sources[i] }) {
				sources[pkg], more = true, true
			}
		}
	}
	var list []string
	for pkg := range sources {
		list = append(list, types[pkg]...)
	}
	slices.Sort(list)
	return list
}

// holds reports whether a type can hold a text: numbers cannot, and of interfaces and functions the values count.
func holds(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.InterfaceType, *ast.FuncType:
		return false
	case *ast.Ident:
		return e.Name == "string" || !e.IsExported() && !strings.Contains("uint8 uint16 int int64", e.Name)
	}
	return true
}

// search prints values and all that they hold, and notes the types that it has come by.
type search struct {
	printed

	types map[string]bool
	seen  map[any]bool
}

func (s *search) add(values ...any) {
	for _, v := range values {
		s.walk(reflect.ValueOf(v), 0)
	}
	s.printed.add(values...)
}

func (s *search) walk(v reflect.Value, depth int) {
	if !v.IsValid() || depth > 40 {
		return
	}
	t := v.Type()
	if strings.HasPrefix(t.PkgPath(), module) {
		s.types[t.PkgPath()+"."+t.Name()] = true
		if v.CanInterface() && t.Name() != "" && v.Kind() != reflect.Func {
			s.one(v.Interface())
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		if key := any([2]uintptr{v.Pointer(), reflect.ValueOf(t).Pointer()}); !v.IsNil() && !s.seen[key] {
			s.seen[key] = true
			if v.CanInterface() && strings.HasPrefix(t.Elem().PkgPath(), module) {
				s.one(v.Interface())
			}
			s.walk(v.Elem(), depth+1)
		}
	case reflect.Interface:
		s.walk(v.Elem(), depth+1)
	case reflect.Struct:
		for _, field := range v.Fields() {
			s.walk(field, depth+1)
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		for i := range min(v.Len(), 300) {
			s.walk(v.Index(i), depth+1)
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next(); {
			s.walk(iter.Key(), depth+1)
			s.walk(iter.Value(), depth+1)
		}
	}
}

// one prints a value by each verb and sink.
func (s *search) one(v any) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(s, verb+"\n", v)
		switch v.(type) {
		case commands.Auth, commands.AuthResponse, *commands.Auth, *commands.AuthResponse: // fmt reads fields of a caller's struct
		default:
			fmt.Fprintf(s, verb+"\n", struct{ hidden any }{v})
		}
	}
	if text, err := json.Marshal(v); err == nil {
		s.Write(text)
	}
	slog.New(slog.NewTextHandler(s, nil)).Info("x", "v", v)
}

// TestGarbageShowsNoSecret: what is not a reply is quoted without what was said in the login.
func TestGarbageShowsNoSecret(t *testing.T) {
	const secret = `pA"ss/w<o>rd&+%-0123456789`
	srv := smtptest.NewServer(t)
	srv.Use(smtptest.On(smtptest.Mail, smtptest.Raw("<"+secret+"> is not a reply\r\n")))
	_, err := build(t, smtp.StartTLSRelay(srv.Host()).Port(srv.Port()).TLSConfig(srv.ClientTLS()).Login(smtptest.User, smtptest.Password)).Send(t.Context(), mail(t, "b@example.org"))
	if err == nil || !strings.Contains(err.Error(), "is not a reply") {
		t.Errorf("got %v", err)
	}
	srv.Use(smtptest.On(smtptest.Mail, smtptest.Raw("<"+smtptest.Password+"> is not a reply\r\n")))
	s := &search{types: map[string]bool{}, seen: map[any]bool{}}
	_, err = build(t, relay(srv)).Send(t.Context(), mail(t, "b@example.org"))
	s.add(err)
	if !s.types[module+"/transport/smtp/response.ProtocolError"] || strings.Contains(s.String(), "correct horse") || !strings.Contains(s.String(), "is not a reply") {
		t.Errorf("%v", err)
	}
}

// TestNoTypeShowsASecret: a program logs in at a server that repeats all it heard, in all that it says. Then every value that the
// program holds, and every value in it, is printed by every verb and sink, and searched. The types are those of the source:
// one that was not printed must be named below with the reason.
func TestNoTypeShowsASecret(t *testing.T) {
	s := &search{types: map[string]bool{}, seen: map[any]bool{}}
	const secret = `pA"ss/w<o>rd&+%-0123456789`
	for _, mechanism := range []string{"PLAIN", "LOGIN", "XOAUTH2", "X-ONE-SHOT"} {
		for _, good := range []bool{true, false} {
			session(t, s, mechanism, secret, good)
		}
	}
	text := s.String()
	for _, leak := range leaks(secret) {
		if strings.Contains(text, leak) || strings.Contains(text, strings.ToUpper(hexOf(secret))) {
			t.Errorf("%q is printed: %s", leak, around(text, leak))
		}
	}
	t.Logf("%d types, %d KiB of text", len(s.types), len(text)>>10)
	var missing []string
	for _, name := range exportedTypes(t) {
		short := strings.TrimPrefix(strings.TrimPrefix(name, module), "/")
		_, pkg := holdsNoLogin[short[:strings.LastIndexByte(short, '.')]]
		_, one := holdsNoLogin[short]
		if !s.types[name] && !pkg && !one {
			missing = append(missing, short)
		}
	}
	if len(missing) > 0 {
		t.Errorf("print these types in this test, or say in holdsNoLogin why they cannot hold a secret:\n%s", strings.Join(missing, "\n"))
	}
}

func hexOf(s string) string { return fmt.Sprintf("%x", s) }

// holdsNoLogin are packages and types of which no value is printed, and why.
var holdsNoLogin = map[string]string{
	"transport/smtp/response.ProtocolError": "printed by TestGarbageShowsNoSecret", "transport/smtp/authentication.BearerError": "printed by TestSecretsStaySecret",
	"transport/smtp.ProxyError": "printed by TestProxyFails",
	"transport/outcome.Meaning": "a table", "transport/outcome.Phrase": "a table",
	"transport.SignatureRules": "limits of a relay", "transport/policy.Overrides": "envelope options of a caller",
	"transport/policy.BreakerOpenError": "names a relay", "transport/policy.LimitError": "numbers", "transport/policy.Quota": "numbers", "transport/policy.Pace": "numbers",
	"transport/policy.SharedPace": "numbers",
	"transport/policy.QuotaError": "numbers", "transport/smtp.DiscoveredRelay": "names in DNS", "transport/smtp.Duration": "a number",
	"transport/smtp.Security": "a word of a configuration", "transport/smtp/authentication.Session": "the offer, as client.Info",
	"transport/smtp/client.ContentInfo": "numbers", "transport/smtp/client.Load": "numbers", "transport/smtp/client.Window": "numbers",
	"transport/smtp/client.TLSError": "certificates and alerts, before a login", "transport/smtp/response.Parser": "octets before they are a reply",
	"transport/smtp/commands.ArgumentError": "a verb and a reason", "transport/smtp/extension.ParamError": "parameters of MAIL and RCPT",
	"transport/smtp/extension.UnsupportedError": "parameters of MAIL and RCPT",
	"transport/smtp/commands.AuthCancel":        "a verb", "transport/smtp/commands.Bdat": "a number", "transport/smtp/commands.Custom": "a caller's own line",
	"transport/smtp/commands.Data": "a verb", "transport/smtp/commands.Ehlo": "the own name", "transport/smtp/commands.Helo": "the own name",
	"transport/smtp/commands.Lhlo": "the own name", "transport/smtp/commands.Expn": "an address", "transport/smtp/commands.Vrfy": "an address",
	"transport/smtp/commands.Help": "a topic", "transport/smtp/commands.Noop": "a verb", "transport/smtp/commands.Quit": "a verb",
	"transport/smtp/commands.Rset": "a verb", "transport/smtp/commands.StartTLS": "a verb",
	"transport/smtp/diagnose.RecipientReport": "replies as in client.Result",
	"dkim":                    "signs: it has a key, and no login",
	"ledger":                  "what it keeps of replies comes from a transport, masked",
	"ledger/ledgertest":       "as ledger",
	"mailtest":                "has no server",
	"mailtest/preview":        "has no server",
	"queue":                   "what it keeps of replies comes from a transport, masked",
	"queue/queuetest":         "as queue",
	"transport/file":          "has no server",
	"transport/sendmail":      "has no login",
	"transport/stub":          "has no server",
	"transport/transporttest": "has no login",
}

// session sends over a transport and prints all that the program has then.
func session(t *testing.T, s *search, mechanism, secret string, good bool) {
	t.Helper()
	var values []any // printed when every connection is closed: fmt reads fields without their locks
	keep := func(v ...any) { values = append(values, v...) }
	bird := &parrot{}
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Mechanisms = map[string]smtptest.Mechanism{mechanism: func(x *smtptest.SASL) (string, error) {
		answer, _, _ := x.Initial()
		for i := 0; i < 2 && (len(answer) == 0 || mechanism == "LOGIN"); i++ {
			answer, _ = x.Challenge([]byte("?"))
		}
		if mechanism == "XOAUTH2" && !good {
			text, err := json.Marshal(map[string]string{"status": "400", "scope": string(answer)})
			if err != nil {
				return "", err
			}
			_, _ = x.Challenge(text)
		}
		bird.hear(secret + " " + base64.StdEncoding.EncodeToString(answer))
		if !good {
			return "", &smtptest.ReplyError{Reply: "535-5.7.8 no " + secret + "\r\n535 5.7.8 " + string(answer[max(0, len(answer)-20):])}
		}
		return smtptest.User, nil
	}}
	srv.Config.Hooks = []smtptest.Hook{bird.hook, smtptest.RefuseRecipients(map[string]string{"bad@example.org": "550 5.1.1 no " + secret, "late@example.org": "451 4.3.0 " + secret})}
	srv.Start()
	var c authentication.Credentials
	var err error
	switch mechanism {
	case "XOAUTH2":
		c, err = authentication.TokenFrom("jane@example.org", func(context.Context) (string, error) { return strings.ReplaceAll(secret, `"`, "'"), nil })
		secret = strings.ReplaceAll(secret, `"`, "'")
	case "X-ONE-SHOT":
		c, err = authentication.Custom("jane@example.org", func(authentication.Session) authentication.Mechanism {
			return oneShot{"jane@example.org", secret}
		})
	default:
		c, err = authentication.Password("jane@example.org", secret)
	}
	if err != nil {
		t.Fatal(err)
	}
	transcript := &client.Transcript{}
	b := relay(srv).Credentials(c).Trace(transcript.Add).Pool(smtp.Pool{MaxOpen: 1, MaxMessages: 1})
	sender := build(t, b.Clone())
	groups := []transport.Transport{sender}
	add := func(next transport.Transport, err error) {
		if err != nil {
			t.Fatal(err)
		}
		groups = append(groups, next)
	}
	add(policy.Failover{Relays: []transport.Transport{sender, sender}}.Build())
	add(policy.Retry{Next: sender, MaxAttempts: 2, InitialBackoff: 1}.Build())
	for _, over := range groups {
		for _, to := range [][]string{{"b@example.org"}, {"b@example.org", "bad@example.org", "late@example.org"}} {
			result, err := over.Send(t.Context(), mail(t, to...))
			for ; err != nil; err = errors.Unwrap(err) {
				keep(err)
			}
			keep(result, over)
		}
	}
	for sent, err := range sender.SendAll(t.Context(), slices.Values([]transport.Mail{mail(t, "b@example.org", "bad@example.org")})) {
		keep(sent, err)
	}
	bird.forget() // what other transports have said is not known to the next
	report, err := diagnose.Run(t.Context(), b.Clone())
	if err != nil {
		t.Fatal(err)
	}
	config, err := b.Clone().ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	keep(report, config, c, b, transcript, transcript.Events(), sender.Stats(), smtp.Pool{}, commands.Auth{Mechanism: "PLAIN", Initial: []byte(secret)},
		commands.AuthResponse{Response: []byte(secret)})
	bird.forget()
	if conn, err := client.Dial(t.Context(), config); err == nil {
		receipt := conn.Send(t.Context(), mail(t, "b@example.org", "bad@example.org"))
		keep(client.BulkJob{Mail: mail(t, "b@example.org"), Result: receipt})
		transaction, _ := conn.Begin(t.Context(), mail(t, "bad@example.org").Envelope(), client.ContentInfo{}) // refused, and printed
		keep(transaction, transaction.Result())
		keep(receipt, conn.Info(), conn.InfoBeforeTLS(), conn.Greeting(), conn.Findings(), conn)
		if err := conn.Quit(t.Context()); err != nil {
			t.Error(err)
		}
	} else {
		keep(err)
	}
	text := "smtps://jane:" + url.QueryEscape(strings.ReplaceAll(secret, "+", "-")) + "@" + config.Address
	u, err := depeche.ParseURL(text)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := u.Open()
	if err != nil {
		t.Fatal(err)
	}
	var renewed authentication.Renewed
	synctest.Test(t, func(t *testing.T) { // the goroutine that fetches has ended when it returns: fmt reads what that wrote
		var err error
		if renewed, err = authentication.NewRenewed(func(context.Context) (string, time.Time, error) { return secret, time.Time{}, nil }, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := renewed.Secret(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	keep(renewed, &renewed)
	keep(u, u.Relays(), opened, smtp.Config{Host: "smtp.example.org", User: "jane", Password: smtp.NewSecret(secret)},
		policy.Log(slog.New(slog.DiscardHandler)), config.Situation(&client.Error{Phase: client.PhaseAuth}))
	if err := sender.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	srv.Close()
	s.add(values...)
	addPolicies(s, sender)
}

// addPolicies prints the settings of the transports over a transport.
func addPolicies(s *search, next *smtp.Transport) {
	relays := []transport.Transport{next}
	s.add(policy.Balance{Relays: relays}, policy.Failover{Relays: relays}, policy.Breaker{Next: next}, policy.Retry{Next: next},
		policy.ByDomain{Routes: map[string]transport.Transport{"example.org": next}}, policy.Defaults{Next: next}, policy.Limit{Next: next},
		policy.Observe{Next: next}, policy.Prepare{Next: next}, policy.RateLimit{Next: next}, policy.RedirectAll{Next: next},
		policy.Suppress{Next: next}, policy.Tee{Next: next, Copy: next}, policy.Wrap{Next: next})
}
