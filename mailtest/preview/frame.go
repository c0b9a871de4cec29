package preview

import (
	"net/http"
	"strings"

	"github.com/depeche-mail/depeche/mailtest"
)

// maxHTML is how much HTML is shown; mail readers show less.
const maxHTML = 1 << 20

// frame answers with the HTML of a mail, for the frame of its page.
func (h *handler) frame(w http.ResponseWriter, _ *http.Request, m *mailtest.Mail) {
	h.cleaning.Lock()
	defer h.cleaning.Unlock()
	view := m.View()
	var document strings.Builder
	if err := clean(&document, cut(view.HTML, maxHTML), cidLinks(parts(view))); err != nil {
		http.Error(w, "This HTML is nested too deeply to be shown.", http.StatusUnprocessableEntity)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", framePolicy)
	_, _ = w.Write([]byte(document.String())) // what fails is the connection
}
