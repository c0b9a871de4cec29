package preview

import (
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/mailtest"
)

// perPage is how many mails one page of the list has.
const perPage = 50

// listed is a mail in the list.
type listed struct {
	ID, Subject, From, To, Snippet, Size string
	Received                             moment
	Attachments                          int
	IsUnread                             bool
}

// moment is a time as a page shows it.
type moment struct{ Short, Long, Machine string }

// listPage is the page of the list.
type listPage struct {
	Query, Fault        string
	Rows                []listed
	Found, All, Unread  int
	First, Last         int
	Newer, Older, Reset string // addresses, "" for none
}

// search returns the mails that a query finds, the newest first.
func (h *handler) search(query string) ([]*mailtest.Mail, error) {
	match, err := h.match(query)
	if err != nil {
		return nil, err
	}
	mails := h.Inbox.Mails(match)
	slices.Reverse(mails)
	return mails, nil
}

// match reads a query: that of [mailtest.Search], and is:unread and is:read besides, which only a handler knows.
func (h *handler) match(query string) (mailtest.Match, error) {
	var state []mailtest.Match
	rest := make([]string, 0, len(query))
	for word := range strings.SplitSeq(query, " ") {
		switch strings.ToLower(word) {
		case "is:unread", "-is:read":
			state = append(state, mailtest.Matching("is unread", func(m *mailtest.Mail) bool { return !h.marks.isOpened(m.ID()) }))
		case "is:read", "-is:unread":
			state = append(state, mailtest.Matching("is read", func(m *mailtest.Mail) bool { return h.marks.isOpened(m.ID()) }))
		default:
			rest = append(rest, word)
		}
	}
	match, err := mailtest.Search(strings.Join(rest, " "))
	return mailtest.All(append(state, match)...), err
}

func (h *handler) list(w http.ResponseWriter, r *http.Request) {
	all := h.Inbox.Mails()
	query := r.URL.Query().Get("q")
	page := listPage{Query: cut(query, maxTitle), All: len(all), Unread: h.marks.unread(all)}
	found, err := h.search(query)
	if err != nil {
		page.Fault = strings.TrimPrefix(err.Error(), "mailtest: ")
		render(w, http.StatusBadRequest, "list", page)
		return
	}
	number, err := strconv.Atoi(r.URL.Query().Get("page"))
	if last := max((len(found)-1)/perPage, 0); err != nil || number < 0 || number > last {
		number = min(max(number, 0), last)
	}
	from, to := number*perPage, min((number+1)*perPage, len(found))
	page.Found, page.First, page.Last = len(found), from+1, to
	for _, m := range found[from:to] {
		page.Rows = append(page.Rows, h.row(m))
	}
	if number > 0 {
		page.Newer = listAddress(query, number-1)
	}
	if to < len(found) {
		page.Older = listAddress(query, number+1)
	}
	render(w, http.StatusOK, "list", page)
}

// listAddress returns the address of a page of the list, relative to the list.
func listAddress(query string, number int) string {
	values := url.Values{}
	if query != "" {
		values.Set("q", query)
	}
	if number > 0 {
		values.Set("page", strconv.Itoa(number))
	}
	return "./?" + values.Encode()
}

func (h *handler) row(m *mailtest.Mail) listed {
	view, env := m.View(), m.Envelope()
	var to []string
	for i := range min(env.Len(), 5) {
		to = append(to, env.At(i).Address.String())
	}
	if more := env.Len() - len(to); more > 0 {
		to = append(to, strconv.Itoa(more)+" more")
	}
	return listed{
		ID: m.ID(), Subject: cut(view.Subject(), maxTitle), From: cut(nameOf(view.Get("From")), maxTitle),
		To: cut(strings.Join(to, ", "), maxTitle), Snippet: snippet(view), Received: momentOf(m.Received()),
		Size: size(m.Size()), Attachments: len(view.Attachments), IsUnread: !h.marks.isOpened(m.ID()),
	}
}

// nameOf returns the names of the persons in an address list, and the whole list when it cannot be read.
func nameOf(list string) string {
	people, err := mail.ParseAddressList(list)
	if err != nil {
		return list
	}
	names := make([]string, 0, len(people))
	for _, p := range people {
		if p.Name == "" {
			p.Name = p.Address
		}
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// snippet returns the beginning of the text, in one line.
func snippet(view *mailtest.View) string {
	const looked = 2000
	text := strings.ToValidUTF8(view.Text[:min(len(view.Text), looked)], "")
	line := strings.Join(strings.Fields(text), " ")
	if len(line) > maxTitle {
		line = strings.ToValidUTF8(line[:maxTitle], "")
	}
	return line
}

func momentOf(t time.Time) moment {
	t = t.Local() //nolint:gosmopolitan // the reader sits at this machine
	short := t.Format("2006-01-02")
	if year, day := time.Now().Year(), time.Now().YearDay(); t.Year() == year && t.YearDay() == day {
		short = t.Format("15:04:05")
	}
	return moment{Short: short, Long: t.Format("Mon, 2 Jan 2006 15:04:05 -0700"), Machine: t.Format(time.RFC3339)}
}
