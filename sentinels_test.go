package depeche_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// reached names, for each exported sentinel error of a public package, a test in which code of ours returns it: package
// and function. A sentinel that no test can reach is a promise that is not kept.
var reached = map[string]string{
	"dkim.ErrBody":                                 "dkim TestVerifierRefuses",
	"dkim.ErrChanged":                              "dkim TestChanged",
	"dkim.ErrExpired":                              "dkim TestVerifierRefuses",
	"dkim.ErrFields":                               "dkim TestVerifierRefuses",
	"dkim.ErrKey":                                  "dkim TestVerifierLookup",
	"dkim.ErrMalformed":                            "dkim TestVerifierRefuses",
	"dkim.ErrNoSigner":                             "dkim TestByDomain",
	"dkim.ErrStale":                                "dkim TestBuilderIsLinear",
	"envelope.ErrNoRecipient":                      "envelope TestNewWithRefuses",
	"envelope.ErrNoDomain":                         "envelope TestPostmasterReceives",
	"envelope.ErrNullRecipient":                    "envelope TestNewWithRefuses",
	"ledger.ErrBusy":                               "ledger TestOnceBusy",
	"ledger.ErrFenced":                             "ledger TestEnd",
	"ledger.ErrKeyReused":                          "ledger TestOnceKeys",
	"ledger.ErrNoKey":                              "ledger TestOnceKeys",
	"ledger.ErrNotFound":                           "ledger TestResolve",
	"ledger.ErrSecret":                             "ledger TestSecret",
	"ledger.ErrUnresolved":                         "ledger TestOnceOverLiars",
	"ledger/bolt.ErrClosed":                        "ledger/bolt TestOneProcess",
	"ledger/bolt.ErrLocked":                        "ledger/bolt TestOneProcess",
	"mailtest.ErrNoInbox":                          "mailtest TestByContext",
	"mailtest.ErrTooLarge":                         "mailtest TestLimits",
	"message.ErrStale":                             "message TestForgottenStepIsAnError",
	"message/eml.ErrNoField":                       "message/eml TestParseRefuses",
	"queue/jetstream.ErrLocked":                    "queue/jetstream TestEmbedded",
	"queue/jetstream.ErrNoQueue":                   "queue/jetstream TestExisting",
	"queue/jetstream.ErrOtherStream":               "queue/jetstream TestOtherStreams",
	"queue/jetstream.ErrUnreachable":               "queue/jetstream TestUnreachable",
	"queue.ErrClosed":                              "queue/queuetest Run",
	"queue.ErrLease":                               "queue/queuetest Run",
	"queue.ErrLost":                                "queue TestEventsLost",
	"queue.ErrNotFound":                            "queue/queuetest Run",
	"queue/bolt.ErrLocked":                         "queue/bolt TestRestart",
	"transport.ErrClosed":                          "transport/smtp TestShutdown",
	"transport.ErrConnectionLost":                  "transport/smtp TestTexts",
	"transport.ErrNotCanonical":                    "transport/file TestOnlyLines",
	"transport/file.ErrLocked":                     "transport/file TestLocksOfOthers",
	"transport/outcome.ErrConnectionLost":          "transport/smtp/client TestIdleConnectionLost",
	"transport/policy.ErrContract":                 "transport/policy TestMisbehaving",
	"transport/policy.ErrNoRoute":                  "transport/policy TestByDomain",
	"transport/policy.ErrSuppressed":               "transport/policy TestSuppress",
	"transport/policy.ErrNoTransport":              "transport/policy TestTransportIsMissing",
	"transport/sendmail.ErrUnsupported":            "transport/sendmail TestUnsupported",
	"transport/smtp.ErrBusy":                       "transport/smtp TestBusySaysForWhat",
	"transport/smtp.ErrLookup":                     "transport/smtp TestDiscover",
	"transport/smtp.ErrNoRelay":                    "transport/smtp TestDiscover",
	"transport/smtp.ErrStale":                      "transport/smtp TestBuilderIsLinear",
	"transport/smtp/client.ErrBroken":              "transport/smtp/client TestAfterTheEnd",
	"transport/smtp/client.ErrClosing":             "transport/smtp/client TestCommands",
	"transport/smtp/client.ErrEncrypted":           "transport/smtp/client TestSessionByHand",
	"transport/smtp/client.ErrEnding":              "transport/smtp TestEndingFails",
	"transport/smtp/client.ErrHijacked":            "transport/smtp/client TestHijack",
	"transport/smtp/client.ErrInjection":           "transport/smtp TestDowngrades",
	"transport/smtp/client.ErrLoggedIn":            "transport/smtp/client TestSessionByHand",
	"transport/smtp/client.ErrNo8BitMIME":          "transport/smtp/client TestMailThatTheServerCannotTake",
	"transport/smtp/client.ErrNoBinaryMIME":        "transport/smtp/client TestMailThatTheServerCannotTake",
	"transport/smtp/client.ErrNoRecipientAccepted": "transport/smtp/client TestTransactionWithNobody",
	"transport/smtp/client.ErrNoSMTPUTF8":          "transport/smtp/client TestMailThatTheServerCannotTake",
	"transport/smtp/client.ErrNoStartTLS":          "transport/smtp TestDowngrades",
	"transport/smtp/client.ErrNotCanonical":        "transport/smtp/client TestMailThatTheServerCannotTake",
	"transport/smtp/client.ErrNotFollowed":         "transport/smtp/client TestCommandsThatAreNotFollowed",
	"transport/smtp/client.ErrTooLarge":            "transport/smtp/client TestMailThatTheServerCannotTake",
	"transport/smtp/client.ErrTooManyRecipients":   "transport/smtp/client TestMailThatTheServerCannotTake",
	"transport/smtp/client.ErrTransaction":         "transport/smtp/client TestTransaction",
	"transport/smtp/client.ErrUnsolicited":         "transport/smtp/client TestAfterTheEnd",
	"transport/smtp/client.ErrUnsupported":         "transport/smtp/client TestMailThatTheServerCannotTake",
	"transport/smtp/smtptest.ErrCancelled":         "transport/smtp/smtptest TestAuthReplies",
}

// testCode is what the test files of a package, and the packages that are suites of tests, declare.
type testCode struct {
	mentions map[string][]string // of a declaration: the sentinels it names
	uses     map[string][]string // of a declaration: the declarations of the package that it names
}

// TestSentinelsAreReached: every exported sentinel is in the table, and the test that the table names is there and names it,
// itself or by what it uses of its package.
func TestSentinelsAreReached(t *testing.T) {
	const module = "github.com/depeche-mail/depeche"
	sentinels, code := map[string]bool{}, map[string]*testCode{}
	files := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || len(d.Name()) > 1 && d.Name()[0] == '.') {
			if err == nil {
				err = filepath.SkipDir
			}
			return err
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, imports := filepath.ToSlash(filepath.Dir(path)), map[string]string{}
		for _, i := range file.Imports {
			if inside, ok := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), module); ok {
				imports[filepath.Base(module+inside)] = strings.TrimPrefix(inside, "/")
			} else if i.Path.Value == `"testing"` {
				imports["testing"] = "testing"
			}
		}
		if _, suite := imports["testing"]; suite || strings.HasSuffix(path, "_test.go") {
			if code[dir] == nil {
				code[dir] = &testCode{map[string][]string{}, map[string][]string{}}
			}
			code[dir].read(file, dir, imports)
		}
		if !strings.HasSuffix(path, "_test.go") && !strings.Contains("/"+dir+"/", "/internal/") {
			for _, name := range errorVars(file) {
				sentinels[dir+"."+name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range slices.Sorted(maps.Keys(sentinels)) {
		dir, test, _ := strings.Cut(reached[s], " ")
		if c := code[dir]; c == nil || !c.reaches(test, s) {
			t.Errorf("%s: the table names %q, which does not reach it", s, reached[s])
		}
	}
	for s := range reached {
		if !sentinels[s] {
			t.Errorf("%s is in the table and is not a sentinel", s)
		}
	}
	if len(sentinels) < 50 {
		t.Errorf("%d sentinels found", len(sentinels))
	}
}

// errorVars returns the exported variables of a file that are named as sentinels are.
func errorVars(file *ast.File) (names []string) {
	for _, d := range file.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != token.VAR {
			continue
		}
		for _, spec := range group.Specs {
			for _, name := range spec.(*ast.ValueSpec).Names {
				if strings.HasPrefix(name.Name, "Err") {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

// read enters the functions and variables of a file.
func (c *testCode) read(file *ast.File, dir string, imports map[string]string) {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			c.enter(d.Name.Name, d, dir, imports)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					for _, name := range v.Names {
						c.enter(name.Name, v, dir, imports)
					}
				}
			}
		}
	}
}

func (c *testCode) enter(name string, node ast.Node, dir string, imports map[string]string) {
	ast.Inspect(node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if of, ok := n.X.(*ast.Ident); ok && imports[of.Name] != "" {
				c.mentions[name] = append(c.mentions[name], imports[of.Name]+"."+n.Sel.Name)
			}
		case *ast.Ident:
			c.mentions[name] = append(c.mentions[name], dir+"."+n.Name) // in the package itself
			c.uses[name] = append(c.uses[name], n.Name)
		}
		return true
	})
}

// reaches reports whether a test names a sentinel, itself or by what it uses.
func (c *testCode) reaches(test, sentinel string) bool {
	if !strings.HasPrefix(test, "Test") && !strings.HasPrefix(test, "Run") || c.uses[test] == nil {
		return false
	}
	seen, open := map[string]bool{test: true}, []string{test}
	for len(open) > 0 {
		name := open[0]
		open = open[1:]
		if slices.Contains(c.mentions[name], sentinel) {
			return true
		}
		for _, next := range c.uses[name] {
			if !seen[next] && c.uses[next] != nil {
				seen[next] = true
				open = append(open, next)
			}
		}
	}
	return false
}
