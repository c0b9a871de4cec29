package cli_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/ledger/bolt"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// TestLedger sends a list, again after faults, and a third time when all is known: each recipient gets one mail.
func TestLedger(t *testing.T) {
	list := write(t, "list.csv", "to,name\nb@example.org,B\nc@example.org,C\nd@example.org,D\n")
	file := filepath.Join(t.TempDir(), "ledger")
	lost := smtptest.Hook(func(e smtptest.Event) smtptest.Action {
		if e.At == smtptest.End && e.Transaction == 1 && e.Session == 1 { // that of b, which comes first
			return smtptest.Accept().Then(smtptest.Close())
		}
		return smtptest.Action{}
	})
	later := smtptest.RefuseRecipients(map[string]string{"c@example.org": "450 4.2.1 later"})
	srv := open(t, lost, later)
	send := func(more ...string) ran {
		t.Helper()
		return run(t, append([]string{
			"send", "--from", "a@example.org", "--list", list, "--subject", "Hi {{.name}}", "--text", "x", "--ledger", file, "--ledger-addresses", "--connections", "1",
		}, more...), "", "MAIL_URL=smtp://"+srv.Addr())
	}
	if got := send(); got.status != 99 || !strings.Contains(got.errors, "3 of 3 mails, 1 accepted, ") || !strings.Contains(got.errors, "1 unknown") {
		t.Fatalf("%+v", got)
	}
	srv.Use()
	if got := send(); got.status != 99 || !strings.Contains(got.errors, "3 of 3 mails, 2 accepted, 1 unknown; 2 of them before") {
		t.Fatalf("%+v", got)
	}
	listed := run(t, []string{"ledger", "ls", "--unknown", file}, "")
	if fields := strings.Split(strings.TrimSpace(listed.out), "\t"); listed.status != 0 || len(fields) != 4 || fields[0] != "b@example.org" || fields[1] != "b@example.org" || fields[2] != "unknown" {
		t.Fatalf("%+v", listed)
	}
	if all := run(t, []string{"ledger", "ls", "--json", file}, ""); strings.Count(all.out, `"outcome":"accepted"`) != 2 {
		t.Errorf("%+v", all)
	}
	resolve := func(arguments ...string) ran {
		return run(t, append([]string{"ledger", "resolve", file}, arguments...), "")
	}
	for name, tc := range map[string]struct {
		arguments []string
		want      int
	}{
		"no such entry":     {[]string{"x", "b@example.org", "accepted"}, 65},
		"nothing in doubt":  {[]string{"c@example.org", "c@example.org", "rejected"}, 65},
		"no such outcome":   {[]string{"b@example.org", "b@example.org", "perhaps"}, 64},
		"not an address":    {[]string{"b@example.org", "b", "accepted"}, 64},
		"not sent, we know": {[]string{"b@example.org", "b@example.org", "not-sent"}, 0},
	} {
		if got := resolve(tc.arguments...); got.status != tc.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := send(); got.status != 0 || !strings.Contains(got.errors, "3 of 3 mails, 3 accepted; 2 of them before") {
		t.Errorf("%+v", got)
	}
	count := map[string]int{}
	for _, m := range srv.Messages() {
		count[m.Addresses()[0]]++
	}
	if count["b@example.org"] != 2 || count["c@example.org"] != 1 || count["d@example.org"] != 1 { // what the log of the relay said of b was wrong
		t.Error(count)
	}
}

// TestLedgerFaults names what is wrong.
func TestLedgerFaults(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	if got := run(t, []string{"ledger", "ls", none}, ""); got.status != 65 || !strings.Contains(got.errors, "none") {
		t.Errorf("%+v", got)
	}
	if got := run(t, []string{"send", "--ledger", none, "--from", "a@example.org", "--to", "b@example.org"}, "", "MAIL_URL=stub:"); got.status != 64 || !strings.Contains(got.errors, "--ledger is for --list") {
		t.Errorf("%+v", got)
	}
	list := write(t, "list.csv", "to\nb@example.org\n")
	if got := run(t, []string{"send", "--ledger", filepath.Dir(none), "--list", list, "--from", "a@example.org", "--text", "x"}, "", "MAIL_URL=stub:"); got.status != 65 || !strings.Contains(got.errors, "--ledger") {
		t.Errorf("%+v", got)
	}
	if got := run(t, []string{"ledger", "ls", list}, ""); got.status != 65 || !strings.Contains(got.errors, "invalid database") {
		t.Errorf("%+v", got)
	}
	path := filepath.Join(t.TempDir(), "busy.ledger")
	book, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	if got := run(t, []string{"ledger", "ls", path}, ""); got.status != 75 || !strings.Contains(got.errors, "open elsewhere") {
		t.Errorf("%+v", got)
	}
}
