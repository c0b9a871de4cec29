package preview

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/transport"
)

// Config says what a handler shows and may do. Only Inbox is needed.
type Config struct {
	Inbox *mailtest.Inbox
	// Hosts are the names, without a port, that requests may come to besides localhost and IP addresses;
	// a request under another name gets status 421.
	Hosts []string
	// Release sends a mail on when a person or a program asks for it: its page then has a button. Without it
	// nothing leaves. It gets the mail with the recipients that were chosen out of its own.
	Release transport.Transport
	// ReleaseTo says on the page where Release sends to. It is shown as it is: leave secrets out.
	ReleaseTo string
	// Notes adds what else is known of a mail, such as the connection that it came over; nil adds nothing.
	Notes func(mail *mailtest.Mail) []Note
}

// Note is a line about a mail on its page and in the JSON of it.
type Note struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// New returns a handler that shows the mails of inbox, the newest first, as [Config.Handler] does. Requests must
// come to localhost, to an IP address, or to one of the hosts.
func New(inbox *mailtest.Inbox, hosts ...string) http.Handler {
	return Config{Inbox: inbox, Hosts: hosts}.Handler()
}

// handler answers requests about an inbox.
type handler struct {
	Config

	marks marks
	// cleaning is held while HTML is taken apart, because the tree of one hostile mail takes some memory,
	// and the number of requests is not limited.
	cleaning sync.Mutex
}

// Handler returns a handler that shows the mails of the inbox. It is safe for concurrent use, and works under any
// path with http.StripPrefix. Some requests last until a mail comes: a program that shuts its server down
// ends them by the context of the requests.
func (c Config) Handler() http.Handler {
	c.Hosts = slices.Clone(c.Hosts)
	h := &handler{Config: c, marks: marks{opened: map[string]bool{}, outcomes: map[string][]outcome{}}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.list)
	mux.HandleFunc("GET /style.css", style)
	mux.HandleFunc("GET /events", h.events)
	mux.HandleFunc("POST /delete", h.deleteChosen)
	mux.HandleFunc("POST /clear", h.clear)
	mux.HandleFunc("POST /read", h.markAll)
	mux.HandleFunc("GET /mail/{id}/{$}", h.mail(h.page))
	mux.HandleFunc("POST /mail/{id}/delete", h.mail(h.deleteOne))
	mux.HandleFunc("POST /mail/{id}/release", h.mail(h.release))
	mux.HandleFunc("GET /mail/{id}/html", h.mail(h.frame))
	mux.HandleFunc("GET /mail/{id}/source", h.mail(source))
	mux.HandleFunc("GET /mail/{id}/mail.eml", h.mail(download))
	mux.HandleFunc("GET /mail/{id}/part/{number}", h.mail(part))
	mux.HandleFunc("GET /mail/{id}/part/{number}/view", h.mail(view))
	h.api(mux)
	return h.guard(http.NewCrossOriginProtection().Handler(mux))
}

// guard refuses requests under a strange name and those that a page of strangers makes, and gives every answer the
// headers that forbid the most.
func (h *handler) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", filePolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Dns-Prefetch-Control", "off")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		switch {
		case !h.isKnown(r.Host):
			http.Error(w, "This preview does not answer under that name.", http.StatusMisdirectedRequest)
		case isEmbedded(r):
			http.Error(w, "This is not an image.", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// isEmbedded reports whether a mail or another web site asks by an image, a style sheet or a script, as a browser
// tells it. Of a mail only parts may be asked for so: without this rule its images could wait for events and thereby take
// all connections that the browser opens to one host.
func isEmbedded(r *http.Request) bool {
	isPart := strings.Contains(r.URL.Path, "/part/") && !strings.HasSuffix(r.URL.Path, "/view")
	site := r.Header.Get("Sec-Fetch-Site")
	return !isPart && (site == "cross-site" || site == "same-site") && r.Header.Get("Sec-Fetch-Mode") != "navigate"
}

// isKnown reports whether a Host header names this handler. An address is safe: a browser that asks for one
// got it from no name server.
func (h *handler) isKnown(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport // without a port
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost") ||
		slices.ContainsFunc(h.Hosts, func(known string) bool { return strings.EqualFold(known, host) })
}

// mail finds the mail of a request for show.
func (h *handler) mail(show func(http.ResponseWriter, *http.Request, *mailtest.Mail)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		mail, ok := h.Inbox.Get(r.PathValue("id"))
		if !ok {
			http.Error(w, "There is no such mail, or it is gone.", http.StatusNotFound)
			return
		}
		show(w, r, mail)
	}
}

// notes returns what else is known of a mail.
func (h *handler) notes(mail *mailtest.Mail) []Note {
	if h.Notes == nil {
		return nil
	}
	return h.Notes(mail)
}

// send gives a mail to Release, for some of its recipients.
func (h *handler) send(ctx context.Context, mail *mailtest.Mail, to []string) (outcome, error) {
	chosen, err := choose(mail, to)
	if err != nil {
		return outcome{}, err
	}
	result, err := h.Release.Send(ctx, chosen)
	done := outcomeOf(result, err)
	h.marks.released(mail.ID(), done)
	return done, nil
}
