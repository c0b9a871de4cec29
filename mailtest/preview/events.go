package preview

import (
	"fmt"
	"net/http"
	"time"
)

// heartbeat keeps what is between the browser and this handler from closing the stream of events.
const heartbeat = 20 * time.Second

// events tells the page of the list that it has changed, by server-sent events, until the browser goes.
func (h *handler) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		changed := h.Inbox.Changed()
		if _, err := fmt.Fprintf(w, "data: %d\n\n", len(h.Inbox.Mails())); err != nil || control.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-beat.C:
		case <-r.Context().Done():
			return
		}
	}
}
