package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/cmd/depeche/internal/cli"
	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// TestSendStatus sends to a server in each mood and looks at the exit status.
func TestSendStatus(t *testing.T) {
	eml := write(t, "finished.eml", "Subject: as it is\r\n\r\n.dot\r\n")
	bare := write(t, "bare.eml", "Subject: x\n\nbare newlines\n")
	none := filepath.Join(t.TempDir(), "none")
	usual := "--from a@example.org --to b@example.org "
	refuse := func(replies map[string]string) smtptest.Hook { return smtptest.RefuseRecipients(replies) }
	cases := map[string]struct {
		arguments string
		hook      smtptest.Hook
		want      int
		says      string
	}{
		"accepted":             {usual, nil, 0, "b@example.org\taccepted"},
		"a finished message":   {usual + "--raw " + eml, nil, 0, "accepted"},
		"refused for good":     {usual, smtptest.On(smtptest.Rcpt, smtptest.Reply("550 5.1.1 no")), 69, "rejected"},
		"refused for now":      {usual, smtptest.On(smtptest.Rcpt, smtptest.Reply("450 4.2.1 later")), 75, "deferred"},
		"not sent":             {usual, smtptest.On(smtptest.Mail, smtptest.Close()), 75, "not sent"},
		"verdict lost":         {usual, smtptest.On(smtptest.End, smtptest.Accept().Then(smtptest.Close())), 99, "unknown"},
		"one refused, one not": {usual + "--to c@example.org", refuse(map[string]string{"c@example.org": "550 5.1.1 no"}), 69, "accepted"},
		"one later, one not":   {usual + "--to c@example.org", refuse(map[string]string{"c@example.org": "450 4.1.1 no"}), 75, "accepted"},
		"refused before later": {
			usual + "--to c@example.org", refuse(map[string]string{"b@example.org": "450 4.1.1 no", "c@example.org": "550 5.1.1 no"}), 69, "deferred",
		},
		"no author":           {"--to b@example.org", nil, 65, "there is no author: --from"},
		"no recipient":        {"--from a@example.org", nil, 65, "there is no recipient"},
		"no such attachment":  {usual + "--attach " + none, nil, 65, "Attach"},
		"no such file":        {usual + "--raw " + none, nil, 65, "none"},
		"bare newlines":       {usual + "--raw " + bare, nil, 0, "accepted"},
		"half a header":       {usual + "--header X-A", nil, 65, "--header"},
		"half an inline part": {usual + "--inline x --html x", nil, 65, "--inline"},
		"password in --url":   {usual + "--url smtps://u:topsecret@host", nil, 64, "MAIL_PASSWORD_FILE"},
		"unusable --url":      {usual + "--url gopher://host", nil, 64, "scheme"},
		"no password":         {usual + "--url smtps://u@host", nil, 64, "the password is missing"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var hooks []smtptest.Hook
			if tc.hook != nil {
				hooks = append(hooks, tc.hook)
			}
			srv := open(t, hooks...)
			got := run(t, append([]string{"send"}, strings.Fields(tc.arguments)...), "from stdin\n", "MAIL_URL=smtp://"+srv.Addr())
			if got.status != tc.want || !strings.Contains(got.out+got.errors, tc.says) {
				t.Errorf("status %d, want %d, saying %q: %+v", got.status, tc.want, tc.says, got)
			}
			if strings.Contains(got.out+got.errors, "topsecret") {
				t.Error("the output shows the password")
			}
		})
	}
}

// TestSendEverything sends one message with every flag.
func TestSendEverything(t *testing.T) {
	srv := open(t)
	png := write(t, "logo.png", "\x89PNG\r\n\x1a\n")
	got := run(t, []string{
		"send", "--url", "smtp://" + srv.Addr(), "--from", "A <a@example.org>", "--to", "b@example.org", "--to", "c@example.org", "--cc", "d@example.org",
		"--bcc", "hidden@example.org", "--reply-to", "r@example.org", "--subject", "x {{.y}}", "--text-file", write(t, "t.txt", "t"), "--html", `<img src="cid:logo">`,
		"--inline", "logo=" + png, "--attach", png, "--header", "X-Campaign: spring", "--json",
	}, "")
	var line struct {
		Status int
		Result struct{ Recipients []struct{ Outcome string } }
	}
	if err := json.Unmarshal([]byte(got.out), &line); got.status != 0 || err != nil || len(line.Result.Recipients) != 4 || line.Result.Recipients[3].Outcome != "accepted" {
		t.Fatal(got, err)
	}
	content := srv.Messages()[0].Content
	view := mailtest.Parse(content)
	if view.Subject() != "x {{.y}}" || view.Text != "t\n" && view.Text != "t" || len(view.Inline) != 1 || len(view.Attachments) != 1 || view.Get("Reply-To") != "<r@example.org>" && view.Get("Reply-To") != "r@example.org" {
		t.Errorf("%+v", view)
	}
	if bytes.Contains(content, []byte("hidden@example.org")) {
		t.Error("the Bcc recipient is visible")
	}
}

// TestSendTemplate fills templates with data, and names what is missing.
func TestSendTemplate(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{
		"welcome.subject": "Welcome, {{.name}}\n", "welcome.txt": "Hi {{.name}}, {{.count}} new.\n", "welcome.html": "<p>Hi {{.name}}</p>",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	template := filepath.Join(folder, "welcome")
	srv := open(t)
	url := "MAIL_URL=smtp://" + srv.Addr()
	usual := []string{"send", "--from", "a@example.org", "--to", "b@example.org", "--template", template, "--data", "-"}
	if got := run(t, usual, `{"name": "<Hei>", "count": 12345678901234567890}`, url); got.status != 0 {
		t.Fatal(got)
	}
	view := mailtest.Parse(srv.Messages()[0].Content)
	if view.Subject() != "Welcome, <Hei>" || view.Text != "Hi <Hei>, 12345678901234567890 new.\n" || !strings.Contains(view.HTML, "Hi &lt;Hei&gt;") {
		t.Errorf("%+v", view)
	}
	for stdin, want := range map[string]string{`{"count": 1}`: `"name"`, `{`: "--data -: unexpected EOF", `{} {}`: "more than one JSON value"} {
		if got := run(t, usual, stdin, url); got.status != 65 || !strings.Contains(got.errors, want) {
			t.Errorf("%s: %+v", stdin, got)
		}
	}
	if got := run(t, append(usual, "--subject", "Another {{.name}}"), `{"name": "Hei", "count": 1}`, url); got.status != 0 {
		t.Error(got)
	}
	if subject := mailtest.Parse(srv.Messages()[1].Content).Subject(); subject != "Another Hei" {
		t.Error(subject)
	}
}

// TestSendList makes a mail of each row, of both kinds of list.
func TestSendList(t *testing.T) {
	for name, list := range map[string]string{
		"list.csv":   "\ufeffto,name,key\nb@example.org,\"Hei, B\",1\nc@example.org,Cei,2\n",
		"list.jsonl": `{"to": "b@example.org", "name": "Hei, B", "key": 1}` + "\n\n" + `{"to": "c@example.org", "name": "Cei", "key": 2}` + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			srv := open(t)
			got := run(t, []string{
				"send", "--from", "a@example.org", "--list", write(t, name, list), "--subject", "Hi {{.name}}", "--text", "x", "--json", "--connections", "1", "--window", "4",
			}, "", "MAIL_URL=smtp://"+srv.Addr())
			if got.status != 0 || !strings.Contains(got.errors, "2 of 2 mails, 2 accepted") || strings.Contains(got.errors, "\x1b") {
				t.Fatal(got)
			}
			var lines []string
			for line := range strings.Lines(got.out) {
				var value struct {
					Row, Status int
					Key         string
				}
				if err := json.Unmarshal([]byte(line), &value); err != nil {
					t.Fatal(err)
				}
				lines = append(lines, value.Key)
			}
			var sent []string
			for _, m := range srv.Messages() {
				sent = append(sent, m.Addresses()[0]+" "+mailtest.Parse(m.Content).Subject())
			}
			if diff := cmp.Diff([][]string{{"1", "2"}, {"b@example.org Hi Hei, B", "c@example.org Hi Cei"}}, [][]string{lines, sent}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestSendNamesWhatIsMissing: the flag that is missing, and the whole path of a file that is.
func TestSendNamesWhatIsMissing(t *testing.T) {
	for arguments, want := range map[string]string{
		"--to b@example.org --text x":   "there is no author: --from",
		"--from a@example.org --text x": "there is no recipient: --to",
		"--from a@example.org --to b@example.org --text x --attach /there/is/none.pdf":   "/there/is/none.pdf",
		"--from a@example.org --to b@example.org --html x --inline a=/there/is/none.gif": "/there/is/none.gif",
	} {
		if got := run(t, append([]string{"send"}, strings.Fields(arguments)...), "", "MAIL_URL=stub:"); got.status != 65 || !strings.Contains(got.errors, want) {
			t.Errorf("%s: %+v", arguments, got)
		}
	}
}

// TestSendListFaults finds mistakes before the first mail is sent.
func TestSendListFaults(t *testing.T) {
	srv := open(t)
	usual := []string{"send", "--from", "a@example.org", "--subject", "Hi {{.name}}", "--text", "x", "--list"}
	for list, want := range map[string]string{
		"to,name\nb@example.org,x\n,y\n":              `row 2: the field "to" is empty`,
		"to;name\nb@example.org;x\n":                  `row 1: there is no field "to"; there are ["to;name"]`,
		"to,name\nb@example.org,x\nb@example.org,y\n": `rows 1 and 2 have the key "b@example.org"`,
		"to,name\nb@example.org\n":                    "wrong number of fields",
		"":                                            "there is no row",
		"to,name\n":                                   "there is no row",
	} {
		if got := run(t, append(usual, write(t, "list.csv", list)), "", "MAIL_URL=smtp://"+srv.Addr()); got.status != 65 || !strings.Contains(got.errors, want) {
			t.Errorf("%q: %+v", list, got)
		}
	}
	for list, want := range map[string]string{"{\n": "row 1", "[1]\n": "want a JSON object in each line"} {
		if got := run(t, append(usual, write(t, "list.jsonl", list)), "", "MAIL_URL=smtp://"+srv.Addr()); got.status != 65 || !strings.Contains(got.errors, want) {
			t.Errorf("%q: %+v", list, got)
		}
	}
	if n := len(srv.Attempts()); n != 0 {
		t.Errorf("%d sent", n)
	}
}

// TestSendListIsComposedFirst: a row that cannot become a mail stops the run before the first is sent, and all such rows
// are named at once.
func TestSendListIsComposedFirst(t *testing.T) {
	many := `{"to":"first@example.org","name":"x"}` + "\n" + strings.Repeat(`{"to":"not an address","key":"K","name":"x"}`+"\n", 12)
	for line := range 12 {
		many = strings.Replace(many, `"K"`, strconv.Itoa(line), 1)
	}
	for name, c := range map[string]struct {
		list  string
		wants []string
		not   string
	}{
		"a template":            {`{"to":"b@example.org","name":"x"}` + "\n" + `{"to":"c@example.org"}`, []string{"row 2", `"name"`}, "row 1"},
		"two addresses":         {`{"to":"b","name":"x"}` + "\n" + `{"to":"a@example.org","name":"x"}` + "\n" + `{"to":"c","name":"x"}`, []string{"row 1: ", "row 3: "}, "row 2"},
		"more than are told":    {many, []string{"row 2: ", "row 11: ", "the rows after that were not looked at"}, "row 12"},
		"a fault, then no JSON": {`{"to":"b","name":"x"}` + "\n{", []string{"row 1: ", "row 2: "}, "row 3"},
	} {
		srv := open(t)
		book := filepath.Join(t.TempDir(), "ledger")
		got := run(t, []string{
			"send", "--from", "a@example.org", "--subject", "Hi {{.name}}", "--text", "x", "--ledger", book, "--list", write(t, "list.jsonl", c.list),
		}, "", "MAIL_URL=smtp://"+srv.Addr())
		for _, want := range c.wants {
			if !strings.Contains(got.errors, want) {
				t.Errorf("%s: no %q in %s", name, want, got.errors)
			}
		}
		if _, err := os.Stat(book); got.status != 65 || strings.Contains(got.errors, c.not) || len(srv.Attempts()) != 0 || err == nil {
			t.Errorf("%s: %+v, %d attempts, ledger %v", name, got, len(srv.Attempts()), err)
		}
	}
}

// TestSendListChanges: a list that is shorter when it is sent than it was when it was checked is an error.
func TestSendListChanges(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.CertificateNames = []string{"127.0.0.1"}
	srv.StartImplicitTLS()
	roots := write(t, "roots.pem", string(srv.AuthorityPEM()))
	list := write(t, "list.csv", "to\nb@example.org\nc@example.org\n")
	w, _, said := world("", "MAIL_URL=smtps://user%40example.org@"+srv.Addr()+"?tls_roots="+roots)
	w.Prompt = func(string) (string, error) { // after the check
		return smtptest.Password, os.WriteFile(list, []byte("to\nb@example.org\n"), 0o600)
	}
	status := cli.Run(t.Context(), []string{"send", "--from", "a@example.org", "--list", list, "--text", "x", "--subject", "x"}, w)
	if status != 65 || len(srv.Messages()) != 1 || !strings.Contains(said.String(), "1 of 2 rows were sent") {
		t.Error(status, said)
	}
}

// TestSendListChangesInDoubt: that the list changed does not hide that what was sent of it may have been delivered.
func TestSendListChangesInDoubt(t *testing.T) {
	list := write(t, "list.csv", "to\nb@example.org\nc@example.org\n")
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.CertificateNames = []string{"127.0.0.1"}
	srv.Config.Hooks = []smtptest.Hook{smtptest.On(smtptest.End, smtptest.Accept().Then(smtptest.Close()))}
	srv.StartImplicitTLS()
	roots := write(t, "roots.pem", string(srv.AuthorityPEM()))
	w, _, said := world("", "MAIL_URL=smtps://user%40example.org@"+srv.Addr()+"?tls_roots="+roots)
	w.Prompt = func(string) (string, error) { // after the check
		return smtptest.Password, os.WriteFile(list, []byte("to\nb@example.org\n"), 0o600)
	}
	status := cli.Run(t.Context(), []string{"send", "--from", "a@example.org", "--list", list, "--text", "x", "--subject", "x"}, w)
	if status != 99 || !strings.Contains(said.String(), "1 of 2 rows were sent") {
		t.Error(status, said)
	}
}

// TestSendListInterrupted: what an interrupt leaves is worth another attempt, and one after the last row leaves nothing.
func TestSendListInterrupted(t *testing.T) {
	const many = 2000 // more than are made ahead
	for name, tc := range map[string]struct {
		rows   int
		before bool
		want   int
		says   string
	}{
		"before the first": {2, true, 75, "interrupted before the first mail"},
		"in the middle":    {many, false, 75, " of 2000 rows\n"},
		"at the last row":  {1, false, 0, "1 of 1 mails, 1 accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			srv := open(t, func(e smtptest.Event) smtptest.Action {
				if e.At == smtptest.End {
					interrupt()
				}
				return smtptest.Action{}
			})
			if tc.before {
				interrupt()
			}
			var list strings.Builder
			list.WriteString("to,key\n")
			for i := range tc.rows {
				fmt.Fprintf(&list, "b@example.org,%d\n", i)
			}
			w, _, said := world("", "MAIL_URL=smtp://"+srv.Addr())
			status := cli.Run(ctx, []string{
				"send", "--from", "a@example.org", "--list", write(t, "list.csv", list.String()), "--text", "x", "--subject", "x", "--connections", "1", "--window", "1",
			}, w)
			if status != tc.want || !strings.Contains(said.String(), tc.says) {
				t.Errorf("%d %s", status, said)
			}
		})
	}
}

// TestSendListStatus is the first that applies of 99, 69, 75, 0.
func TestSendListStatus(t *testing.T) {
	list := write(t, "list.csv", "to\nb@example.org\nc@example.org\nd@example.org\n")
	lose := func(e smtptest.Event) smtptest.Action {
		if e.At == smtptest.End && e.From == "a@example.org" && e.Transaction == 1 && e.Session == 1 {
			return smtptest.Accept().Then(smtptest.Close())
		}
		return smtptest.Action{}
	}
	later := smtptest.RefuseRecipients(map[string]string{"c@example.org": "450 4.2.1 later"})
	refused := smtptest.RefuseRecipients(map[string]string{"d@example.org": "550 5.1.1 no"})
	for name, tc := range map[string]struct {
		hooks []smtptest.Hook
		want  int
		says  string
	}{
		"all":     {nil, 0, "3 accepted"},
		"later":   {[]smtptest.Hook{later}, 75, "2 accepted, 1 deferred"},
		"refused": {[]smtptest.Hook{later, refused}, 69, "1 accepted, 1 rejected, 1 deferred"},
		"unknown": {[]smtptest.Hook{later, refused, lose}, 99, "1 unknown"},
	} {
		srv := open(t, tc.hooks...)
		got := run(t, []string{"send", "--from", "a@example.org", "--list", list, "--text", "x", "--subject", "x", "--connections", "1"}, "", "MAIL_URL=smtp://"+srv.Addr())
		if got.status != tc.want || !strings.Contains(got.errors, tc.says) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestDryRun writes what would be sent, of one mail and of a list, and connects nowhere.
func TestDryRun(t *testing.T) {
	for name, c := range map[string]struct {
		arguments []string
		files     int
	}{
		"one mail": {[]string{"--to", "b@example.org"}, 1},
		"a list":   {[]string{"--list", write(t, "list.csv", "to\nb@example.org\nc@example.org\n"), "--subject", "x"}, 2},
	} {
		folder := t.TempDir()
		got := run(t, append([]string{"send", "--from", "a@example.org", "--text", "x", "--dry-run", folder}, c.arguments...), "")
		files, err := filepath.Glob(folder + "/*.eml")
		if got.status != 0 || err != nil || len(files) != c.files {
			t.Error(name, got, files, err)
		}
	}
}

// TestPrompt asks a person for the password, and takes it away afterwards.
func TestPrompt(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.CertificateNames = []string{"127.0.0.1"}
	srv.StartImplicitTLS()
	roots := write(t, "roots.pem", string(srv.AuthorityPEM()))
	t.Setenv("TMPDIR", t.TempDir())
	for name, tc := range map[string]struct {
		answer string
		err    error
		want   int
	}{"right": {smtptest.Password, nil, 0}, "wrong": {"topsecret", nil, 69}, "none": {"", errors.New("no terminal"), 64}} {
		w, out, said := world("x", "MAIL_URL=smtps://user%40example.org@"+srv.Addr()+"?tls_roots="+roots)
		w.Prompt = func(question string) (string, error) {
			if !strings.Contains(question, "user%40example.org@127.0.0.1") {
				t.Error(question)
			}
			return tc.answer, tc.err
		}
		status := cli.Run(t.Context(), []string{"send", "--from", "a@example.org", "--to", "b@example.org"}, w)
		if status != tc.want && !(name == "wrong" && status == 75) || strings.Contains(out.String()+said.String(), "topsecret") {
			t.Errorf("%s: %d %s %s", name, status, out, said)
		}
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) != 0 {
		t.Error("a file with the password is left", left, err)
	}
}

// TestProgress shows colours and a line on a terminal alone, and no colours with NO_COLOR.
func TestProgress(t *testing.T) {
	list := write(t, "list.csv", "to\nb@example.org\nc@example.org\n")
	for name, tc := range map[string]struct {
		terminal         bool
		variables        []string
		line, hasColours bool
	}{"terminal": {true, nil, true, true}, "NO_COLOR": {true, []string{"NO_COLOR=1"}, true, false}, "file": {false, nil, false, false}} {
		srv := open(t)
		w, _, said := world("", append(tc.variables, "MAIL_URL=smtp://"+srv.Addr())...)
		w.IsTerminal = tc.terminal
		if status := cli.Run(t.Context(), []string{"send", "--from", "a@example.org", "--list", list, "--text", "x", "--subject", "x"}, w); status != 0 {
			t.Fatal(said)
		}
		text := said.String()
		if strings.Contains(text, "\r\x1b[K") != tc.line || strings.Contains(text, "\x1b[32m") != tc.hasColours || !strings.Contains(text, "2 of 2 mails") {
			t.Errorf("%s: %q", name, text)
		}
	}
}

// TestSendFinishedWithoutBlindRecipients: a draft goes out without the recipients that its header hides.
func TestSendFinishedWithoutBlindRecipients(t *testing.T) {
	srv := open(t)
	draft := write(t, "draft.eml", "From: a@example.org\nBcc: hidden@example.org\nTo: what is this\nSubject: x\n\nbody\n")
	got := run(t, []string{"send", "--from", "a@example.org", "--to", "b@example.org", "--raw", draft}, "", "MAIL_URL=smtp://"+srv.Addr())
	if got.status != 0 {
		t.Fatalf("%+v", got)
	}
	m := srv.Messages()[0]
	if string(m.Content) != "From: a@example.org\r\nTo: what is this\r\nSubject: x\r\n\r\nbody\r\n" || len(m.Addresses()) != 1 {
		t.Errorf("%v\n%s", m.Addresses(), m.Content)
	}
}
