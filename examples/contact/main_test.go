package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// TestContact posts forms as visitors do, over a mail server in the process.
func TestContact(t *testing.T) {
	good := url.Values{"name": {"Zoë, of the barn"}, "email": {"zoe@example.org"}, "text": {"Grüezi\nBcc: all@example.com"}}
	for name, c := range map[string]struct {
		field, value string // what is different
		refused      bool   // by the relay
		status       int
		arrives      bool
	}{
		"as meant":               {status: http.StatusOK, arrives: true},
		"no address":             {field: "email", value: "zoe", status: http.StatusBadRequest},
		"a blank before it":      {field: "email", value: " zoe@example.org", status: http.StatusBadRequest},
		"a field in the name":    {field: "name", value: "Zoë\r\nBcc: all@example.com", status: http.StatusBadRequest},
		"two addresses":          {field: "email", value: "a@example.org, b@example.org", status: http.StatusBadRequest},
		"more than a form holds": {field: "text", value: strings.Repeat("x", 65<<10), status: http.StatusBadRequest},
		"the office is full":     {refused: true, status: http.StatusBadGateway},
	} {
		t.Run(name, func(t *testing.T) {
			server := smtptest.NewUnstartedServer(t)
			server.Config.Security, server.Config.Mechanisms = smtptest.Plaintext, map[string]smtptest.Mechanism{}
			server.Start()
			if c.refused {
				server.Use(smtptest.RefuseRecipients(map[string]string{"office@example.com": "452 4.2.2 mailbox full"}))
			}
			relay, err := depeche.Open("smtp://" + server.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer relay.Close()
			form := url.Values{c.field: {c.value}}
			for field, value := range good {
				if field != c.field {
					form[field] = value
				}
			}
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/contact", strings.NewReader(form.Encode()))
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			answer := httptest.NewRecorder()
			contact{relay}.ServeHTTP(answer, request)
			if answer.Code != c.status {
				t.Errorf("status %d, expected %d: %s", answer.Code, c.status, answer.Body)
			}
			arrived := server.Messages()
			if len(arrived) == 1 != c.arrives {
				t.Fatalf("%d mails arrived", len(arrived))
			}
			if !c.arrives {
				return
			}
			header, body, _ := strings.Cut(string(arrived[0].Content), "\r\n\r\n")
			for _, want := range []string{"From: Website <website@example.com>", "Reply-To: ", "<zoe@example.org>"} {
				if !strings.Contains(header, want) {
					t.Errorf("no %q in\n%s", want, header)
				}
			}
			if strings.Contains(header, "all@example.com") || !strings.Contains(body, "all@example.com") || len(arrived[0].Recipients) != 1 {
				t.Errorf("%v\n%s", arrived[0].Recipients, arrived[0].Content)
			}
		})
	}
}
