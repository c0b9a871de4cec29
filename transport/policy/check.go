package policy

import (
	"context"
	"errors"
	"time"

	"github.com/depeche-mail/depeche/internal/panics"
	"github.com/depeche-mail/depeche/transport"
)

// headStart is how long a relay may think before the next one is asked too, as addresses of a host are tried (RFC 8305
// section 5). Relays that answer at once leave those after them in peace.
const headStart = 250 * time.Millisecond

// anyReady is the Check of relays of which one is enough. The first that is ready ends it; otherwise the error has what
// each of them said, in their order.
func anyReady(ctx context.Context, relays []transport.Transport) error {
	ctx, cancel := context.WithCancel(ctx)
	var asked panics.Group // a relay may be a transport of the caller's
	said, answers := make([]error, len(relays)), make(chan error, len(relays))
	defer asked.Wait()
	defer cancel()
	for begun, ended := 0, 0; ended < len(relays); {
		var next <-chan time.Time
		if at := begun; at < len(relays) {
			begun++
			next = time.After(headStart)
			asked.Go(func() {
				said[at] = check(ctx, cancel, relays[at])
				answers <- said[at]
			})
		}
		select {
		case err := <-answers:
			if ended++; err == nil {
				return nil
			}
		case <-next:
		case <-asked.Failed():
			return nil // Wait does not return
		}
	}
	return errors.Join(said...)
}

// check asks one of several transports. When it does not return, the others are not waited for longer than they need to
// hear of it.
func check(ctx context.Context, cancel context.CancelFunc, t transport.Transport) error {
	returned := false
	defer func() {
		if !returned {
			cancel()
		}
	}()
	err := transport.Check(ctx, t)
	returned = true
	return err
}
