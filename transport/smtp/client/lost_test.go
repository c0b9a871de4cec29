package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"

	"github.com/depeche-mail/depeche/transport/outcome"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// TestConnectionLost: one question for all ways in which a server or the network ends a session.
func TestConnectionLost(t *testing.T) {
	alert := &net.OpError{Op: "remote error", Err: tls.AlertError(40)}
	for name, tc := range map[string]struct {
		err  *client.Error
		want bool
	}{
		"the end of the stream":         {&client.Error{Phase: client.PhaseRcpt, Err: io.EOF}, true},
		"in the body":                   {&client.Error{Phase: client.PhaseBody, Err: io.ErrUnexpectedEOF}, true},
		"an alert after the handshake":  {&client.Error{Phase: client.PhaseHello, Err: alert}, true},
		"in the handshake":              {&client.Error{Phase: client.PhaseTLS, Err: &client.TLSError{Kind: client.TLSInterrupted, Err: io.EOF}}, true},
		"an alert of the handshake":     {&client.Error{Phase: client.PhaseTLS, Err: &client.TLSError{Kind: client.TLSFailed, Err: alert}}, false},
		"a dial":                        {&client.Error{Phase: client.PhaseDial, Err: io.EOF}, false},
		"a refusal, and then the end":   {refusal(client.PhaseMail, "421 4.3.2 closing"), false},
		"a source that ends too early":  {&client.Error{Phase: client.PhaseMessage, Err: io.ErrUnexpectedEOF}, false},
		"a limit":                       {&client.Error{Phase: client.PhaseMail, Err: &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}}, false},
		"the end of ctx":                {&client.Error{Phase: client.PhaseMail, Err: errors.Join(context.Canceled, io.EOF)}, false},
		"before the end of the content": {&client.Error{Phase: client.PhaseFinal, Err: errors.Join(client.ErrEnding, io.EOF)}, false},
	} {
		if got := tc.err.ConnectionLost(); got != tc.want || errors.Is(tc.err, outcome.ErrConnectionLost) != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestIdleConnectionLost: a session that the server ended while it was idle, in words or without, is lost as well.
func TestIdleConnectionLost(t *testing.T) {
	for name, last := range map[string]string{"in words": "421 4.4.2 idle for too long\r\n", "in silence": ""} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				nc, err := ln.Accept()
				_ = ln.Close()
				if err != nil {
					return
				}
				_, _ = io.WriteString(nc, "220 mx.example.org\r\n")
				_, _ = nc.Read(make([]byte, 1000))
				_, _ = io.WriteString(nc, "250 mx.example.org\r\n")
				_, _ = nc.Read(make([]byte, 1000)) // NOOP
				_, _ = io.WriteString(nc, "250 here\r\n"+last)
				_ = nc.Close()
			}()
			conn, err := client.Dial(t.Context(), client.Config{Address: ln.Addr().String(), TLS: client.TLSNone})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if err := conn.Noop(t.Context()); err != nil {
				t.Fatal(err)
			}
			for conn.Alive() { // until the end has come over loopback
				runtime.Gosched()
			}
			if err := conn.Noop(t.Context()); !errors.Is(err, outcome.ErrConnectionLost) {
				t.Errorf("%v", err)
			}
		})
	}
}
