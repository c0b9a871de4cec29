package depeche_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche"
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// TestGroupRoundTrip: what is printed reads as the same group, however deep the passwords are.
func TestGroupRoundTrip(t *testing.T) {
	for text, want := range map[string]struct{ revealed, shown string }{
		"failover(smtps://a smtps://b)":                                             {},
		"failover( smtps://a   smtps://b )?":                                        {revealed: "failover(smtps://a smtps://b)"},
		"failover(smtps://a smtps://b)?retry_period=15s&moves=deferred":             {revealed: "failover(smtps://a smtps://b)?moves=deferred&retry_period=15s"},
		"roundrobin(smtps://a?pool=2 file:out%20box)?weights=3,1&pick=least_loaded": {revealed: "roundrobin(smtps://a?pool=2 file:out%20box)?pick=least_loaded&weights=3%2C1"},
		"failover(roundrobin(smtps://a smtps://b)?pick=turn stub:)":                 {},
		"failover(smtps://u:p%20%28w%29@a smtps://u:p%40@b)":                        {shown: "failover(smtps://u:***@a smtps://u:***@b)"},
		"failover(file:a%2C stub:)":                                                 {},
		"failover(file:a%2C)":                                                       {},
		"FailOver(STUB: File:x)":                                                    {revealed: "failover(stub: file:x)"},
		"failover(file:a%28b)":                                                      {},
	} {
		u := roundTrip(t, text, want.revealed, want.shown)
		if strings.Contains(fmt.Sprintf("%+v %#v %s", u, u, &u), "p%20") {
			t.Errorf("%+v shows a password", u)
		}
	}
}

func TestGroupRefuses(t *testing.T) {
	for text, value := range map[string]string{
		"failover()":                                                      "failover",
		"failover":                                                        "",
		"failover(smtps://a":                                              "failover",
		"failover(smtps://a))":                                            "failover",
		"failover(smtps://a)x":                                            "failover",
		"failover(smtps://a)?retry=15s":                                   "retry",
		"failover(smtps://a)?weights=1":                                   "weights",
		"failover(smtps://a)?moves=all":                                   "moves",
		"failover(smtps://a)?retry_period=15":                             "retry_period",
		"failover(smtps://a)?retry_period=-15s":                           "retry_period",
		"failover(stub: stub:)?moves=faults&moves=faults":                 "moves",
		"roundrobin(stub: stub:)?weights=a":                               "weights",
		"roundrobin(stub: stub:)?weights=1,2,3":                           "3", // the number of weights
		"roundrobin(stub: stub:)?weights=0,1":                             "0",
		"roundrobin(stub:)?pick=best":                                     "pick",
		"random(smtps://a smtps://b)":                                     "",
		"failover(gopher://a)":                                            "gopher",
		"failover(smtps://a?colour=blue stub:)":                           "colour",
		"failover(smtps://u@a stub:)":                                     "u",
		"failover(smtps://u:hunter2 x@a)":                                 "",
		"failover(smtps://u:y hunter2:x@a)":                               "",
		"failover(smtps://u:y)hunter2@a)":                                 "failover",
		"failover(smtps://u:y)?hunter2=@a)":                               "failover",
		strings.Repeat("failover(", 5) + "stub:" + strings.Repeat(")", 5): "failover",
		"failover(" + strings.Repeat("stub: ", 101) + ")":                 "failover",
		strings.Repeat("failover(", 10_000):                               "failover",
	} {
		got, err := depeche.Open(text)
		field, ok := errors.AsType[*envelope.FieldError](err)
		if !ok || got != nil || field.Value != value {
			t.Errorf("%.60q: %v, %v, want a fault of %q", text, got, err, value)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

// TestFailoverURL sends over the second relay, for nothing listens where the first one was.
func TestFailoverURL(t *testing.T) {
	mail, err := message.New().From("a@example.org").To("b@example.org").Subject("x").Text("Be happy!\n").Build()
	if err != nil {
		t.Fatal(err)
	}
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Security = smtptest.Plaintext
	srv.Config.Mechanisms = map[string]smtptest.Mechanism{}
	srv.Start()
	gone := smtptest.NewUnstartedServer(t)
	gone.Start()
	gone.Close()
	result, err := depeche.Send(t.Context(), "failover(smtp://"+gone.Addr()+" "+srv.URL()+")?retry_period=15s", mail)
	if err != nil || len(srv.Messages()) != 1 {
		t.Fatalf("%v, %v", result, err)
	}
	shared, err := depeche.Open("roundrobin(" + srv.URL() + " stub:)?weights=1,2")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := shared.Send(t.Context(), mail); err != nil {
			t.Error(err)
		}
	}
	if n := len(srv.Messages()); n != 2 { // one of the three, and the one before
		t.Errorf("%d messages", n)
	}
	if err := transport.Shutdown(t.Context(), shared); err != nil {
		t.Error(err)
	}
	if _, err := srv.WaitIdle(t.Context(), 2); err != nil {
		t.Errorf("the group left a connection open: %v", err)
	}
}

// TestGroupPasswordFile: each user who lacks a password gets the one of the file.
func TestGroupPasswordFile(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	u, err := depeche.ParseURL("failover(smtps://u@a smtps://u:p@b roundrobin(smtps://u@c stub:))")
	if err != nil {
		t.Fatal(err)
	}
	with, ok := u.WithPasswordFile(secret)
	if n := strings.Count(with.String(), "password_file="); !ok || n != 2 {
		t.Errorf("%v, %v", with, ok)
	}
	if strings.Contains(u.String(), "password_file") || len(u.Relays()) != 3 || !u.HasPassword() {
		t.Errorf("%v, %v", u, u.Relays())
	}
	sender, err := with.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := transport.Close(sender); err != nil {
		t.Error(err)
	}
}
