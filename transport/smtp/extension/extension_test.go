package extension_test

import (
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/extension"
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
		t.Error("R-059: the first line was taken for a keyword")
	}
	if info := parse(t); info.Name() != "" || len(info.Keywords()) != 0 || info.SizeLimit() != 0 || info.Mechanisms() != nil {
		t.Error("an empty reply offers something")
	}
	var zero extension.ServerInfo
	if zero.Has(extension.Size) || len(zero.Without(extension.Size).Keywords()) != 0 {
		t.Error("the zero value offers something")
	}
	if _, err := extension.Parse(make([]string, 129)); err == nil {
		t.Error("R-056: 129 lines were accepted")
	}
	for value, want := range map[string]int64{
		"": 0, "0": 0, "abc": 0, "-5": 0, "99999999999999999999": 0, "9223372036854775807": math.MaxInt64, "12 34": 0,
	} {
		if got := parse(t, "x", "SIZE "+value).SizeLimit(); got != want {
			t.Errorf("R-054: SIZE %s is %d, want %d", value, got, want)
		}
	}
}

func TestParseClientID(t *testing.T) {
	for in, want := range map[string]string{
		"mail.example.org": "mail.example.org", "host": "host", "192.0.2.1": "[192.0.2.1]", "[192.0.2.1]": "[192.0.2.1]",
		"2001:db8::1": "[IPv6:2001:db8::1]", "[ipv6:2001:DB8::1]": "[IPv6:2001:db8::1]",
	} {
		got, err := extension.ParseClientID(in)
		if err != nil || got.String() != want || got.IsZero() {
			t.Errorf("%s: %v, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "a b", "a\r\nb", "ü.example", "-a.example", "a..b", "[fe80::1%eth0]", strings.Repeat("a", 64), strings.Repeat("a.", 130)} {
		if got, err := extension.ParseClientID(in); err == nil || !got.IsZero() {
			t.Errorf("%q was accepted as %v", in, got)
		}
	}
	if got := extension.LiteralClientID(netip.MustParseAddr("::ffff:192.0.2.1")).String(); got != "[192.0.2.1]" {
		t.Errorf("mapped address: %s", got)
	}
}

func TestIsQualified(t *testing.T) {
	for name, want := range map[string]bool{
		"mail.example.org": true, "host": false, "localhost": false, "localhost.localdomain": false,
		"printer.local": false, "192.0.2.1": false, "a b.example": false, "": false,
	} {
		if got := extension.IsQualified(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestMailParams(t *testing.T) {
	for want, p := range map[string]extension.MailParams{
		"":                               {},
		" SIZE=1000":                     {Size: 1000},
		" SIZE=1 BODY=8BITMIME SMTPUTF8": {Size: 1, Body: extension.Body8Bit, SMTPUTF8: true},
	} {
		if diff := cmp.Diff(want, string(p.AppendTo(nil))); diff != "" {
			t.Error(diff)
		}
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
