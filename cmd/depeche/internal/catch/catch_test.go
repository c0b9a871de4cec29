package catch_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/cmd/depeche/internal/catch"
	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/google/go-cmp/cmp"
)

// start starts a server on free ports. stop ends it, and returns when it has ended.
func start(t *testing.T, config catch.Config) (server *catch.Server, stop func()) {
	t.Helper()
	config.MailAddress, config.PageAddress = "127.0.0.1:0", "127.0.0.1:0"
	if config.Limits == (mailtest.Limits{}) {
		config.Limits = mailtest.Limits{Mails: 100, Octets: 1 << 20}
	}
	ctx, cancel := context.WithCancel(t.Context())
	server, err := catch.Start(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	isOver := false
	stop = func() {
		if isOver {
			return
		}
		isOver = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	}
	t.Cleanup(stop)
	return server, stop
}

func mail(t *testing.T, subject string, to ...string) transport.Mail {
	t.Helper()
	m, err := message.New().From("The shop <shop@example.org>").To(to...).Subject(subject).Text("Good to have you here.").Build()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// deliver sends a mail as a URL says, and returns what came of each recipient.
func deliver(t *testing.T, b smtp.Builder, m transport.Mail) string {
	t.Helper()
	sender, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sender.Close() }()
	result, _ := sender.Send(t.Context(), m)
	var fates []string
	for _, r := range result.Recipients {
		fates = append(fates, r.Outcome.String())
	}
	return strings.Join(fates, ", ")
}

// wait asks the API for a mail.
func wait(t *testing.T, server *catch.Server, query string) map[string]any {
	t.Helper()
	response, err := http.Get(server.PageURL() + "api/wait?timeout=30s&q=" + query)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", response.Status, body, err)
	}
	var value map[string]any
	if err := json.Unmarshal(body, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// TestCatch takes a mail in each way that a program may send it.
func TestCatch(t *testing.T) {
	for name, tc := range map[string]struct {
		config     catch.Config
		url        string // ADDRESS is replaced
		connection string
	}{
		"plain":        {url: "smtp://ADDRESS", connection: "EHLO [127.0.0.1], no TLS"},
		"STARTTLS":     {config: catch.Config{Security: catch.StartTLS}, url: "smtp+starttls://hei:x@ADDRESS?tls_roots=ROOTS", connection: "TLS, login hei"},
		"implicit TLS": {config: catch.Config{Security: catch.ImplicitTLS}, url: "smtps://hei:x@ADDRESS?tls_roots=ROOTS", connection: "TLS, login hei"},
		"LMTP":         {config: catch.Config{LMTP: true}, url: "lmtp://ADDRESS", connection: "no TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			server, _ := start(t, tc.config)
			roots := filepath.Join(t.TempDir(), "roots.pem")
			if err := os.WriteFile(roots, server.AuthorityPEM(), 0o600); err != nil {
				t.Fatal(err)
			}
			url := strings.NewReplacer("ADDRESS", server.MailAddress(), "ROOTS", roots).Replace(tc.url)
			if got := deliver(t, smtp.FromURL(url), mail(t, "Welcome", "hei@example.org")); got != "accepted" {
				t.Fatal(got)
			}
			found := wait(t, server, "subject:welcome")
			if found["subject"] != "Welcome" || found["from"] != "shop@example.org" {
				t.Error(found)
			}
			if notes := fmt.Sprint(found["notes"]); !strings.Contains(notes, tc.connection) {
				t.Errorf("%q is not in %s", tc.connection, notes)
			}
		})
	}
}

// TestCatchPostmaster keeps a mail to the one address without a domain (RFC 5321 section 4.1.1.3).
func TestCatchPostmaster(t *testing.T) {
	server, _ := start(t, catch.Config{})
	talk(t, server, "HELO x", "MAIL FROM:<>", "RCPT TO:<postmaster>", "DATA", "Subject: Trouble\r\n\r\n.")
	if found := wait(t, server, "subject:trouble"); fmt.Sprint(found["recipients"]) != "[<Postmaster>]" {
		t.Errorf("caught for %v", found["recipients"])
	}
}

// talk sends lines one after the other, and returns the last line of each reply, that of the greeting first.
func talk(t *testing.T, server *catch.Server, lines ...string) (replies []string) {
	t.Helper()
	conn, err := net.Dial("tcp", server.MailAddress())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for _, line := range append([]string{""}, lines...) {
		if line != "" {
			fmt.Fprintf(conn, "%s\r\n", line)
		}
		last := "----"
		for last[3] != ' ' {
			if last, err = in.ReadString('\n'); err != nil && strings.HasPrefix(line, "BDAT") {
				return append(replies, "gone")
			} else if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		}
		replies = append(replies, last)
	}
	return replies
}

// TestMechanisms lets every user in, whatever the mechanism and the password, without TLS.
func TestMechanisms(t *testing.T) {
	server, _ := start(t, catch.Config{Security: catch.StartTLS})
	code := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	for mechanism, lines := range map[string][]string{
		"PLAIN":         {"AUTH PLAIN " + code("\x00hei\x00x")},
		"LOGIN":         {"AUTH LOGIN", code("hei"), code("x")},
		"LOGIN at once": {"AUTH LOGIN " + code("hei"), code("x")},
		"XOAUTH2":       {"AUTH XOAUTH2 " + code("user=hei\x01auth=Bearer x\x01\x01")},
		"OAUTHBEARER":   {"AUTH OAUTHBEARER " + code("n,a=hei,\x01auth=Bearer x\x01\x01")},
	} {
		server.Inbox().Reset()
		lines := slices.Concat([]string{"EHLO x"}, lines, []string{"MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "DATA", "Subject: x\r\n\r\n.", "QUIT"})
		for _, reply := range talk(t, server, lines...) {
			if reply[0] == '5' {
				t.Errorf("%s: %s", mechanism, reply)
			}
		}
		if notes := fmt.Sprint(wait(t, server, "subject:x")["notes"]); !strings.Contains(notes, "no TLS, login hei") {
			t.Errorf("%s: %s", mechanism, notes)
		}
	}
}

// TestFaults makes things go wrong as they are written.
func TestFaults(t *testing.T) {
	for fault, want := range map[string]string{
		"550 for b@*": "accepted, rejected",
		`"450 4.2.1 mailbox busy" for *@EXAMPLE.ORG`: "deferred, deferred",
		"550 no such user at rcpt":                   "rejected, rejected",
		"451 at data":                                "deferred, deferred",
		"451 at mail from shop@*":                    "deferred, deferred",
		"451 from nobody@*":                          "accepted, accepted",
		"552 5.3.4 too big at end":                   "rejected, rejected",
		"552 at end for B@*":                         "rejected, rejected",
		"552 for *@example.net at end":               "accepted, accepted",
		"552 at data for b@*":                        "rejected, rejected",
		"552 at data for *@example.net":              "accepted, accepted",
		"lose at end":                                "unknown, unknown",
		"close at greeting":                          "not sent, not sent",
		"close at data":                              "not sent, not sent",
		"reset at ehlo":                              "not sent, not sent",
		"delay 1ms at end":                           "accepted, accepted",
	} {
		t.Run(fault, func(t *testing.T) {
			server, _ := start(t, catch.Config{Faults: []string{fault}})
			got := deliver(t, smtp.FromURL("smtp://"+server.MailAddress()), mail(t, "Welcome", "hei@example.org", "b@example.org"))
			if got != want {
				t.Errorf("%s, want %s", got, want)
			}
			isCaught := len(server.Inbox().Mails()) == 1
			if wanted := strings.Contains(want, "accepted") || fault == "lose at end"; isCaught != wanted {
				t.Errorf("caught: %t", isCaught)
			}
		})
	}
}

// TestFaultsOfChunks: a client that sends chunks gets the same answers as one that sends DATA, and goes on in step.
func TestFaultsOfChunks(t *testing.T) {
	for fault, want := range map[string]string{
		"552 at data":           "220 250 250 250 552 250 250 250 552 552 221",
		"552 at data for b@*":   "220 250 250 250 552 250 250 250 552 503 221",
		"552 at end for b@*":    "220 250 250 250 552 250 250 250 250 552 221",
		"552 at data for hei@*": "220 250 250 250 250 250 250 250 250 250 221",
		"delay 1ms at data":     "220 250 250 250 250 250 250 250 250 250 221",
		"close at data":         "220 250 250 250 gone",
	} {
		t.Run(fault, func(t *testing.T) {
			server, _ := start(t, catch.Config{Faults: []string{fault}, Dialect: "postfix"})
			replies := talk(t, server, "EHLO x",
				"MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "BDAT 14 LAST\r\nSubject: x\r\n", "NOOP",
				"MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "BDAT 14\r\nSubject: x\r\n", "BDAT 0 LAST", "QUIT")
			var codes []string
			for _, reply := range replies {
				code, _, _ := strings.Cut(reply, " ")
				codes = append(codes, code)
			}
			if diff := cmp.Diff(want, strings.Join(codes, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestFaultsOfLMTP: an answer at end is for one recipient.
func TestFaultsOfLMTP(t *testing.T) {
	server, _ := start(t, catch.Config{Faults: []string{"552 at end for b@*"}, LMTP: true})
	got := deliver(t, smtp.FromURL("lmtp://"+server.MailAddress()), mail(t, "Welcome", "hei@example.org", "b@example.org"))
	if got != "accepted, rejected" {
		t.Error(got)
	}
}

// TestRefusedShows says on the page of a mail who was refused.
func TestRefusedShows(t *testing.T) {
	server, _ := start(t, catch.Config{Faults: []string{"550 5.1.1 no such user for b@*"}})
	for range 2 { // the second transaction has its own
		deliver(t, smtp.FromURL("smtp://"+server.MailAddress()), mail(t, "Welcome", "hei@example.org", "b@example.org"))
	}
	for _, m := range server.Inbox().Mails() {
		response, err := http.Get(server.PageURL() + "api/mails/" + m.ID())
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if n := strings.Count(string(body), `{"name":"Refused","text":"b@example.org: 550 5.1.1 no such user"}`); n != 1 {
			t.Errorf("%d times: %s", n, body)
		}
	}
}

// TestRefusedBefore forgets who was refused in a transaction that came to nothing.
func TestRefusedBefore(t *testing.T) {
	server, _ := start(t, catch.Config{Faults: []string{"550 for b@*"}})
	talk(t, server, "EHLO x", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "RSET",
		"MAIL FROM:<a@example.org>", "RCPT TO:<hei@example.org>", "DATA", "Subject: x\r\n\r\n.", "QUIT")
	if notes := fmt.Sprint(wait(t, server, "subject:x")["notes"]); strings.Contains(notes, "Refused") {
		t.Error(notes)
	}
}

func TestFaultErrors(t *testing.T) {
	for fault, want := range map[string]string{
		"":                     "says nothing",
		"for b@*":              "does not say what goes wrong",
		"250 for b@*":          "want a code from 400 to 599",
		"explode":              "want a code from 400 to 599",
		"close 5":              "want a code",
		"delay soon at end":    "want a duration such as 2s",
		"550 at lunch":         `there is no stage "lunch"`,
		"550 at rcpt at end":   "at is there twice",
		"550 for [":            "pattern",
		"550 at mail for b@*":  "known at rcpt",
		"delay 2h at greeting": "want a duration",
	} {
		if _, err := catch.Start(t.Context(), catch.Config{MailAddress: "127.0.0.1:0", PageAddress: "127.0.0.1:0", Faults: []string{fault}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", fault, err)
		}
	}
}

// TestDialects can be sent to, each with what it has.
func TestDialects(t *testing.T) {
	for name := range strings.SplitSeq(catch.DialectNames(), ", ") {
		t.Run(name, func(t *testing.T) {
			want := "accepted"
			if name == "greylist" {
				want = "deferred"
			}
			for range 2 { // servers, which know nothing of each other
				server, _ := start(t, catch.Config{Dialect: name})
				sender := smtp.FromURL("smtp://" + server.MailAddress())
				if got := deliver(t, sender, mail(t, "Welcome", "hei@example.org")); got != want {
					t.Error(got)
				}
			}
		})
	}
	_, err := catch.Start(t.Context(), catch.Config{MailAddress: "127.0.0.1:0", PageAddress: "127.0.0.1:0", Dialect: "klingon"})
	if err == nil || !strings.Contains(err.Error(), "there are bare, dovecot") {
		t.Error(err)
	}
}

// TestFolder keeps mails, and forgets those that were deleted or had to go.
func TestFolder(t *testing.T) {
	folder := t.TempDir()
	limits := mailtest.Limits{Mails: 3, Octets: 1 << 20}
	send := func(server *catch.Server, subjects ...string) {
		for _, subject := range subjects {
			if got := deliver(t, smtp.FromURL("smtp://"+server.MailAddress()), mail(t, subject, "hei@example.org")); got != "accepted" {
				t.Fatal(got)
			}
		}
	}
	subjects := func(server *catch.Server) (list []string) {
		for _, m := range server.Inbox().Mails() {
			list = append(list, m.View().Subject())
		}
		return list
	}
	server, stop := start(t, catch.Config{Folder: folder, Limits: limits})
	send(server, "one")
	if files, err := filepath.Glob(folder + "/*.eml"); len(files) != 1 || err != nil { // it was written before the 250
		t.Error(files, err)
	}
	send(server, "two", "three", "four")
	before := server.Inbox().Mails()
	server.Inbox().Delete(before[1].ID())
	stop()
	again, stop := start(t, catch.Config{Folder: folder, Limits: limits})
	if diff := cmp.Diff([]string{"two", "four"}, subjects(again)); diff != "" {
		t.Error(diff)
	}
	if m, ok := again.Inbox().Get(before[0].ID()); !ok || m.Source() != before[0].Source() || m.Envelope().String() != before[0].Envelope().String() {
		t.Error("the mail is another")
	}
	stop()
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 4 { // two mails, two envelopes
		t.Error(files, err)
	}
	_, err = catch.Start(t.Context(), catch.Config{MailAddress: "127.0.0.1:0", PageAddress: "127.0.0.1:0", Folder: folder, Limits: mailtest.Limits{Mails: 1}})
	if err == nil || !strings.Contains(err.Error(), "holds 2 mails, and 1 of them may be kept; nothing was removed") {
		t.Error(err)
	}
	if files, _ := os.ReadDir(folder); len(files) != 4 {
		t.Error("something was removed")
	}
}

// TestWebhook posts each mail, and follows no redirect.
func TestWebhook(t *testing.T) {
	posted := make(chan map[string]any, 1)
	failures := make(chan catch.Event, 10)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer elsewhere.Close()
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var value map[string]any
		if err := json.NewDecoder(r.Body).Decode(&value); err != nil {
			t.Error(err)
		}
		switch value["subject"] {
		case "redirect":
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		case "fail":
			http.Error(w, "no", http.StatusTeapot)
		default:
			posted <- value
		}
	}))
	defer hook.Close()
	server, _ := start(t, catch.Config{Webhook: hook.URL, Log: func(e catch.Event) {
		if e.Error != "" {
			failures <- e
		}
	}})
	for _, subject := range []string{"redirect", "fail", "good"} {
		deliver(t, smtp.FromURL("smtp://"+server.MailAddress()), mail(t, subject, "hei@example.org"))
	}
	if value := <-posted; value["subject"] != "good" || value["text"] != "Good to have you here.\n" {
		t.Error(value)
	}
	for _, want := range []string{"name the address that it redirects to", "418"} {
		select { // mails are posted in their order, so what failed before the last one has been told
		case e := <-failures:
			if e.Event != "webhook failed" || !strings.Contains(e.Error, want) {
				t.Error(e)
			}
		default:
			t.Errorf("that it %s was not told", want)
		}
	}
}

// TestRelease sends a mail on when it is asked to.
func TestRelease(t *testing.T) {
	relay := mailtest.New()
	server, _ := start(t, catch.Config{Release: relay, ReleaseTo: "smtp://relay.example.org"})
	deliver(t, smtp.FromURL("smtp://"+server.MailAddress()), mail(t, "Welcome", "hei@example.org"))
	if len(relay.Mails()) != 0 {
		t.Fatal("it was sent without being asked")
	}
	response, err := http.Post(server.PageURL()+"api/mails/"+server.Inbox().Mails()[0].ID()+"/release", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if got := relay.Mails(); len(got) != 1 || got[0].View().Subject() != "Welcome" {
		t.Error(got)
	}
}

// TestLimits forgets the oldest, and refuses what is too large.
func TestLimits(t *testing.T) {
	server, _ := start(t, catch.Config{Limits: mailtest.Limits{Mails: 2, Octets: 10_000}, MaxSize: 4000})
	for _, subject := range []string{"one", "two", "three"} {
		deliver(t, smtp.FromURL("smtp://"+server.MailAddress()), mail(t, subject, "hei@example.org"))
	}
	if got := server.Inbox().Mails(); len(got) != 2 || got[0].View().Subject() != "two" {
		t.Error(got)
	}
	large, err := message.New().From("a@example.org").To("b@example.org").Text(strings.Repeat("x", 5000)).Build()
	if err != nil {
		t.Fatal(err)
	}
	if got := deliver(t, smtp.FromURL("smtp://"+server.MailAddress()), large); got != "not sent" && got != "rejected" {
		t.Error(got)
	}
}

// TestEndsWhileWaiting ends although a page waits for events.
func TestEndsWhileWaiting(t *testing.T) {
	server, stop := start(t, catch.Config{})
	response, err := http.Get(server.PageURL() + "events")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	stop()
	if _, err := io.Copy(io.Discard, response.Body); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

// TestHosts answers under names that were allowed, and no others.
func TestHosts(t *testing.T) {
	server, _ := start(t, catch.Config{Hosts: []string{"mail.dev.test"}})
	for host, want := range map[string]int{"mail.dev.test": 200, "evil.example.net": 421} {
		request, err := http.NewRequest(http.MethodGet, server.PageURL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: %s", host, response.Status)
		}
	}
}
