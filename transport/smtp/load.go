package smtp

import (
	"errors"
	"time"

	"github.com/depeche-mail/depeche/internal/pool"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// failure says what a connection that could not be opened means for the mails that wait for one.
func (t *Transport) failure(err error) pool.Failure {
	failed, ok := errors.AsType[*client.Error](err)
	switch {
	case !ok:
		return pool.FailureLasting
	case refusesConnection(failed):
		return pool.FailureTooMany
	case failed.Temporary():
		return pool.FailureForNow
	}
	return pool.FailureLasting
}

// refusesConnection reports whether the server refused a session because of what it has to do: any reply for now before
// the login, 421 and 454 to it, and 5yz in place of a greeting (RFC 5321 section 3.1), which says that there is no
// service for this client at this moment.
func refusesConnection(failed *client.Error) bool {
	code := failed.Response.Code
	switch failed.Phase {
	case client.PhaseGreeting:
		return code.IsTransient() || code.IsPermanent()
	case client.PhaseHello, client.PhaseAuth:
		login, ok := errors.AsType[*authentication.Error](failed)
		return code.IsTransient() && (!ok || login.Kind == authentication.KindUnavailable)
	}
	return false
}

// isAboutLoad reports whether a mail was refused because of what the relay has to do, before anything of it was judged.
func isAboutLoad(r *client.Result) bool {
	f, lost := r.Failure()
	return lost && r.ConnectionWasDead() && (f.Phase == client.PhaseReset || f.Phase == client.PhaseMail) && f.Response.AboutLoad()
}

// aboutNumber reports whether a refusal about load speaks of the number of connections. One that has carried mails has
// had its share, unless the relay says that it means the others.
func aboutNumber(conn *client.Conn, r *client.Result) bool {
	f, lost := r.Failure()
	return lost && (conn.Transactions() <= 1 || f.Response.AboutConnections())
}

// limited tells what was learned about how many connections the relay bears.
func (t *Transport) limited(most int, cause error) {
	t.eyes.tell(transport.Decision{Kind: transport.DecisionConnectionLimit, Relay: t.config.Address, Limit: most, Err: cause})
}

// maxRefusals is how often one mail is refused about load while others get through, until it ends with the refusal.
const maxRefusals = 3

// How long SendAll waits for a relay that is down.
const (
	defaultWait = 5 * time.Minute
	noWait      = time.Duration(-1)
)
