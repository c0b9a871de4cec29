package beside_test

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/bench/limit"
	"github.com/depeche-mail/depeche/bench/peer"
	"github.com/depeche-mail/depeche/interop/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// server is one that the rig starts, and a recipient whose mail it takes.
type server struct {
	name    string
	script  string
	setting string // of its address
	to      string
	lmtp    bool
	oneWay  bool // it has neither PIPELINING nor CHUNKING
	data    bool // it has no CHUNKING, and takes no command ahead of the reply to a content
	mails   int  // how many are measured
}

var servers = []server{
	{name: "Postfix", script: "postfix", setting: "POSTFIX_SMTP_ADDR", to: "discard@rig.test", mails: 128},
	{name: "Exim", script: "exim", setting: "EXIM_SMTP_ADDR", to: "discard@rig.test", mails: 128},
	{name: "Dovecot LMTP", script: "dovecot", setting: "DOVECOT_LMTP_ADDR", to: "alice@rig.test", lmtp: true, mails: 128},
	{name: "OpenSMTPD", script: "opensmtpd", setting: "OPENSMTPD_SMTP_ADDR", to: "beside@rig.test", oneWay: true, mails: 80}, // it takes a hundred in a connection
	{name: "Haraka", script: "haraka", setting: "HARAKA_SMTP_ADDR", to: "discard@rig.test", data: true, mails: 128},
}

// place is a running server.
type place struct {
	server

	target peer.Target
}

func (s server) start(t *testing.T) place {
	t.Helper()
	host, port := rig.Start(t, s.script).HostPort(t, s.setting)
	return place{s, peer.Target{Host: host, Port: port}}
}

const from = "bob@rig.test"

// load is a mail with a kibibyte of text.
func (p place) load() peer.Load {
	return peer.Load{
		From: from, To: p.to,
		Header: []peer.Field{
			{Name: "From", Value: "<" + from + ">"},
			{Name: "To", Value: "<" + p.to + ">"},
			{Name: "Date", Value: "Wed, 25 Nov 2026 12:00:00 +0000"},
			{Name: "Message-ID", Value: "<1@rig.test>"},
			{Name: "Subject", Value: "a kibibyte of text"},
		},
		Body: strings.Repeat("The quick brown fox jumps over the lazy dog, again.\r\n", 20),
	}
}

// limit connects a program without any library.
func (p place) limit(t *testing.T) *limit.Client {
	t.Helper()
	dial := limit.Dial
	if p.lmtp {
		dial = limit.DialLMTP
	}
	c, err := dial(net.JoinHostPort(p.target.Host, strconv.Itoa(p.target.Port)), from, p.to, nil)
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", p.name, err))
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
