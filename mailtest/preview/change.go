package preview

import (
	"context"
	"net/http"
	"time"

	"github.com/depeche-mail/depeche/mailtest"
)

const (
	// maxForm bounds what a form sends: a page of the list has fifty IDs.
	maxForm = 64 << 10
	// releaseTime is how long a release may take.
	releaseTime = 2 * time.Minute
)

// seeOther sends a browser to an address relative to that of the request, which http.Redirect would resolve without
// the path that the handler is mounted under.
func seeOther(w http.ResponseWriter, address string) {
	w.Header().Set("Location", address)
	w.WriteHeader(http.StatusSeeOther)
}

// form reads a form of limited size; without one it answers.
func form(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "This form cannot be read: "+err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

// deleteChosen forgets the mails that were chosen in the list.
func (h *handler) deleteChosen(w http.ResponseWriter, r *http.Request) {
	if form(w, r) {
		h.Inbox.Delete(r.PostForm["id"]...)
		seeOther(w, listAddress(r.PostForm.Get("q"), 0))
	}
}

// clear forgets all mails, or those of the search that the page shows.
func (h *handler) clear(w http.ResponseWriter, r *http.Request) {
	if !form(w, r) {
		return
	}
	found, err := h.search(r.PostForm.Get("q"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.Inbox.Delete(ids(found)...)
	seeOther(w, "./")
}

func (h *handler) markAll(w http.ResponseWriter, r *http.Request) {
	if form(w, r) {
		h.marks.open(ids(h.Inbox.Mails())...)
		seeOther(w, listAddress(r.PostForm.Get("q"), 0))
	}
}

func ids(mails []*mailtest.Mail) []string {
	list := make([]string, 0, len(mails))
	for _, m := range mails {
		list = append(list, m.ID())
	}
	return list
}

func (h *handler) deleteOne(w http.ResponseWriter, _ *http.Request, mail *mailtest.Mail) {
	h.Inbox.Delete(mail.ID())
	seeOther(w, "../../")
}

// release sends a mail on, and shows what came of it on its page.
func (h *handler) release(w http.ResponseWriter, r *http.Request, mail *mailtest.Mail) {
	switch {
	case h.Release == nil:
		http.Error(w, "This preview releases nothing.", http.StatusNotFound)
		return
	case !form(w, r):
		return
	case len(r.PostForm["to"]) == 0:
		http.Error(w, "Choose at least one recipient.", http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), releaseTime)
	defer cancel()
	if _, err := h.send(ctx, mail, r.PostForm["to"]); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	seeOther(w, "./")
}
