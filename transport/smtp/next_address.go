package smtp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"

	"github.com/depeche-mail/depeche/internal/expired"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// lookUp finds the addresses of a host.
type lookUp func(ctx context.Context, network, host string) ([]netip.Addr, error)

// reach opens a connection. When an address of the relay refuses a session because of its load, and no connection is
// open, its other addresses are tried (RFC 5321 section 5.1); when all fail, the error is the first refusal, and says what
// came of the others. One connection at a time goes to them: the others wait for what comes of it. A dialer of the caller
// chooses the address itself.
func (t *Transport) reach(ctx context.Context, config client.Config) (*client.Conn, error) {
	host, port, err := net.SplitHostPort(config.Address)
	if _, wrong := netip.ParseAddr(host); err != nil || wrong == nil || config.Dial != nil || config.Network == networkUnix {
		return client.Dial(ctx, config)
	}
	conn, asked, err := dialAddress(ctx, config, config.Address)
	if err == nil || !refusesSession(err) || t.pool.Open() > 0 || !t.account.elsewhere.TryLock() {
		return conn, err
	}
	defer t.account.elsewhere.Unlock()
	list, wrong := t.lookUp(ctx, "ip", host)
	if wrong != nil {
		return nil, err
	}
	others := &otherAddressesError{}
	for _, ip := range list {
		if ip = ip.Unmap(); ip == asked || expired.Cause(ctx) != nil {
			continue
		}
		address := net.JoinHostPort(ip.String(), port)
		conn, _, failed := dialAddress(ctx, config, address)
		if failed == nil {
			return conn, nil
		}
		others.failures = append(others.failures, addressError{address, failed})
	}
	return nil, others.beside(err)
}

// dialAddress opens a connection to an address, or to any of those of a host, and says which answered.
func dialAddress(ctx context.Context, config client.Config, address string) (conn *client.Conn, asked netip.Addr, err error) {
	there := config
	there.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		nc, err := (&net.Dialer{LocalAddr: config.LocalAddr}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if at, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
			asked = at.AddrPort().Addr().Unmap()
		}
		return nc, nil
	}
	conn, err = client.Dial(ctx, there)
	if failed, ok := errors.AsType[*client.Error](err); ok && failed.Phase == client.PhaseDial && failed.Hint.Kind != "" {
		failed.Hint = config.Situation(failed).Hint() // the dialer is not one of the caller
	}
	return conn, asked, err
}

// otherAddressesError is what came of the other addresses of a relay. It does not unwrap: what the mail met, and whether it
// passes, is for the first refusal to say.
type otherAddressesError struct{ failures []addressError }

type addressError struct {
	address string
	err     error
}

// beside returns a refusal that names the failures too.
func (e *otherAddressesError) beside(refusal error) error {
	first, ok := errors.AsType[*client.Error](refusal)
	if !ok || len(e.failures) == 0 {
		return refusal
	}
	both := *first
	both.Err = errors.Join(first.Err, e)
	return &both
}

// Error names each address and why it failed, on one line.
func (e *otherAddressesError) Error() string {
	list := make([]string, len(e.failures))
	for i, f := range e.failures {
		why := f.err.Error()
		if failed, ok := errors.AsType[*client.Error](f.err); ok {
			why = string(failed.Phase) + ": " + failed.Reason()
		}
		list[i] = f.address + ": " + why
	}
	return "other addresses failed too (" + strings.ReplaceAll(strings.Join(list, "; "), "\n", ": ") + ")"
}

// refusesSession reports whether a server refused a session before anything secret was said.
func refusesSession(err error) bool {
	failed, ok := errors.AsType[*client.Error](err)
	return ok && failed.Phase != client.PhaseAuth && refusesConnection(failed)
}
