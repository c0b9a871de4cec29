package preview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/mailtest"
)

const (
	// maxListed is how many mails one answer lists.
	maxListed = 1000
	// A wait lasts this long when the request does not say, and at most this long.
	defaultWait, maxWait = 30 * time.Second, 10 * time.Minute
)

// summary is a mail in a list of the JSON.
type summary struct {
	ID          string     `json:"id"`
	Received    time.Time  `json:"received"`
	Size        int64      `json:"size"`
	From        string     `json:"from"` // of the envelope
	Recipients  []string   `json:"recipients"`
	Subject     string     `json:"subject"`
	HeaderFrom  string     `json:"header_from"`
	MessageID   string     `json:"message_id"`
	IsRead      bool       `json:"read"`
	Attachments []partJSON `json:"attachments"`
}

// detail is all of a mail in JSON.
type detail struct {
	summary

	Header   []fieldJSON `json:"header"`
	Text     string      `json:"text"`
	HTML     string      `json:"html"`
	Inline   []partJSON  `json:"inline"`
	Blind    []string    `json:"blind_recipients"`
	Links    []string    `json:"links"`
	Findings []Finding   `json:"findings"`
	Notes    []Note      `json:"notes"`
	Releases []outcome   `json:"releases"`
	Source   string      `json:"source_path"` // relative to the root of the preview
}

type fieldJSON struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type partJSON struct {
	Name      string `json:"name"`
	Type      string `json:"type"`
	ContentID string `json:"content_id,omitempty"`
	Size      int    `json:"size"`
	Path      string `json:"path"` // relative to the root of the preview
}

// api adds the addresses of the JSON.
func (h *handler) api(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/mails", h.apiList)
	mux.HandleFunc("DELETE /api/mails", h.apiClear)
	mux.HandleFunc("GET /api/wait", h.apiWait)
	mux.HandleFunc("GET /api/mails/{id}", h.apiMail(func(w http.ResponseWriter, _ *http.Request, m *mailtest.Mail) {
		say(w, http.StatusOK, h.detail(m))
	}))
	mux.HandleFunc("DELETE /api/mails/{id}", h.apiMail(func(w http.ResponseWriter, _ *http.Request, m *mailtest.Mail) {
		say(w, http.StatusOK, map[string]int{"deleted": h.Inbox.Delete(m.ID())})
	}))
	mux.HandleFunc("POST /api/mails/{id}/release", h.apiMail(h.apiRelease))
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, fmt.Errorf("%s %s is not part of the API", r.Method, r.URL.Path))
	})
}

func say(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) //nolint:errchkjson // all are plain values: what fails is the connection
}

func refuse(w http.ResponseWriter, status int, err error) {
	say(w, status, map[string]string{"error": strings.TrimPrefix(err.Error(), "mailtest: ")})
}

func (h *handler) apiMail(do func(http.ResponseWriter, *http.Request, *mailtest.Mail)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		mail, ok := h.Inbox.Get(r.PathValue("id"))
		if !ok {
			refuse(w, http.StatusNotFound, fmt.Errorf("there is no mail %q, or it is gone", r.PathValue("id")))
			return
		}
		do(w, r, mail)
	}
}

func (h *handler) apiList(w http.ResponseWriter, r *http.Request) {
	limit, err := number(r, "limit", 100, maxListed)
	offset, errOffset := number(r, "offset", 0, 1<<31-1)
	found, errQuery := h.search(r.URL.Query().Get("q"))
	if err := errors.Join(err, errOffset, errQuery); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	mails := make([]summary, 0, min(limit, len(found)))
	for _, m := range found[min(offset, len(found)):min(offset+limit, len(found))] {
		mails = append(mails, h.summary(m))
	}
	say(w, http.StatusOK, map[string]any{"total": len(found), "mails": mails})
}

// number reads a number of the query of an address.
func number(r *http.Request, key string, standard, limit int) (int, error) {
	text := r.URL.Query().Get(key)
	if text == "" {
		return standard, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > limit {
		return 0, fmt.Errorf("%s=%s: want a number from 0 to %d", key, cut(text, maxTitle), limit)
	}
	return n, nil
}

func (h *handler) apiClear(w http.ResponseWriter, r *http.Request) {
	found, err := h.search(r.URL.Query().Get("q"))
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	say(w, http.StatusOK, map[string]int{"deleted": h.Inbox.Delete(ids(found)...)})
}

// apiWait waits for a mail that matches.
func (h *handler) apiWait(w http.ResponseWriter, r *http.Request) {
	match, err := h.match(r.URL.Query().Get("q"))
	patience := defaultWait
	if text := r.URL.Query().Get("timeout"); err == nil && text != "" {
		if patience, err = time.ParseDuration(text); err != nil || patience < 0 || patience > maxWait {
			err = fmt.Errorf("timeout=%s: want a duration such as 30s, of at most %s", cut(text, maxTitle), maxWait)
		}
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	mail, err := h.Inbox.WaitFor(ctx, match)
	if err != nil {
		refuse(w, http.StatusNotFound, err)
		return
	}
	say(w, http.StatusOK, h.detail(mail))
}

// apiRelease sends a mail on: to all of its recipients, or to those of the form field "to".
func (h *handler) apiRelease(w http.ResponseWriter, r *http.Request, mail *mailtest.Mail) {
	if h.Release == nil {
		refuse(w, http.StatusNotFound, errors.New("this preview releases nothing"))
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), releaseTime)
	defer cancel()
	done, err := h.send(ctx, mail, r.Form["to"])
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	say(w, http.StatusOK, done)
}

func (h *handler) summary(m *mailtest.Mail) summary {
	view := m.View()
	s := summary{
		ID: m.ID(), Received: m.Received(), Size: m.Size(), From: m.Envelope().From().String(), Recipients: []string{},
		Subject: view.Subject(), HeaderFrom: view.Get("From"), MessageID: m.MessageID(), IsRead: h.marks.isOpened(m.ID()),
		Attachments: partsJSON(m.ID(), view.Attachments, len(view.Inline)),
	}
	for _, r := range m.Envelope().Recipients() {
		s.Recipients = append(s.Recipients, r.Address.String())
	}
	return s
}

func (h *handler) detail(m *mailtest.Mail) detail {
	view := m.View()
	d := detail{
		summary: h.summary(m), Header: []fieldJSON{}, Text: view.Text, HTML: view.HTML, Inline: partsJSON(m.ID(), view.Inline, 0),
		Blind: some(blind(m)), Links: some(links(view)), Findings: some(Check(m)), Notes: some(h.notes(m)),
		Releases: some(h.marks.releases(m.ID())), Source: "mail/" + m.ID() + "/source",
	}
	for _, f := range namedAsSent(m) {
		d.Header = append(d.Header, fieldJSON(f))
	}
	return d
}

// some makes a list that is empty in JSON, and not null.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func partsJSON(id string, parts []mailtest.Part, first int) []partJSON {
	list := make([]partJSON, 0, len(parts))
	for i, p := range parts {
		list = append(list, partJSON{
			Name: p.Name, Type: p.Type, ContentID: p.ContentID, Size: len(p.Data), Path: "mail/" + id + "/" + partLink(first+i),
		})
	}
	return list
}
