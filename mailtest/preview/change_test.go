package preview_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/mailtest/preview"
	"github.com/depeche-mail/depeche/transport"
	"github.com/google/go-cmp/cmp"
)

// inboxOf returns an inbox with mails of these subjects.
func inboxOf(t *testing.T, subjects ...string) *mailtest.Inbox {
	t.Helper()
	inbox := mailtest.New()
	for _, subject := range subjects {
		if _, err := inbox.Send(t.Context(), raw(t, "From: a@example.org\nSubject: "+subject+"\n\n"+subject+" text")); err != nil {
			t.Fatal(err)
		}
	}
	return inbox
}

func subjectsOf(inbox *mailtest.Inbox) []string {
	list := []string{}
	for _, m := range inbox.Mails() {
		list = append(list, m.View().Subject())
	}
	return list
}

// ask sends a request with header fields "Name: value".
func ask(handler http.Handler, method, target string, form url.Values, fields ...string) answer {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // some requests wait
	defer cancel()
	request := httptest.NewRequestWithContext(ctx, method, "http://127.0.0.1:8025"+target, strings.NewReader(form.Encode()))
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		request.Header.Set(name, value)
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return answer{recorder.Code, recorder.Header(), recorder.Body.String()}
}

func TestDelete(t *testing.T) {
	id := func(inbox *mailtest.Inbox, i int) string { return inbox.Mails()[i].ID() }
	cases := map[string]struct {
		path func(*mailtest.Inbox) string
		form func(*mailtest.Inbox) url.Values
		to   string
		left []string
	}{
		"one on its page": {
			func(in *mailtest.Inbox) string { return "/mail/" + id(in, 1) + "/delete" }, nil, "../../", []string{"one", "three"},
		},
		"the chosen": {
			func(*mailtest.Inbox) string { return "/delete" },
			func(in *mailtest.Inbox) url.Values {
				return url.Values{"id": {id(in, 0), id(in, 2), "none"}, "q": {"text"}}
			}, "./?q=text",
			[]string{"two"},
		},
		"none chosen": {func(*mailtest.Inbox) string { return "/delete" }, nil, "./?", []string{"one", "two", "three"}},
		"all":         {func(*mailtest.Inbox) string { return "/clear" }, nil, "./", []string{}},
		"all that a search found": {
			func(*mailtest.Inbox) string { return "/clear" },
			func(*mailtest.Inbox) url.Values { return url.Values{"q": {"subject:t"}} }, "./",
			[]string{"one"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			inbox := inboxOf(t, "one", "two", "three")
			form := url.Values{}
			if tc.form != nil {
				form = tc.form(inbox)
			}
			got := ask(preview.New(inbox), http.MethodPost, tc.path(inbox), form)
			if got.status != http.StatusSeeOther || got.header.Get("Location") != tc.to {
				t.Errorf("%d to %q: %s", got.status, got.header.Get("Location"), got.body)
			}
			if diff := cmp.Diff(tc.left, subjectsOf(inbox)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestForgery lets other web sites and mails in a frame ask for changes, as browsers send them.
func TestForgery(t *testing.T) {
	changes := map[string]string{"/clear": "POST", "/delete": "POST", "/read": "POST", "/mail/ID/delete": "POST", "/mail/ID/release": "POST", "/api/mails": "DELETE", "/api/mails/ID": "DELETE", "/api/mails/ID/release": "POST"}
	sites := map[string]struct {
		header []string
		passes bool
	}{
		"another site":                  {[]string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example.net"}, false},
		"another port":                  {[]string{"Sec-Fetch-Site: same-site", "Origin: http://127.0.0.1:80"}, false},
		"a sandbox":                     {[]string{"Sec-Fetch-Site: cross-site", "Origin: null"}, false},
		"another site, old browser":     {[]string{"Origin: https://evil.example.net"}, false},
		"a sandbox, old browser":        {[]string{"Origin: null"}, false},
		"another site's form, by click": {[]string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Origin: https://evil.example.net"}, false},
		"our page":                      {[]string{"Sec-Fetch-Site: same-origin", "Origin: http://127.0.0.1:8025"}, true},
		"our page, old browser":         {[]string{"Origin: http://127.0.0.1:8025"}, true},
		"a program":                     {nil, true},
	}
	for site, tc := range sites {
		for path, method := range changes {
			t.Run(site+" "+path, func(t *testing.T) {
				released := 0
				inbox := inboxOf(t, "one")
				handler := preview.Config{Inbox: inbox, Release: counting(&released)}.Handler()
				id := inbox.Mails()[0].ID()
				form := url.Values{"id": {id}, "to": {"hei@example.org"}}
				got := ask(handler, method, strings.ReplaceAll(path, "ID", id), form, tc.header...)
				if isRefused := got.status == http.StatusForbidden; isRefused == tc.passes {
					t.Errorf("%d: %s", got.status, got.body)
				}
				if !tc.passes && (len(inbox.Mails()) != 1 || released > 0) {
					t.Error("it was done all the same")
				}
			})
		}
	}
}

// TestNoChangeByGet asks for every address of a change by GET, as an image in a mail does.
func TestNoChangeByGet(t *testing.T) {
	released := 0
	inbox := inboxOf(t, "one", "two")
	handler := preview.Config{Inbox: inbox, Release: counting(&released)}.Handler()
	id := inbox.Mails()[0].ID()
	for _, path := range []string{"/clear", "/delete?id=" + id, "/read", "/mail/" + id + "/delete", "/mail/" + id + "/release?to=hei@example.org", "/api/mails/" + id + "/release"} {
		if got := ask(handler, http.MethodGet, path, nil); got.status < 400 {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	if len(inbox.Mails()) != 2 || released > 0 {
		t.Error("it was done")
	}
}

// TestEmbedded lets a mail or another site show our addresses as images: only parts are there.
func TestEmbedded(t *testing.T) {
	s := open(t, newsletter(t))
	base := "/mail/" + s.mail.ID() + "/"
	for path, want := range map[string]int{
		"/": 403, "/events": 403, "/api/mails": 403, "/api/wait?q=x&timeout=1s": 403, base: 403, base + "html": 403, base + "source": 403,
		base + "part/0/view": 403, base + "part/0": 200, base + "part/1": 200,
	} {
		if got := ask(s.handler, http.MethodGet, path, nil, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"); got.status != want {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	if got := ask(s.handler, http.MethodGet, base, nil, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"); got.status != 200 {
		t.Errorf("a link from elsewhere: %d", got.status)
	}
}

func counting(n *int) transport.Transport {
	inbox := mailtest.New()
	return transport.Func(func(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
		*n++
		return inbox.Send(ctx, mail)
	})
}

func TestRelease(t *testing.T) {
	relay := mailtest.New()
	inbox := mailtest.New()
	if _, err := inbox.Send(t.Context(), newsletter(t)); err != nil {
		t.Fatal(err)
	}
	mail := inbox.Mails()[0]
	handler := preview.Config{Inbox: inbox, Release: relay, ReleaseTo: "smtp://relay.example.org"}.Handler()
	site := site{handler, mail}
	if page := shown(t, site.body(t, "")); !strings.Contains(page, "Send it through smtp://relay.example.org to hei@example.org bcc@example.org Release") {
		t.Error(page)
	}
	release := "/mail/" + mail.ID() + "/release"
	got := ask(handler, http.MethodPost, release, url.Values{"to": {"bcc@example.org"}})
	if got.status != http.StatusSeeOther || got.header.Get("Location") != "./" {
		t.Errorf("%d: %s", got.status, got.body)
	}
	sent := relay.Mails()
	if len(sent) != 1 || sent[0].Source() != mail.Source() || sent[0].Envelope().Len() != 1 || sent[0].Envelope().At(0).Address.String() != "bcc@example.org" {
		t.Fatal(sent)
	}
	if page := shown(t, site.body(t, "")); !strings.Contains(page, "accepted bcc@example.org 250 kept") {
		t.Error(page)
	}
	for name, form := range map[string]url.Values{"a stranger": {"to": {"evil@example.net"}}, "a stranger too": {"to": {"bcc@example.org", "evil@example.net"}}, "no recipient": {}} {
		if got := ask(handler, http.MethodPost, release, form); got.status != http.StatusBadRequest {
			t.Errorf("to %s: %d", name, got.status)
		}
	}
	if n := len(relay.Mails()); n != 1 {
		t.Errorf("%d released", n)
	}
	without := preview.New(inbox)
	if got := ask(without, http.MethodPost, release, url.Values{"to": {"bcc@example.org"}}); got.status != http.StatusNotFound {
		t.Errorf("without a relay: %d", got.status)
	}
}

// TestReleaseFails shows why a mail was not taken.
func TestReleaseFails(t *testing.T) {
	inbox := inboxOf(t, "one")
	mail := inbox.Mails()[0]
	broken := transport.Func(func(_ context.Context, m transport.Mail) (*transport.Result, error) {
		return transport.Fail(m, transport.PhaseWait, errors.New("the relay is gone"))
	})
	handler := preview.Config{Inbox: inbox, Release: broken}.Handler()
	ask(handler, http.MethodPost, "/mail/"+mail.ID()+"/release", url.Values{"to": {mail.Envelope().At(0).Address.String()}})
	if page := shown(t, site{handler, mail}.body(t, "")); !strings.Contains(page, "not sent") || !strings.Contains(page, "the relay is gone") {
		t.Error(page)
	}
}

// TestUnread marks what was opened, and counts the rest.
func TestUnread(t *testing.T) {
	inbox := inboxOf(t, "one", "two", "three")
	handler := preview.New(inbox)
	status := func() string {
		page := ask(handler, http.MethodGet, "/", nil).body
		text := shown(t, page)
		return fmt.Sprint(strings.Count(page, `class="unread"`), " ", strings.Contains(text, "3 mails, 2 unread"), strings.Contains(text, "3 mails, 0 unread"))
	}
	ask(handler, http.MethodHead, "/mail/"+inbox.Mails()[1].ID()+"/", nil)
	if got := status(); got != "3 false false" {
		t.Error(got)
	}
	ask(handler, http.MethodGet, "/mail/"+inbox.Mails()[1].ID()+"/", nil)
	if got := status(); got != "2 true false" {
		t.Error(got)
	}
	for query, want := range map[string]string{"is:unread": "2 mails of 3 found", "-is:unread": "1 mail of 3 found", "is:read+subject:two": "1 mail of 3 found", "is:unread+subject:two": "0 mails of 3 found"} {
		if text := shown(t, ask(handler, http.MethodGet, "/?q="+query, nil).body); !strings.Contains(text, want) {
			t.Errorf("%s: %s", query, text)
		}
	}
	if got := ask(handler, http.MethodPost, "/read", url.Values{}); got.status != http.StatusSeeOther {
		t.Error(got.status)
	}
	if got := status(); got != "0 false true" {
		t.Error(got)
	}
}
