package client

import (
	"context"
	"net"
	"net/netip"
	"os"

	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// open takes the session from the bare connection to the point where mail can be sent.
func (c *Conn) open(ctx context.Context) *Error {
	c.wire.report(Event{Kind: EventConnected, Text: c.wire.raw.RemoteAddr().String()})
	if c.cfg.TLS == TLSImplicit {
		if err := c.handshake(ctx); err != nil {
			return err
		}
	}
	if err := c.greet(); err != nil {
		return err
	}
	if err := c.hello(); err != nil {
		return err
	}
	if c.cfg.TLS == TLSStartTLS || c.cfg.TLS == TLSDangerousOpportunistic && c.info.Has(extension.StartTLS) {
		if err := c.startTLS(ctx); err != nil {
			return err
		}
	}
	if !c.cfg.Credentials.IsZero() {
		return c.login(ctx)
	}
	return nil
}

func (c *Conn) refusal(phase Phase, r response.Response, err error) *Error {
	return &Error{Phase: phase, Server: c.cfg.Address, Response: r, Err: err}
}

// greet reads the first reply (RFC 5321 section 3.1).
func (c *Conn) greet() *Error {
	var s single
	c.wire.enqueue(expectation{step: stepGreeting, to: &s})
	_ = c.wire.flush() // writes nothing, and limits the wait, which tells what is wrong
	c.wire.start()
	if err := c.wire.wait(func(*receiver) bool { return s.done }); err != nil {
		return c.fault(PhaseGreeting, c.silence(err))
	}
	c.greeting = s.response
	if !s.response.Code.IsCompleted() {
		return c.refusal(PhaseGreeting, s.response, nil)
	}
	return nil
}

// hello introduces the client and learns what the server offers.
func (c *Conn) hello() *Error {
	name := c.cfg.HelloName
	if name.IsZero() {
		name = c.ownName()
	}
	c.helloName = name.String()
	c.info, c.offers = extension.ServerInfo{}, offers{}
	c.limits, c.size = extension.SessionLimits{RcptMax: c.cfg.MaxRecipients}, c.cfg.MaxSize
	var command commands.Command = commands.Ehlo{HelloName: name}
	if c.cfg.LMTP {
		command = commands.Lhlo{HelloName: name}
	}
	reply, err := c.do(PhaseHello, command)
	if err != nil {
		return c.fault(PhaseHello, err)
	}
	if reply.Code.IsCompleted() {
		info, err := extension.Parse(reply.Lines)
		if err != nil {
			return c.fault(PhaseHello, err)
		}
		c.info = info.Without(c.cfg.Without...)
		c.offers = offersOf(c.info)
		c.limits, c.size = c.info.Limits(), lower(c.info.SizeLimit(), c.cfg.MaxSize)
		c.limits.RcptMax = lower(c.limits.RcptMax, c.cfg.MaxRecipients)
		return nil
	}
	if c.cfg.LMTP || c.state != nil || c.cfg.TLS == TLSImplicit || c.cfg.TLS == TLSStartTLS || !unknownCommand(reply.Code) { // without EHLO there is no STARTTLS
		return c.refusal(PhaseHello, reply, nil)
	}
	reply, err = c.do(PhaseHello, commands.Helo{HelloName: name}) // RFC 5321 section 3.2
	switch {
	case err != nil:
		return c.fault(PhaseHello, err)
	case !reply.Code.IsCompleted():
		return c.refusal(PhaseHello, reply, nil)
	}
	return nil
}

// unknownCommand reports whether a server says that it does not know a command, in contrast to not
// liking it.
func unknownCommand(code response.Code) bool {
	return code == response.SyntaxError || code == response.NotImplemented || code == response.ParamNotImplemented
}

// ownName is the host's name when it is one that others can know, else the address of the local end.
func (c *Conn) ownName() extension.HelloName {
	hostname, _ := os.Hostname() // no name is as good as one that others do not know
	local := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if host, _, err := net.SplitHostPort(c.wire.raw.LocalAddr().String()); err == nil {
		if ip, err := netip.ParseAddr(host); err == nil {
			local = ip
		}
	}
	return extension.DefaultHelloName(hostname, local)
}

// lower returns the lower of two limits; 0 allows everything.
func lower[T int | int64](a, b T) T {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}
