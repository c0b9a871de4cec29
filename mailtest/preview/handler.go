package preview

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/depeche-mail/depeche/mailtest"
)

// Content security policies. That of a frame holds in a window of its own, too.
const (
	pagePolicy = "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; " +
		"form-action 'none'; frame-ancestors 'none'"
	framePolicy = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; " +
		"form-action 'none'; frame-ancestors 'self'; sandbox"
	filePolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
)

// handler answers requests about an inbox.
type handler struct {
	inbox *mailtest.Inbox
	hosts []string
	// cleaning is held while HTML is taken apart, because the tree of one hostile mail takes some memory,
	// and the number of requests is not limited.
	cleaning sync.Mutex
}

// New returns a handler that shows the mails of inbox, the newest first. It is safe for concurrent use, and
// works under any path with http.StripPrefix. Requests must come to localhost, to an IP address, or to one
// of the hosts, which are names without a port; others get status 421.
func New(inbox *mailtest.Inbox, hosts ...string) http.Handler {
	h := &handler{inbox: inbox, hosts: slices.Clone(hosts)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.list)
	mux.HandleFunc("GET /style.css", style)
	mux.HandleFunc("GET /mail/{id}/{$}", h.mail(page))
	mux.HandleFunc("GET /mail/{id}/html", h.mail(h.frame))
	mux.HandleFunc("GET /mail/{id}/source", h.mail(source))
	mux.HandleFunc("GET /mail/{id}/mail.eml", h.mail(download))
	mux.HandleFunc("GET /mail/{id}/part/{number}", h.mail(part))
	return h.guard(mux)
}

// guard refuses requests under a strange name, and gives every answer the headers that forbid the most.
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
		if !h.isKnown(r.Host) {
			http.Error(w, "This preview does not answer under that name.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
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
		slices.ContainsFunc(h.hosts, func(known string) bool { return strings.EqualFold(known, host) })
}

// mail finds the mail of a request for show.
func (h *handler) mail(show func(http.ResponseWriter, *http.Request, *mailtest.Mail)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		mail, ok := h.inbox.Get(r.PathValue("id"))
		if !ok {
			http.Error(w, "There is no such mail, or none any more.", http.StatusNotFound)
			return
		}
		show(w, r, mail)
	}
}
