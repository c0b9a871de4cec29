package smtp

import (
	"strings"

	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// A relay may speak of its load as late as at the end of the content: Exchange Online answers 432 4.3.2 "concurrent
// connections limit exceeded" there. The mail was judged then, and stays Deferred: it is for the caller to send it again. Only
// the pool learns from it.

// isSurplus reports whether a mail was refused, after MAIL, because of how many connections there are.
func isSurplus(r *client.Result) bool {
	f, lost := r.Failure()
	return lost && isLate(f.Phase) && f.Response.AboutLoad() && f.Response.AboutConnections()
}

// endsShare reports whether a connection was ended, or is of no more use, after MAIL, because it has had as many mails as it
// may: by 421, or by 452 4.5.3 when it was not about recipients. A hang-up after too many errors says nothing of mails.
func endsShare(r *client.Result) bool {
	f, lost := r.Failure()
	if !lost || !isLate(f.Phase) && f.Phase != client.PhaseRcpt || !f.Response.AboutLoad() || f.Response.AboutConnections() {
		return false
	}
	if f.Response.Code == response.ServiceUnavailable {
		return !strings.Contains(strings.ToLower(f.Response.Text()), "errors")
	}
	return f.Phase != client.PhaseRcpt && f.Response.Enhanced.Subject == 5
}

// isLate reports whether a phase comes after those that name the sender and the recipients.
func isLate(p client.Phase) bool {
	return p == client.PhaseData || p == client.PhaseBody || p == client.PhaseFinal
}
