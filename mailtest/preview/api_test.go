package preview_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/mailtest/preview"
	"github.com/google/go-cmp/cmp"
)

var momentZero = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// read reads JSON into plain maps.
func read(t *testing.T, body string) map[string]any {
	t.Helper()
	var value map[string]any
	if err := json.Unmarshal([]byte(body), &value); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return value
}

// TestAPIMail holds the names and forms of the JSON, which programs in other languages rely on.
func TestAPIMail(t *testing.T) {
	inbox := mailtest.New()
	built := newsletter(t)
	mail := mailtest.NewMail("ID", built.Envelope(), strings.ReplaceAll("From: Zoë <zoe@example.org>\nTo: hei@example.org\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n"+
		"message-ID: <1@example.org>\nDate: Sat, 28 Nov 2026 12:00:00 +0000\nContent-Type: multipart/mixed; boundary=m\n\n--m\n\nhello\n"+
		"--m\nContent-Type: text/html\n\n<a href='https://example.org/'>x</a>\n--m\nContent-Type: text/csv; name=a.csv\n\nab\n--m--\n", "\n", "\r\n"), momentZero)
	if err := inbox.Keep(mail); err != nil {
		t.Fatal(err)
	}
	handler := preview.Config{Inbox: inbox, Notes: func(*mailtest.Mail) []preview.Note { return []preview.Note{{Name: "Connection", Text: "127.0.0.1"}} }}.Handler()
	got := ask(handler, http.MethodGet, "/api/mails/ID", nil)
	attachments := []any{map[string]any{"name": "a.csv", "type": "text/csv", "size": 2.0, "path": "mail/ID/part/0"}}
	want := map[string]any{
		"id": "ID", "received": "2026-11-28T12:00:00Z", "size": float64(mail.Size()), "from": "zoe@example.org",
		"recipients": []any{"hei@example.org", "bcc@example.org"}, "subject": "Grüße", "header_from": "Zoë <zoe@example.org>",
		"message_id": "<1@example.org>", "read": false, "attachments": attachments,
		"header": []any{
			map[string]any{"name": "From", "value": "Zoë <zoe@example.org>"},
			map[string]any{"name": "To", "value": "hei@example.org"},
			map[string]any{"name": "Subject", "value": "Grüße"},
			map[string]any{"name": "message-ID", "value": "<1@example.org>"},
			map[string]any{"name": "Date", "value": "Sat, 28 Nov 2026 12:00:00 +0000"},
			map[string]any{"name": "Content-Type", "value": "multipart/mixed; boundary=m"},
		},
		"text": "hello", "html": "<a href='https://example.org/'>x</a>", "inline": []any{}, "blind_recipients": []any{"bcc@example.org"},
		"links": []any{"https://example.org/"}, "findings": []any{}, "notes": []any{map[string]any{"name": "Connection", "text": "127.0.0.1"}},
		"releases": []any{}, "source_path": "mail/ID/source",
	}
	if diff := cmp.Diff(want, read(t, got.body)); diff != "" {
		t.Error(diff)
	}
	if body := ask(handler, http.MethodGet, "/mail/ID/part/0", nil).body; body != "ab" {
		t.Errorf("the part is %q", body)
	}
}

// TestBlind finds recipients that the header does not name, and is not misled by addresses that contain one.
func TestBlind(t *testing.T) {
	for to, want := range map[string][]any{
		"hei@example.org, bcc@example.org":                      {},
		"HEI@Example.org (Hei), <bcc@example.org>":              {},
		"xhei@example.org, bcc@example.org":                     {"hei@example.org"},
		"hei@example.org.test, bcc@example.org":                 {"hei@example.org"},
		"a.hei@example.org, hei@example.org, x-bcc@example.org": {"bcc@example.org"},
		"": {"hei@example.org", "bcc@example.org"},
	} {
		s := open(t, raw(t, "To: "+to+"\n\nx"))
		got := read(t, ask(s.handler, http.MethodGet, "/api/mails/"+s.mail.ID(), nil).body)["blind_recipients"]
		if diff := cmp.Diff(any(want), got); diff != "" {
			t.Errorf("%s: %s", to, diff)
		}
	}
}

func TestAPIList(t *testing.T) {
	inbox := inboxOf(t, "one", "two", "three")
	handler := preview.New(inbox)
	cases := map[string]struct {
		total float64
		want  []any
	}{
		"":                          {3, []any{"three", "two", "one"}},
		"?limit=1":                  {3, []any{"three"}},
		"?limit=2&offset=2":         {3, []any{"one"}},
		"?offset=9":                 {3, []any{}},
		"?limit=0":                  {3, []any{}},
		"?q=subject%3Atw+from%3Aa@": {1, []any{"two"}},
	}
	for query, tc := range cases {
		t.Run(query, func(t *testing.T) {
			got := read(t, ask(handler, http.MethodGet, "/api/mails"+query, nil).body)
			list := []any{}
			for _, m := range got["mails"].([]any) {
				list = append(list, m.(map[string]any)["subject"])
			}
			if diff := cmp.Diff(tc.want, list); diff != "" || got["total"] != tc.total {
				t.Error(got["total"], diff)
			}
		})
	}
}

func TestAPIErrors(t *testing.T) {
	inbox := inboxOf(t, "one")
	handler := preview.New(inbox)
	for request, want := range map[string]string{
		"GET /api/mails?limit=x":                                "400 limit=x: want a number from 0 to 1000",
		"GET /api/mails?limit=1001":                             "400 limit=1001: want a number",
		"GET /api/mails?offset=-1":                              "400 offset=-1: want a number",
		"GET /api/mails?q=has:wings":                            "400 has:wings is not known; use has:attachment",
		"DELETE /api/mails?q=has:wings":                         "400 has:wings",
		"GET /api/wait?q=has:wings":                             "400 has:wings",
		"GET /api/wait?timeout=x":                               "400 timeout=x: want a duration such as 30s",
		"GET /api/wait?timeout=11m":                             "400 timeout=11m: want a duration such as 30s, of at most 10m",
		"GET /api/wait?timeout=0s&q=absent":                     "404 no mail where",
		"GET /api/mails/none":                                   `404 there is no mail \"none\", or it is gone`,
		"DELETE /api/mails/none":                                "404 there is no mail",
		"POST /api/mails/none/release":                          "404 there is no mail",
		"POST /api/mails":                                       "404 POST /api/mails is not part of the API",
		"POST /api/mails/" + inbox.Mails()[0].ID() + "/release": "404 this preview releases nothing",
	} {
		method, path, _ := strings.Cut(request, " ")
		got := ask(handler, method, path, nil)
		status, text, _ := strings.Cut(want, " ")
		if strconv.Itoa(got.status) != status || got.header.Get("Content-Type") != "application/json" || !strings.Contains(got.body, text) {
			t.Errorf("%s: %d %s", request, got.status, got.body)
		}
	}
}

// TestAPIWait waits for a mail that matches: one that is there, one that comes, and one that does not.
func TestAPIWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inbox := inboxOf(t, "one")
		handler := preview.New(inbox)
		if got := read(t, ask(handler, http.MethodGet, "/api/wait?q=subject:one", nil).body); got["subject"] != "one" {
			t.Error(got)
		}
		answers := make(chan answer, 1)
		go func() { answers <- ask(handler, http.MethodGet, "/api/wait?q=subject:three&timeout=1m", nil) }()
		synctest.Wait()
		for _, subject := range []string{"two", "three"} {
			if _, err := inbox.Send(t.Context(), raw(t, "Subject: "+subject+"\n\n")); err != nil {
				t.Fatal(err)
			}
		}
		if got := <-answers; got.status != http.StatusOK || read(t, got.body)["subject"] != "three" {
			t.Error(got)
		}
		started := time.Now()
		got := ask(handler, http.MethodGet, "/api/wait?q=subject:four&timeout=5s", nil)
		if waited := time.Since(started); got.status != http.StatusNotFound || waited != 5*time.Second || !strings.Contains(got.body, "the inbox has 3") {
			t.Errorf("after %s: %d %s", waited, got.status, got.body)
		}
	})
}

func TestAPIDelete(t *testing.T) {
	inbox := inboxOf(t, "one", "two", "three", "four")
	handler := preview.New(inbox)
	for _, tc := range []struct {
		path, want string
		left       []string
	}{
		{"/api/mails/" + inbox.Mails()[0].ID(), `{"deleted":1}`, []string{"two", "three", "four"}},
		{"/api/mails?q=subject:t", `{"deleted":2}`, []string{"four"}},
		{"/api/mails", `{"deleted":1}`, []string{}},
	} {
		got := ask(handler, http.MethodDelete, tc.path, nil)
		if diff := cmp.Diff(tc.left, subjectsOf(inbox)); got.status != http.StatusOK || strings.TrimSpace(got.body) != tc.want || diff != "" {
			t.Errorf("%s: %d %s %s", tc.path, got.status, got.body, diff)
		}
	}
}

func TestAPIRelease(t *testing.T) {
	relay, inbox := mailtest.New(), mailtest.New()
	if _, err := inbox.Send(t.Context(), newsletter(t)); err != nil {
		t.Fatal(err)
	}
	handler := preview.Config{Inbox: inbox, Release: relay}.Handler()
	path := "/api/mails/" + inbox.Mails()[0].ID() + "/release"
	for name, tc := range map[string]struct {
		form   url.Values
		status int
		sent   int
	}{
		"to all":        {nil, http.StatusOK, 2},
		"to one":        {url.Values{"to": {"hei@example.org"}}, http.StatusOK, 1},
		"to a stranger": {url.Values{"to": {"evil@example.net"}}, http.StatusBadRequest, 0},
	} {
		relay.Reset()
		got := ask(handler, http.MethodPost, path, tc.form)
		sent := 0
		for _, m := range relay.Mails() {
			sent += m.Envelope().Len()
		}
		if got.status != tc.status || sent != tc.sent {
			t.Errorf("%s: %d, %d recipients: %s", name, got.status, sent, got.body)
		}
		if recipients, _ := read(t, got.body)["recipients"].([]any); len(recipients) != tc.sent {
			t.Errorf("%s: %s", name, got.body)
		}
	}
}
