package smtp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/response"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// TestNextAddress: when an address of the relay refuses sessions because of its load, the next one gets the mail; when
// all fail, the first refusal is the error, and says what came of the others. While a connection is open none of them is asked.
func TestNextAddress(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Security = smtptest.Plaintext
	srv.Start()
	const one, two, three = "127.0.0.1", "127.0.0.2", "127.0.0.3" // nothing listens at three
	for name, tc := range map[string]struct {
		first, second string // what is said in place of a greeting; "" where the mail is taken
		found         []string
		want          []string // in the error; nil where the mail goes out
	}{
		"421":                       {"421 4.3.2 busy", "", []string{one, two}, nil},
		"554":                       {"554 5.3.2 no service", "", []string{one, two}, nil},
		"450":                       {"450 4.3.2 later", "", []string{one, two}, nil},
		"in another order":          {"421 4.3.2 busy", "", []string{two, one}, nil}, // the system chose one
		"after an unreachable one":  {"421 4.3.2 busy", "", []string{three, one, two}, nil},
		"all refuse":                {"421 4.3.2 first", "421 4.3.2 second", []string{one, two}, []string{two, "greeting: 421 4.3.2 second"}},
		"the last cannot be dialed": {"421 4.3.2 first", "421 4.3.2 second", []string{one, two, three}, []string{two, "second", three, "dial: ", "refused"}},
		"none can be dialed":        {"554 5.3.2 first", "", []string{one, three}, []string{three, "dial: "}},
		"refused for good":          {"421 4.3.2 first", "220 x ESMTP\r\n500 5.5.2 second", []string{one, two}, []string{two, "second"}},
		"no other":                  {"421 4.3.2 first", "", []string{one}, []string{"first"}},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			busy := listener(t, one+":0", func(nc net.Conn) {
				asked.Add(1)
				_, _ = io.WriteString(nc, tc.first+"\r\n")
			})
			port := busy.Addr().(*net.TCPAddr).Port
			listener(t, net.JoinHostPort(two, strconv.Itoa(port)), func(nc net.Conn) {
				if tc.second != "" {
					_, _ = io.WriteString(nc, tc.second+"\r\n")
					_, _ = io.Copy(io.Discard, nc) // ends with the connection
					return
				}
				forward(t.Context(), srv, nc)
			})
			sender, err := DangerousPlaintext("localhost").Port(port).Build()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = sender.Close() }()
			sender.lookUp = func(context.Context, string, string) (list []netip.Addr, err error) {
				for _, ip := range tc.found {
					list = append(list, netip.MustParseAddr(ip))
				}
				return list, nil
			}
			result, err := sender.Send(t.Context(), someMail(t))
			if n := asked.Load(); n != 1 {
				t.Errorf("the address that refused was asked %d times", n)
			}
			if tc.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			failed, _ := errors.AsType[*transport.SendError](err)
			if failed == nil || failed.Reply.String() != tc.first || result.Recipients[0].Outcome != transport.NotSent {
				t.Fatalf("%v, %v", result, err)
			}
			rest := err.Error()
			for _, want := range tc.want {
				var ok bool
				if _, rest, ok = strings.Cut(rest, want); !ok {
					t.Errorf("%v: does not say %q in its place", err, want)
				}
			}
			if strings.Contains(err.Error(), "Dialer") {
				t.Errorf("%v: there is no dialer of the caller", err)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q is not one line", err)
			}
			if passes := failed.Temporary(); passes != (tc.first[0] == '4') {
				t.Errorf("%v: temporary is %v", err, passes)
			}
		})
	}
}

// TestOneGoesToTheOtherAddresses: of ten connections that an address refuses at once, one is tried at the next address, and
// what comes of it is the end of the mails of all.
func TestOneGoesToTheOtherAddresses(t *testing.T) {
	const n = 10
	var ahead sync.WaitGroup
	ahead.Add(n)
	busy := listener(t, "127.0.0.1:0", func(nc net.Conn) {
		ahead.Done()
		ahead.Wait() // each has its connection, so that none waits for that of another
		_, _ = io.WriteString(nc, "421 4.3.2 first\r\n")
	})
	port := busy.Addr().(*net.TCPAddr).Port
	sender, err := DangerousPlaintext("localhost").Port(port).Pool(Pool{MaxOpen: n}).Build()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sender.Close() }()
	var asked atomic.Int32
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	listener(t, net.JoinHostPort("127.0.0.2", strconv.Itoa(port)), func(nc net.Conn) {
		asked.Add(1)
		for sender.Stats().Waiting < n-1 && asked.Load() < 2 {
			<-tick.C
		}
		_, _ = io.WriteString(nc, "421 4.3.2 second\r\n")
	})
	sender.lookUp = func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}, nil
	}
	var sends sync.WaitGroup
	m := someMail(t)
	for range n {
		sends.Go(func() {
			_, err := sender.Send(t.Context(), m)
			failed, _ := errors.AsType[*transport.SendError](err)
			if failed == nil || failed.Reply.String() != "421 4.3.2 first" || !strings.Contains(err.Error(), "second") {
				t.Errorf("%v", err)
			}
		})
	}
	sends.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("the next address was asked %d times", n)
	}
}

// TestOtherAddressRefusesTheSecret: that is seen, and does not decide.
func TestOtherAddressRefusesTheSecret(t *testing.T) {
	first := &client.Error{Phase: client.PhaseGreeting, Response: response.Response{Code: response.ServiceUnavailable}}
	second := &client.Error{Phase: client.PhaseAuth, Err: &authentication.Error{Kind: authentication.KindRejected}}
	others := &otherAddressesError{[]addressError{{"x:25", second}}}
	both := others.beside(first)
	if !refusedSecret(both) || refusedSecret(first) {
		t.Error("the refused secret was not seen")
	}
	if failed, _ := errors.AsType[*client.Error](both); !refusesConnection(failed) || !failed.Temporary() {
		t.Errorf("%v: the refusal of a secret decides", both)
	}
}

// someMail is a mail to oneself.
func someMail(t *testing.T) transport.Mail {
	t.Helper()
	from, err := envelope.ParseAddress("a@example.org")
	if err != nil {
		t.Fatal(err)
	}
	env, err := envelope.New(from, from)
	if err != nil {
		t.Fatal(err)
	}
	return transport.Raw(env, []byte("Subject: x\r\n\r\nx\r\n"))
}

// forward lets a connection speak to a server.
func forward(ctx context.Context, srv *smtptest.Server, nc net.Conn) {
	to, err := srv.Dial(ctx, "", "")
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(to, nc) // ends with the connection
		_ = to.Close()
	}()
	_, _ = io.Copy(nc, to) // ends with the connection
}

// listener serves each connection to an address until the end of the test.
func listener(t *testing.T, address string, serve func(net.Conn)) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				serve(nc)
				_ = nc.Close()
			}()
		}
	}()
	return l
}
