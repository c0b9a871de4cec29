package extension_test

import (
	"errors"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/depeche-mail/depeche/transport/smtp/response"
	"github.com/google/go-cmp/cmp"
)

func parse(t *testing.T, lines ...string) extension.ServerInfo {
	t.Helper()
	info, err := extension.Parse(lines)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// TestParse reads replies to EHLO as servers write them: keywords in any case, twice, with odd parameters.
// TestParse: any letter case, several AUTH lines, the old form, blanks and unknown keywords.
func TestParse(t *testing.T) {
	info := parse(t, "mx.example.org greets you", "PIPELINING", "size 1000", "8BitMime", "AUTH PLAIN  login",
		"auth=CRAM-MD5 PLAIN", "", " \t STARTTLS \t", "XUNKNOWN a=b c", "LIMITS RCPTMAX=10")
	if info.Name() != "mx.example.org" {
		t.Errorf("name %q", info.Name())
	}
	want := []extension.Keyword{"8BITMIME", "AUTH", "LIMITS", "PIPELINING", "SIZE", "STARTTLS", "XUNKNOWN"}
	if diff := cmp.Diff(want, info.Keywords()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"PLAIN", "LOGIN", "CRAM-MD5"}, info.Mechanisms()); diff != "" {
		t.Error(diff)
	}
	if info.SizeLimit() != 1000 || info.Param("XUNKNOWN") != "a=b c" {
		t.Errorf("SIZE %d, XUNKNOWN %q", info.SizeLimit(), info.Param("XUNKNOWN"))
	}
	less := info.Without(extension.Size, extension.Pipelining)
	if less.Has(extension.Size) || less.Has(extension.Pipelining) || !less.Has(extension.StartTLS) || !info.Has(extension.Size) {
		t.Error("Without changed the wrong thing")
	}
}

func TestParseOddReplies(t *testing.T) {
	if info := parse(t, "PIPELINING is my name", "250"); info.Has(extension.Pipelining) || info.Name() != "PIPELINING" {
		t.Error("the first line was taken for a keyword")
	}
	if info := parse(t); info.Name() != "" || len(info.Keywords()) != 0 || info.SizeLimit() != 0 || info.Mechanisms() != nil {
		t.Error("an empty reply offers something")
	}
	var zero extension.ServerInfo
	if zero.Has(extension.Size) || len(zero.Without(extension.Size).Keywords()) != 0 {
		t.Error("the zero value offers something")
	}
	if info := parse(t, "x", "\u017fTARTTLS", "\u017fIZE 5"); len(info.Keywords()) != 0 {
		t.Errorf("look-alikes are offered: %v", info.Keywords())
	}
	_, err := extension.Parse(make([]string, 129))
	if _, ok := errors.AsType[*response.ProtocolError](err); !ok {
		t.Errorf("129 lines give %v", err)
	}
	for value, want := range map[string]int64{
		"": 0, "0": 0, "abc": 0, "-5": 0, "99999999999999999999": 0, "9223372036854775807": math.MaxInt64, "12 34": 0,
	} {
		if got := parse(t, "x", "SIZE "+value).SizeLimit(); got != want {
			t.Errorf("SIZE %s is %d, want %d", value, got, want)
		}
	}
}

func TestServerValues(t *testing.T) {
	for line, want := range map[string]extension.SessionLimits{
		"LIMITS":             {},
		"LIMITS RCPTMAX=100": {RcptMax: 100},
		"limits mailmax=10 rcptmax=20 rcptdomainmax=30": {MailMax: 10, RcptMax: 20, RcptDomainMax: 30},
		"LIMITS RCPTMAX=0 MAILMAX=-1 FOO=3":             {},
		"LIMITS RCPTMAX=1000000 MAILMAX=999999":         {MailMax: 999999},
		"LIMITS RCPTMAX MAILMAX= RCPTDOMAINMAX=x":       {},
		"LIMITS RCPTMAX=50 RCPTMAX=40 RCPTMAX=60":       {RcptMax: 40},
		"LIMITS RCPTMAX=007":                            {},
	} {
		if diff := cmp.Diff(want, parse(t, "x", line).Limits()); diff != "" {
			t.Errorf("%s\n%s", line, diff)
		}
	}
	info := parse(t, "x", "DELIVERBY 240", "FUTURERELEASE 3600 2030-01-02T12:00:00z", "MT-PRIORITY mixer", "CHUNKING", "BINARYMIME")
	if info.MinDeliverBy() != 4*time.Minute || info.MaxHoldFor() != time.Hour || !info.MaxHoldUntil().Equal(noon) || info.PriorityProfile() != "MIXER" {
		t.Errorf("%v, %v, %v, %v", info.MinDeliverBy(), info.MaxHoldFor(), info.MaxHoldUntil(), info.PriorityProfile())
	}
	odd := parse(t, "x", "DELIVERBY", "FUTURERELEASE 9999999999 tomorrow", "MT-PRIORITY")
	if odd.MinDeliverBy() != 0 || odd.MaxHoldFor() != 0 || !odd.MaxHoldUntil().IsZero() || odd.PriorityProfile() != "" {
		t.Error("a malformed value counts")
	}
	if !info.Has(extension.BinaryMIME) || info.Without("chunking").Has(extension.BinaryMIME) || parse(t, "x", "BINARYMIME").Has(extension.BinaryMIME) {
		t.Error("BINARYMIME is offered without CHUNKING")
	}
}

func TestParseClientID(t *testing.T) {
	for in, want := range map[string]string{
		"mail.example.org": "mail.example.org", "host": "host", "192.0.2.1": "[192.0.2.1]", "[192.0.2.1]": "[192.0.2.1]",
		"2001:db8::1": "[IPv6:2001:db8::1]", "[ipv6:2001:DB8::1]": "[IPv6:2001:db8::1]",
	} {
		got, err := extension.ParseHelloName(in)
		if err != nil || got.String() != want || got.IsZero() {
			t.Errorf("%s: %v, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "a b", "a\r\nb", "ü.example", "-a.example", "a..b", "[fe80::1%eth0]", "::1]", "[::1", "[192.0.2.1", "192.0.2.1]", strings.Repeat("a", 64), strings.Repeat("a.", 130)} {
		if got, err := extension.ParseHelloName(in); err == nil || !got.IsZero() {
			t.Errorf("%q was accepted as %v", in, got)
		}
	}
	if got := extension.LiteralHelloName(netip.MustParseAddr("::ffff:192.0.2.1")).String(); got != "[192.0.2.1]" {
		t.Errorf("mapped address: %s", got)
	}
}

func TestIsQualified(t *testing.T) {
	for name, want := range map[string]bool{
		"mail.example.org": true, "host": false, "localhost": false, "localhost.localdomain": false,
		"printer.local": false, "192.0.2.1": false, "a b.example": false, "": false,
		"HOST.LocalDomain": false, "300.0.2.1": false, "a.": false, "[192.0.2.1]": false, "[IPv6:2001:db8::1.2.3.4]": false,
	} {
		if got := extension.IsQualified(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

// TestDefaultClientID: the name is that of the machine when it is qualified, and else the address.
func TestDefaultClientID(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1%eth0")
	for _, tc := range []struct {
		host  string
		local netip.Addr
		want  string
	}{
		{"mail.example.org", v4, "mail.example.org"},
		{"mail.example.org.", v4, "mail.example.org"},
		{"laptop", v4, "[192.0.2.1]"},
		{"my_host.example.org", v6, "[IPv6:2001:db8::1]"},
		{"laptop.local", netip.Addr{}, "[127.0.0.1]"},
		{"", v4, "[192.0.2.1]"},
		{"10.0.0.1", v4, "[192.0.2.1]"},
	} {
		if got := extension.DefaultHelloName(tc.host, tc.local).String(); got != tc.want {
			t.Errorf("%q, %v: %s, want %s", tc.host, tc.local, got, tc.want)
		}
	}
	if got := extension.LiteralHelloName(netip.Addr{}); !got.IsZero() {
		t.Errorf("no address gives %v", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("x\nAUTH=PLAIN\nSIZE 1")
	f.Fuzz(func(t *testing.T, in string) {
		info, err := extension.Parse(strings.Split(in, "\n"))
		if err != nil {
			return
		}
		for _, k := range info.Keywords() {
			if string(k) != strings.ToUpper(string(k)) || strings.ContainsAny(string(k), " \t\r\n") || !info.Has(k) {
				t.Errorf("keyword %q", k)
			}
		}
		if info.SizeLimit() < 0 {
			t.Error("negative limit")
		}
	})
}
