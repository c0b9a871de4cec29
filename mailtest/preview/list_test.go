package preview_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/mailtest/preview"
	"github.com/google/go-cmp/cmp"
)

// many returns an inbox with n mails.
func many(t *testing.T, n int) *mailtest.Inbox {
	t.Helper()
	var subjects []string
	for i := range n {
		subjects = append(subjects, fmt.Sprintf("number %d", i))
	}
	return inboxOf(t, subjects...)
}

func TestListPages(t *testing.T) {
	handler := preview.New(many(t, 120))
	cases := map[string]struct {
		says         string
		rows         int
		newer, older []string
	}{
		"/":                                {"1–50 of 120", 50, nil, []string{"./?page=1"}},
		"/?page=1":                         {"51–100 of 120", 50, []string{"./?"}, []string{"./?page=2"}},
		"/?page=2":                         {"101–120 of 120", 20, []string{"./?page=1"}, nil},
		"/?page=99":                        {"101–120 of 120", 20, []string{"./?page=1"}, nil},
		"/?page=-1":                        {"1–50 of 120", 50, nil, []string{"./?page=1"}},
		"/?page=x":                         {"1–50 of 120", 50, nil, []string{"./?page=1"}},
		"/?q=subject:11":                   {"11 mails of 120 found", 11, nil, nil},
		"/?q=number+-zzz&page=1":           {"51–100 of 120", 50, []string{"./?q=number+-zzz"}, []string{"./?page=2&q=number+-zzz"}},
		"/?q=nothing":                      {"Nothing fits this search.", 0, nil, nil},
		`/?q=%22unfinished`:                {"a quotation mark without its second", 0, nil, nil},
		"/?q=" + strings.Repeat("x", 2000): {"shorten it to 1024", 0, nil, nil},
	}
	for path, tc := range cases {
		t.Run(fmt.Sprintf("%.30s", path), func(t *testing.T) {
			page := ask(handler, http.MethodGet, path, nil)
			if text := shown(t, page.body); !strings.Contains(text, tc.says) {
				t.Errorf("%q is not in %s", tc.says, text)
			}
			if n := strings.Count(page.body, `<li class="unread">`); n != tc.rows {
				t.Errorf("%d rows", n)
			}
			if diff := cmp.Diff([2][]string{tc.newer, tc.older}, [2][]string{linked(t, page.body, "prev"), linked(t, page.body, "next")}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// linked returns where the links of a relation lead.
func linked(t *testing.T, page, rel string) (list []string) {
	t.Helper()
	for _, node := range elements(t, page) {
		attribute := map[string]string{}
		for _, a := range node.Attr {
			attribute[a.Key] = a.Val
		}
		if attribute["rel"] == rel {
			list = append(list, attribute["href"])
		}
	}
	return list
}

// TestNeighbours leads from a mail to those before and after it.
func TestNeighbours(t *testing.T) {
	inbox := inboxOf(t, "old", "middle", "new")
	all := inbox.Mails()
	handler := preview.New(inbox)
	for i, want := range [][2][]string{
		{{"../" + all[1].ID() + "/"}, nil}, {{"../" + all[2].ID() + "/"}, {"../" + all[0].ID() + "/"}}, {nil, {"../" + all[1].ID() + "/"}},
	} {
		page := site{handler, all[i]}.body(t, "")
		if diff := cmp.Diff(want, [2][]string{linked(t, page, "prev"), linked(t, page, "next")}); diff != "" {
			t.Error(diff)
		}
		_, beside, _ := strings.Cut(page, `class="beside"`)
		if at := func(i int) int { return strings.Index(beside, all[i].ID()) }; at(2) < 0 || at(1) < at(2) || at(0) < at(1) {
			t.Errorf("beside it, the newest is not the first: %s", shown(t, beside))
		}
		if n := strings.Count(page, all[i].ID()+`/" aria-current="page"`); n != 1 {
			t.Errorf("it is marked %d times", n)
		}
	}
}

// TestEvents hears of mails that come and go, until it hangs up.
func TestEvents(t *testing.T) {
	inbox := inboxOf(t, "one")
	server := httptest.NewServer(preview.New(inbox))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	defer cancel()
	if media := response.Header.Get("Content-Type"); media != "text/event-stream" {
		t.Error(media)
	}
	lines := bufio.NewScanner(response.Body)
	hear := func(want string) {
		t.Helper()
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok && text == want {
				return
			}
		}
		t.Fatalf("did not hear %s: %v", want, lines.Err())
	}
	hear("1")
	if _, err := inbox.Send(t.Context(), raw(t, "Subject: two\n\n")); err != nil {
		t.Fatal(err)
	}
	hear("2")
	inbox.Reset()
	hear("0")
}
