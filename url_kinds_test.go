package depeche_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche"
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

func testMail(t *testing.T) transport.Mail {
	t.Helper()
	mail, err := message.New().From("a@example.org").To("b@example.org").Subject("Hello there").Text("Be happy!\n").Build()
	if err != nil {
		t.Fatal(err)
	}
	return mail
}

// sendOver opens a URL and sends a mail.
func sendOver(t *testing.T, url string) (*transport.Result, error) {
	t.Helper()
	sender, err := depeche.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	return sender.Send(t.Context(), testMail(t))
}

// TestNowhere: discard and log accept, and the log has a record, with addresses only where they were asked for.
func TestNowhere(t *testing.T) {
	var records bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&records, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	for url, want := range map[string]struct{ record, address, subject bool }{
		"discard:":                          {},
		"log:":                              {record: true},
		"log:?addresses=true":               {record: true, address: true},
		"log:?addresses=false&subject=true": {record: true, subject: true},
	} {
		records.Reset()
		result, err := sendOver(t, url)
		if err != nil || !result.AllAccepted() {
			t.Errorf("%s: %v, %v", url, result, err)
		}
		text := records.String()
		got := struct{ record, address, subject bool }{strings.Contains(text, "mail accepted"), strings.Contains(text, "b@example.org"), strings.Contains(text, "Hello there")}
		if got != want {
			t.Errorf("%s: %+v, want %+v:\n%s", url, got, want, text)
		}
	}
}

// TestSendmailArguments: the command gets the arguments of the URL, before those of the transport.
func TestSendmailArguments(t *testing.T) {
	folder := t.TempDir()
	command, seen := filepath.Join(folder, "command"), filepath.Join(folder, "seen")
	script := "#!/bin/sh\nfor a in \"$@\"; do echo \"<$a>\"; done >" + seen + "\ncat >/dev/null\n"
	if err := os.WriteFile(command, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := sendOver(t, "sendmail:"+command+"?args=--account%3Dwork+%22a+%5C%22b%5C%22%22++-v&env=MAIL_X")
	text, wrong := os.ReadFile(seen)
	if err != nil || wrong != nil {
		t.Fatal(err, wrong)
	}
	if want := "<--account=work>\n<a \"b\">\n<-v>\n<-i>\n<-f>\n<a@example.org>\n<-->\n<b@example.org>\n"; string(text) != want {
		t.Errorf("the command got\n%s", text)
	}
	for _, url := range []string{
		"sendmail:?args=%22a", "sendmail:?args=a%22b", "sendmail:?args=%22a%22b", "sendmail:?arg=x", "sendmail:?args=a&args=b", "sendmail:?args=x#y",
		"sendmail:" + command + "?kind=qmail", "sendmail:" + command + "?env=",
	} {
		sender, err := depeche.Open(url)
		if field, ok := errors.AsType[*envelope.FieldError](err); !ok || sender != nil || field.Field != "URL" {
			t.Errorf("%s: %v, %v", url, sender, err)
		}
	}
}

// TestGroupCommas: a comma may stand between two URLs.
func TestGroupCommas(t *testing.T) {
	for text, want := range map[string]string{
		"failover(stub:, discard:)":                   "failover(stub: discard:)",
		"failover(stub:,  discard:, log:)":            "failover(stub: discard: log:)",
		"failover(failover(stub:, stub:), discard:)":  "failover(failover(stub: stub:) discard:)",
		"failover(smtps://a?auth=PLAIN,LOGIN, stub:)": "failover(smtps://a?auth=PLAIN%2CLOGIN stub:)",
		"failover(stub:,)":                            "", "failover(stub:, )": "", "failover(, stub:)": "", "failover(stub:,, stub:)": "", "failover(stub:,stub:)": "", "failover(stub: , stub:)": "",
	} {
		u, err := depeche.ParseURL(text)
		if (err != nil) != (want == "") || err == nil && u.String() != want {
			t.Errorf("%s: %v, %v, want %s", text, u, err, want)
		}
	}
	_, err := depeche.ParseURL("failover(smtps://a:hunter2@a.example,smtps://b.example)")
	if err == nil || !strings.Contains(err.Error(), "a space after it") || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}

// TestNearestKey: the error of an unknown key names the one that was probably meant, of every kind.
func TestNearestKey(t *testing.T) {
	for url, want := range map[string]string{
		"smtps://host?tiemout=3s":          "did you mean timeout?",
		"sendmail:?arg=x":                  "did you mean args?",
		"log:?adresses=true":               "did you mean addresses?",
		"roundrobin(stub: stub:)?weight=1": "did you mean weights?",
		"smtps://host?colour=blue":         "unknown key",
	} {
		if _, err := depeche.ParseURL(url); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", url, err, want)
		}
	}
}

// TestRateURL: the rate of a URL holds for what goes over it, and a wrong one is found before anything is opened.
func TestRateURL(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Security = smtptest.Plaintext
	srv.Config.Mechanisms = map[string]smtptest.Mechanism{}
	srv.Start()
	sender, err := depeche.Open(srv.URL() + "?rate=1/1h")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	if _, err := sender.Send(t.Context(), testMail(t)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	result, err := sender.Send(ctx, testMail(t)) // its turn comes after the end of ctx, which is known at once
	if err == nil || result.Count(transport.NotSent) != 1 || ctx.Err() != nil {
		t.Errorf("%v, %v, %v", result, err, ctx.Err())
	}
	if diff := cmp.Diff(1, len(srv.Messages())); diff != "" {
		t.Error(diff)
	}
	for _, rate := range []string{"", "10", "fast", "0/1s", "-1/1s", "10/0s", "10/1", "1e9/1s"} {
		if _, err := depeche.ParseURL("smtps://host?rate=" + rate); err == nil || !strings.Contains(err.Error(), "100/1m") {
			t.Errorf("%q: %v", rate, err)
		}
	}
}
