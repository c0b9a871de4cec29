package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/depeche-mail/depeche/cmd/depeche/internal/catch"
	"github.com/depeche-mail/depeche/transport"
	"github.com/spf13/cobra"
)

// catchFlags are the flags of catch.
type catchFlags struct {
	config           catch.Config
	security         string
	relay, authority string
	maxOctets        int64
	json             bool
}

func newCatch(w *World) *cobra.Command {
	var f catchFlags
	cmd := &cobra.Command{
		Use:   "catch",
		Short: "Catch mail in development and show it in a browser",
		Long: `Catch is a mail server that delivers nothing. What a program sends to port 1025 is shown at
http://127.0.0.1:8025/, and as JSON below /api/ for end-to-end tests:

  GET    /api/mails?q=from:shop         DELETE /api/mails
  GET    /api/wait?q=to:hei&timeout=30s POST   /api/mails/ID/release

It listens on this machine alone, takes any login, and forgets the oldest mails when
there are too many. Nothing leaves, except through --relay on request and to --webhook.

` + catch.FaultHelp + `

` + catch.LimitHelp + `

Dialects:
` + strings.TrimRight(catch.DialectHelp(), "\n"),
		Example: `  depeche catch
  depeche catch --folder ./caught --relay smtp://localhost --tls starttls
  depeche catch --fail "550 for b@*" --fail "lose at end" --dialect exim
  depeche catch --dialect gmail --limit "100 mails a day" --limit "2 connections"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return w.catch(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.config.MailAddress, "smtp", "127.0.0.1:1025", "where mail is taken; port 0 is a free one")
	flags.StringVar(&f.config.PageAddress, "http", "127.0.0.1:8025", "where mail is shown; port 0 is a free one")
	flags.StringArrayVar(&f.config.Hosts, "host", nil, "a name, besides localhost, under which a browser may ask")
	flags.BoolVar(&f.config.LMTP, "lmtp", false, "speak LMTP instead of SMTP")
	flags.StringVar(&f.security, "tls", "none", "none, starttls or implicit; the authority to trust is printed")
	flags.StringVar(&f.authority, "authority", "", "a file to write the authority to, in PEM")
	flags.StringVar(&f.config.Dialect, "dialect", "", "talk as another server does: "+catch.DialectNames())
	flags.StringArrayVar(&f.config.Faults, "fail", nil, "a fault, such as \"550 for b@*\"; may be repeated")
	flags.StringArrayVar(&f.config.RelayLimits, "limit", nil, "a limit, such as \"30 mails a minute\"; may be repeated, one of each kind")
	flags.StringVar(&f.config.Folder, "folder", "", "a folder that keeps the mails when the command ends")
	flags.IntVar(&f.config.Limits.Mails, "max-mails", 5000, "how many mails are kept; the oldest go")
	flags.Int64Var(&f.maxOctets, "max-memory", 256, "how many MiB of mail are kept; the oldest go")
	flags.Int64Var(&f.config.MaxSize, "max-size", 32<<20, "the largest mail in octets")
	flags.StringVar(&f.relay, "relay", "", "the URL of a relay that mails are released to on request")
	flags.StringVar(&f.config.Webhook, "webhook", "", "a URL that each mail is posted to as JSON")
	flags.BoolVar(&f.json, "json", false, "print what happens as JSON, a line each")
	complete(cmd, "tls", "none", "starttls", "implicit")
	complete(cmd, "dialect", strings.Split(catch.DialectNames(), ", ")...)
	return cmd
}

// catch runs the server until ctx ends.
func (w *World) catch(ctx context.Context, f catchFlags) error {
	f.config.Limits.Octets = f.maxOctets << 20
	f.config.Security = catch.Security(f.security)
	f.config.Log = w.catchLog(f.json)
	if f.maxOctets < 1 || f.config.Limits.Mails < 1 || f.config.MaxSize < 1 {
		return fail(exitUsage, errors.New("--max-mails, --max-memory and --max-size must be 1 or more"))
	}
	if f.config.MaxSize > f.config.Limits.Octets {
		return fail(exitUsage, fmt.Errorf("--max-size %d is more than --max-memory %d MiB", f.config.MaxSize, f.maxOctets))
	}
	if f.authority != "" && (f.config.Security == catch.NoTLS || f.config.Security == "") {
		return fail(exitUsage, errors.New("--authority is for --tls starttls and --tls implicit"))
	}
	if err := checkWebhook(f.config.Webhook); err != nil {
		return fail(exitUsage, err)
	}
	if f.relay != "" {
		u, cleanup, err := w.relay(f.relay)
		defer cleanup()
		if err != nil {
			return err
		}
		if f.config.Release, err = u.Open(); err != nil {
			return fail(exitUsage, err)
		}
		defer func() { _ = transport.Close(f.config.Release) }()
		f.config.ReleaseTo = u.String()
	}
	server, err := catch.Start(ctx, f.config)
	if err != nil {
		return fail(listenStatus(err), err)
	}
	if f.authority != "" {
		if err := os.WriteFile(f.authority, server.AuthorityPEM(), 0o644); err != nil { //nolint:gosec // it holds no secret
			return fail(exitUsage, err)
		}
	}
	w.announce(f, server)
	return fail(exitTemporary, server.Serve(ctx))
}

// listenStatus tells an address that is taken or cannot be listened on, from arguments that cannot be used: a text that is
// not an address is among them.
func listenStatus(err error) int {
	_, isNoAddress := errors.AsType[*net.AddrError](err)
	if _, ok := errors.AsType[*net.OpError](err); ok && !isNoAddress {
		return exitTemporary
	}
	return exitUsage
}

func checkWebhook(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("--webhook %s: want a URL with http or https and a host", text)
	}
	return nil
}

// started is the first line of catch --json.
type started struct {
	Event     string `json:"event"`
	SMTP      string `json:"smtp"`
	Page      string `json:"page"`
	API       string `json:"api"`
	Authority string `json:"authority,omitempty"`
}

// announce says where the server is.
func (w *World) announce(f catchFlags, server *catch.Server) {
	authority := ""
	if f.config.Security == catch.StartTLS || f.config.Security == catch.ImplicitTLS {
		authority = string(server.AuthorityPEM())
	}
	if f.json {
		w.printJSON(started{"started", server.MailAddress(), server.PageURL(), server.PageURL() + "api/", authority})
		return
	}
	protocol := "SMTP"
	if f.config.LMTP {
		protocol = "LMTP"
	}
	fmt.Fprintf(w.Stdout, "%s  %s (any login)\npage  %s\n", protocol, server.MailAddress(), server.PageURL())
	if n := len(server.Inbox().Mails()); n > 0 {
		fmt.Fprintf(w.Stdout, "kept  %d from before, in %s\n", n, f.config.Folder)
	}
	if authority != "" {
		fmt.Fprintf(w.Stdout, "TLS   %s; programs have to trust this authority:\n%s", f.config.Security, authority)
	}
	for _, address := range []string{f.config.MailAddress, f.config.PageAddress} {
		if !isLoopback(address) {
			fmt.Fprintf(w.Stderr, "depeche: %s can be reached from other machines, and there is no password\n", address)
		}
	}
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "localhost" {
		return err == nil
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// catchLog returns what prints the events.
func (w *World) catchLog(asJSON bool) func(catch.Event) {
	var mu sync.Mutex
	return func(e catch.Event) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case asJSON:
			w.printJSON(e)
		case e.Error != "":
			fmt.Fprintf(w.Stderr, "depeche: %s: %s %s\n", e.Event, e.ID, e.Error)
		default:
			fmt.Fprintf(w.Stdout, "%s  %s\n", e.Event, e.Mail)
		}
	}
}
