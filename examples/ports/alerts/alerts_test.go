package alerts_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/depeche-mail/depeche/examples/ports/alerts"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

var folder = fstest.MapFS{
	"alert.subject": {Data: []byte("[{{if .Firing}}FIRING{{else}}OK{{end}}] {{.Labels.job}}")},
	"alert.html":    {Data: []byte("<p>{{len .Alerts}} alerts of {{.Labels.job}}</p>")},
}

func config(srv *smtptest.Server) alerts.Config {
	return alerts.Config{
		Config: smtp.Config{
			Host: srv.Host(), Port: srv.Port(), Security: smtp.SecurityStartTLS, Hello: "alerts.example.org",
			User: smtptest.User, Password: smtp.NewSecret(smtptest.Password), DangerousSkipVerify: true,
		},
		From: "alerts@example.org", To: []string{"on-call@example.org", "second@example.org"},
		Headers: map[string]string{"X-Team": "storage", "Reply-To": "team@example.org", "Subject": ""},
		Thread:  true,
	}
}

func TestNotify(t *testing.T) {
	srv := smtptest.NewServer(t)
	c := config(srv)
	delete(c.Headers, "Subject")
	n, err := alerts.New(c, folder)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	g := alerts.Group{Key: "disk", Firing: true, Labels: map[string]string{"job": "disk"}, Alerts: make([]map[string]string, 2)}
	for _, g.Firing = range []bool{true, false} {
		if retry, err := n.Notify(t.Context(), g); retry || err != nil {
			t.Fatal(retry, err)
		}
	}
	got := srv.Messages()
	if len(got) != 2 {
		t.Fatalf("%d mails", len(got))
	}
	var threads []string
	for i, state := range []string{"FIRING", "OK"} {
		text := string(got[i].Content)
		for _, want := range []string{"Subject: [" + state + "] disk", "X-Team: storage", "Reply-To: team@example.org", "2 alerts of disk", "To: on-call@example.org, second@example.org"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
		_, after, _ := strings.Cut(text, "References: ")
		thread, _, _ := strings.Cut(after, "\r\n")
		threads = append(threads, thread)
	}
	if threads[0] == "" || threads[0] != threads[1] {
		t.Errorf("threads %q", threads)
	}
}

// TestRetry: a relay that has no room now is asked again, one that refuses is not.
func TestRetry(t *testing.T) {
	for code, want := range map[int]bool{451: true, 550: false} {
		srv := smtptest.NewServer(t)
		refusal := strconv.Itoa(code) + " no"
		srv.Use(smtptest.RefuseRecipients(map[string]string{"on-call@example.org": refusal, "second@example.org": refusal}))
		c := config(srv)
		n, err := alerts.New(c, folder)
		if err != nil {
			t.Fatal(err)
		}
		retry, err := n.Notify(t.Context(), alerts.Group{Key: "x", Labels: map[string]string{"job": "x"}})
		if retry != want || err == nil {
			t.Errorf("%d: %v %v", code, retry, err)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := alerts.New(alerts.Config{}, folder); err == nil {
		t.Error("a notifier without a host")
	}
}

// TestWaitLimit: a group that finds the only connection taken fails in time, and may be notified again.
func TestWaitLimit(t *testing.T) {
	release := make(chan struct{})
	srv := smtptest.NewServer(t)
	srv.Use(smtptest.On(smtptest.Mail, smtptest.Wait(release).Then(smtptest.Default())))
	c := config(srv)
	c.Headers, c.Pool, c.MaxWait = nil, 1, smtp.Duration(2*time.Second) // the dial is part of it
	n, err := alerts.New(c, folder)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	g := alerts.Group{Key: "x", Labels: map[string]string{"job": "x"}}
	first := make(chan error, 1)
	go func() {
		_, err := n.Notify(t.Context(), g)
		first <- err
	}()
	if err := srv.Wait(t.Context(), func() bool { s := srv.Sessions(); return len(first) > 0 || len(s) == 1 && s[0].Count("MAIL") == 1 }); err != nil {
		t.Fatal(err)
	}
	if retry, err := n.Notify(t.Context(), g); !retry || !errors.Is(err, smtp.ErrBusy) {
		t.Error(retry, err)
	}
	close(release)
	if err := <-first; err != nil || len(srv.Messages()) != 1 {
		t.Error(err)
	}
}
