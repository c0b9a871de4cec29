package extension_test

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

func TestMailParams(t *testing.T) {
	for want, p := range map[string]extension.MailParams{
		"":                                {},
		" SIZE=1000":                      {Size: 1000},
		" SIZE=1 BODY=8BITMIME SMTPUTF8":  {Size: 1, Body: extension.Body8Bit, SMTPUTF8: true},
		" BODY=BINARYMIME":                {Size: -1, Body: extension.BodyBinary},
		" RET=HDRS ENVID=a+2Bb+20c+3D":    {Return: envelope.ReturnHeaders, EnvelopeID: "a+b c="},
		" AUTH=<>":                        {Auth: "<>"},
		` AUTH="a+20b+2B"@example.org`:    {Auth: `"a b+"@example.org`},
		" REQUIRETLS":                     {RequireTLS: true},
		" BY=120;R":                       {By: envelope.DeliverBy{Within: 2*time.Minute + time.Millisecond}},
		" BY=0;N":                         {By: envelope.DeliverBy{Notify: true}},
		" BY=-2;NT":                       {By: envelope.DeliverBy{Within: -1500 * time.Millisecond, Notify: true, Trace: true}},
		" MT-PRIORITY=-9":                 {Priority: -9},
		" MT-PRIORITY=9":                  {Priority: 9},
		" HOLDFOR=61":                     {HoldFor: time.Minute + time.Nanosecond},
		" HOLDUNTIL=2030-01-02T12:00:00Z": {HoldUntil: noon.In(time.FixedZone("", 7200))},
		" HOLDUNTIL=2030-01-02T12:00:01Z": {HoldUntil: noon.Add(time.Nanosecond)},
	} {
		if err := p.Check(); err != nil {
			t.Errorf("%s: %v", want, err)
		}
		if diff := cmp.Diff(want, string(p.AppendTo(nil))); diff != "" {
			t.Error(diff)
		}
	}
}

func TestMailParamsCheck(t *testing.T) {
	for _, tc := range []struct {
		param string
		p     extension.MailParams
	}{
		{"BODY", extension.MailParams{Body: "8bitmime"}},
		{"BODY", extension.MailParams{Body: "7BIT\r\nRCPT TO:<x@y>"}},
		{"RET", extension.MailParams{Return: "full"}},
		{"ENVID", extension.MailParams{EnvelopeID: "a\r\nb"}},
		{"MAIL", extension.MailParams{Extra: "XA=\r\nDATA"}},
		{"MAIL", extension.MailParams{Extra: "SIZE=1"}},
		{"ENVID", extension.MailParams{EnvelopeID: "ü"}},
		{"ENVID", extension.MailParams{EnvelopeID: strings.Repeat("a", 101)}},
		{"ENVID", extension.MailParams{EnvelopeID: strings.Repeat("+", 34)}},
		{"AUTH", extension.MailParams{Auth: "a\x00@b"}},
		{"AUTH", extension.MailParams{Auth: strings.Repeat("a", 495)}},
		{"MT-PRIORITY", extension.MailParams{Priority: 10}},
		{"MT-PRIORITY", extension.MailParams{Priority: -10}},
		{"BY", extension.MailParams{By: envelope.DeliverBy{Within: 999 * time.Millisecond}}},
		{"BY", extension.MailParams{By: envelope.DeliverBy{Trace: true}}},
		{"BY", extension.MailParams{By: envelope.DeliverBy{Within: 1_000_000_000 * time.Second}}},
		{"BY", extension.MailParams{By: envelope.DeliverBy{Within: -1_000_000_000 * time.Second, Notify: true}}},
		{"HOLDFOR", extension.MailParams{HoldFor: -1}},
		{"HOLDFOR", extension.MailParams{HoldFor: 999_999_999*time.Second + 1}},
		{"HOLDUNTIL", extension.MailParams{HoldFor: 1, HoldUntil: noon}},
		{"HOLDUNTIL", extension.MailParams{HoldUntil: noon.AddDate(8000, 0, 0)}},
		{"HOLDUNTIL", extension.MailParams{HoldUntil: noon.AddDate(-3000, 0, 0)}},
	} {
		wantParamError(t, tc.p.Check(), tc.param)
	}
	for name, p := range map[string]extension.MailParams{
		"longest ENVID": {EnvelopeID: strings.Repeat("a", 100)}, "longest AUTH": {Auth: strings.Repeat("a", 494)},
		"longest HOLDFOR": {HoldFor: 999_999_999 * time.Second}, "longest BY": {By: envelope.DeliverBy{Within: 999_999_999 * time.Second}},
	} {
		if err := p.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEnvelopeRefusesWhatParametersRefuse: delivery options that an envelope takes can be written to a server,
// and what cannot be written is refused when the envelope is made, not by every send.
func TestEnvelopeRefusesWhatParametersRefuse(t *testing.T) {
	address, err := envelope.ParseAddress("a@example.org")
	if err != nil {
		t.Fatal(err)
	}
	durations := []time.Duration{-1_000_000_000 * time.Second, -999_999_999 * time.Second, -1, 0, 1, time.Second - 1, time.Second, 999_999_999 * time.Second, 999_999_999*time.Second + 1}
	count := 0
	for _, id := range []string{"", "a", strings.Repeat("+", 33), strings.Repeat("+", 34), strings.Repeat("x", 100), strings.Repeat("x", 101), "ü", "a\n"} {
		for _, hold := range durations {
			for _, by := range durations {
				for bits := range 4 {
					options := envelope.Options{EnvelopeID: id, HoldFor: hold, Priority: bits * 5, DeliverBy: envelope.DeliverBy{Within: by, Notify: bits&1 != 0, Trace: bits&2 != 0}}
					_, refused := envelope.NewWithOptions(address, []envelope.Recipient{{Address: address}}, options)
					params := extension.MailParams{EnvelopeID: id, HoldFor: hold, Priority: options.Priority, By: options.DeliverBy}
					if (refused == nil) != (params.Check() == nil) {
						t.Fatalf("%+v: the envelope says %v, the parameters say %v", options, refused, params.Check())
					}
					count++
				}
			}
		}
	}
	t.Log(count, "combinations")
}

func wantParamError(t *testing.T, err error, param string) {
	t.Helper()
	var refused *extension.ParamError
	if !errors.As(err, &refused) || refused.Param != param || !strings.HasPrefix(err.Error(), param) || len(err.Error()) > 400 {
		t.Errorf("got %v, want a ParamError for %s", err, param)
	}
}

func TestMailParamsCheckOffer(t *testing.T) {
	info := parse(t, "mx", "SIZE 1000", "8BITMIME", "DELIVERBY 240", "FUTURERELEASE 3600 2030-01-02T12:00:00Z", "BINARYMIME")
	for _, tc := range []struct {
		p     extension.MailParams
		fault extension.UnsupportedError
	}{
		{extension.MailParams{Size: 1000, Body: extension.Body8Bit, HoldFor: time.Hour}, extension.UnsupportedError{}},
		{extension.MailParams{By: envelope.DeliverBy{Within: 240 * time.Second}, HoldUntil: noon}, extension.UnsupportedError{}},
		{extension.MailParams{By: envelope.DeliverBy{Within: time.Second, Notify: true}}, extension.UnsupportedError{}},
		{extension.MailParams{Size: 1001}, extension.UnsupportedError{Keyword: extension.Size, Param: "SIZE", Reason: "at most 1000 octets"}},
		{extension.MailParams{By: envelope.DeliverBy{Within: 239 * time.Second}}, extension.UnsupportedError{Keyword: extension.DeliverBy, Param: "BY", Reason: "at least 4m0s"}},
		{extension.MailParams{HoldFor: time.Hour + 1}, extension.UnsupportedError{Keyword: extension.FutureRelease, Param: "HOLDFOR", Reason: "at most 1h0m0s"}},
		{extension.MailParams{HoldUntil: noon.Add(1)}, extension.UnsupportedError{Keyword: extension.FutureRelease, Param: "HOLDUNTIL", Reason: "at most until 2030-01-02T12:00:00Z"}},
		{extension.MailParams{Body: extension.BodyBinary}, extension.UnsupportedError{Keyword: extension.BinaryMIME, Param: "BODY"}},
		{extension.MailParams{SMTPUTF8: true}, extension.UnsupportedError{Keyword: extension.SMTPUTF8, Param: "SMTPUTF8"}},
		{extension.MailParams{Return: envelope.ReturnFull}, extension.UnsupportedError{Keyword: extension.DSN, Param: "RET"}},
		{extension.MailParams{EnvelopeID: "x"}, extension.UnsupportedError{Keyword: extension.DSN, Param: "ENVID"}},
		{extension.MailParams{Auth: "<>"}, extension.UnsupportedError{Keyword: extension.Auth, Param: "AUTH"}},
		{extension.MailParams{RequireTLS: true}, extension.UnsupportedError{Keyword: extension.RequireTLS, Param: "REQUIRETLS"}},
		{extension.MailParams{Priority: 1}, extension.UnsupportedError{Keyword: extension.MTPriority, Param: "MT-PRIORITY"}},
	} {
		var got extension.UnsupportedError
		err := tc.p.CheckSupported(info)
		if refused, ok := errors.AsType[*extension.UnsupportedError](err); ok {
			got = *refused
			if !strings.Contains(err.Error(), got.Param) {
				t.Errorf("the error does not name the parameter: %v", err)
			}
		}
		if diff := cmp.Diff(tc.fault, got); diff != "" {
			t.Error(diff)
		}
	}
	bare := parse(t, "mx")
	for _, p := range []extension.MailParams{{Size: 1}, {Body: extension.Body7Bit}, {By: envelope.DeliverBy{Notify: true}}, {HoldFor: 1}, {HoldUntil: noon}} {
		if p.CheckSupported(bare) == nil {
			t.Errorf("%s was let through", p.AppendTo(nil))
		}
	}
}

func TestRcptParams(t *testing.T) {
	for want, p := range map[string]extension.RcptParams{
		"":                                     {},
		" NOTIFY=NEVER":                        {Notify: envelope.NotifyNever},
		" NOTIFY=SUCCESS,FAILURE,DELAY":        {Notify: envelope.NotifySuccess | envelope.NotifyFailure | envelope.NotifyDelay},
		" ORCPT=rfc822;a+2Bb@example.org":      {Original: extension.OriginalRecipient{Address: "a+b@example.org"}},
		` ORCPT=utf-8;\x{FC}@example.org`:      {Original: extension.OriginalRecipient{Address: "ü@example.org"}},
		" ORCPT=utf-8;ü@example.org":           {Original: extension.OriginalRecipient{Address: "ü@example.org"}, UTF8: true},
		` ORCPT=utf-8;a\x{2B}b@example.org`:    {Original: extension.OriginalRecipient{Type: "utf-8", Address: "a+b@example.org"}, UTF8: true},
		" NOTIFY=DELAY ORCPT=x400;/c+3Dde/":    {Notify: envelope.NotifyDelay, Original: extension.OriginalRecipient{Type: "x400", Address: "/c=de/"}},
		` ORCPT=rfc822;"x+20NOTIFY+3DNEVER"@y`: {Original: extension.OriginalRecipient{Address: `"x NOTIFY=NEVER"@y`}},
	} {
		if err := p.Check(); err != nil {
			t.Errorf("%s: %v", want, err)
		}
		if diff := cmp.Diff(want, string(p.AppendTo(nil))); diff != "" {
			t.Error(diff)
		}
		if p := p; p.CheckSupported(parse(t, "mx", "DSN")) != nil || (want == "") != (p.CheckSupported(parse(t, "mx")) == nil) {
			t.Errorf("%s: wrong answer about DSN", want)
		}
	}
}

func TestRcptParamsCheck(t *testing.T) {
	for _, tc := range []struct {
		param string
		p     extension.RcptParams
	}{
		{"NOTIFY", extension.RcptParams{Notify: envelope.NotifyNever | envelope.NotifyDelay}},
		{"NOTIFY", extension.RcptParams{Notify: 16}},
		{"ORCPT", extension.RcptParams{Original: extension.OriginalRecipient{Type: "rfc822"}}},
		{"ORCPT", extension.RcptParams{Original: extension.OriginalRecipient{Type: "rfc822", Address: "ü@x"}}},
		{"ORCPT", extension.RcptParams{Original: extension.OriginalRecipient{Type: "a b", Address: "x"}}},
		{"ORCPT", extension.RcptParams{Original: extension.OriginalRecipient{Type: "a;b", Address: "x"}}},
		{"ORCPT", extension.RcptParams{Original: extension.OriginalRecipient{Address: "a\r\nb"}}},
		{"ORCPT", extension.RcptParams{Original: extension.OriginalRecipient{Address: "\xff"}}},
		{"ORCPT", extension.RcptParams{Original: extension.OriginalRecipient{Address: "ü\u0085"}}},
		{"ORCPT", extension.RcptParams{Original: extension.OriginalRecipient{Address: strings.Repeat("a", 488)}}},
		{"ORCPT", extension.RcptParams{Original: extension.OriginalRecipient{Address: strings.Repeat("ü", 82)}}},
	} {
		wantParamError(t, tc.p.Check(), tc.param)
	}
	if err := (extension.RcptParams{Original: extension.OriginalRecipient{Address: strings.Repeat("a", 487)}}).Check(); err != nil {
		t.Error(err)
	}
}

func TestMaxLine(t *testing.T) {
	for want, p := range map[int]extension.MailParams{
		512: {}, 538: {Size: 1}, 529: {Body: extension.Body8Bit}, 522: {SMTPUTF8: true}, 620: {EnvelopeID: "x", Return: envelope.ReturnFull},
		517: {Extra: "XA=1"}, 1012: {Auth: "<>"}, 523: {RequireTLS: true}, 527: {Priority: 1}, 546: {HoldFor: 1},
		512 + 26 + 17 + 10 + 17: {Size: 1, Body: extension.BodyBinary, SMTPUTF8: true, By: envelope.DeliverBy{Notify: true}},
	} {
		if got := p.MaxLine(); got != want {
			t.Errorf("%s: %d, want %d", p.AppendTo(nil), got, want)
		}
	}
	if n := (extension.RcptParams{}).MaxLine(); n != 512 {
		t.Errorf("bare RCPT: %d", n)
	}
	if n := (extension.RcptParams{Extra: "XA"}).MaxLine(); n != 515 {
		t.Errorf("RCPT with XA: %d", n)
	}
	if err := (extension.RcptParams{Extra: "XA XB=\r\n"}).Check(); err == nil {
		t.Error("a line end in a parameter of RCPT")
	}
	if n := (extension.RcptParams{Notify: envelope.NotifyNever}).MaxLine(); n != 1013 {
		t.Errorf("RCPT with DSN: %d", n)
	}
}

// TestParamsDoNotAllocate keeps the cost of what is done with every message.
func TestParamsDoNotAllocate(t *testing.T) {
	info := parse(t, "mx", "SIZE 1000000", "8BITMIME", "LIMITS RCPTMAX=100", "DSN")
	mail := extension.MailParams{Size: 12345, Body: extension.Body8Bit}
	rcpt := extension.RcptParams{Notify: envelope.NotifyFailure}
	buffer := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() {
		if mail.Check() != nil || mail.CheckSupported(info) != nil || rcpt.Check() != nil || rcpt.CheckSupported(info) != nil {
			t.Fatal("refused")
		}
		if len(rcpt.AppendTo(mail.AppendTo(buffer))) == 0 || info.Limits().RcptMax != 100 {
			t.Fatal("nothing appended")
		}
	}); n > 0 {
		t.Errorf("%.0f allocations", n)
	}
}

func BenchmarkCheckOffer(b *testing.B) {
	info, err := extension.Parse([]string{"mx", "SIZE 1000000", "8BITMIME", "LIMITS RCPTMAX=100", "DSN"})
	if err != nil {
		b.Fatal(err)
	}
	p := extension.MailParams{Size: 12345, Body: extension.Body8Bit}
	b.ReportAllocs()
	for b.Loop() {
		if p.Check() != nil || p.CheckSupported(info) != nil {
			b.Fatal("refused")
		}
	}
}

// FuzzParams holds that what Check lets through is a row of well-formed parameters, read here by
// splitting at spaces.
func FuzzParams(f *testing.F) {
	f.Add("a+b c", "<>", "x@y", "rfc822", int64(5), int64(6), uint8(2))
	f.Fuzz(func(t *testing.T, envid, auth, original, addrType string, within, hold int64, bits uint8) {
		mail := extension.MailParams{
			EnvelopeID: envid, Auth: auth, HoldFor: time.Duration(hold), Priority: int(bits) - 20,
			By: envelope.DeliverBy{Within: time.Duration(within), Notify: bits&1 != 0, Trace: bits&2 != 0},
		}
		rcpt := extension.RcptParams{Notify: envelope.Notify(bits), UTF8: bits&1 != 0, Original: extension.OriginalRecipient{Type: addrType, Address: original}}
		if mail.Check() == nil {
			checkParams(t, string(mail.AppendTo(nil)), map[string]string{"ENVID": envid, "AUTH": auth})
			if n := len(mail.AppendTo(nil)); n > mail.MaxLine()-512+1 {
				t.Errorf("%d octets of parameters in a line of %d", n, mail.MaxLine())
			}
		}
		if rcpt.Check() == nil {
			checkParams(t, string(rcpt.AppendTo(nil)), nil)
			if n := len(rcpt.AppendTo(nil)); n > rcpt.MaxLine()-512+len(" NOTIFY=SUCCESS,FAILURE,DELAY") {
				t.Errorf("%d octets of parameters in a line of %d", n, rcpt.MaxLine())
			}
		}
	})
}

// checkParams reads parameters (RFC 5321 section 4.1.2) and compares some of them after decoding.
// unescaped decodes xtext with a regular expression and fmt: an oracle that shares no code with the encoder.
func unescaped(value string) string {
	return regexp.MustCompile(`\+[0-9A-F]{2}`).ReplaceAllStringFunc(value, func(escape string) string {
		n, _ := strconv.ParseInt(escape[1:], 16, 64)
		return string([]byte{byte(n)})
	})
}

func checkParams(t *testing.T, line string, want map[string]string) {
	t.Helper()
	if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f || r == '�' }) {
		t.Fatalf("unprintable parameters %q", line)
	}
	for i, param := range strings.Split(line, " ") {
		keyword, value, hasValue := strings.Cut(param, "=")
		switch {
		case i == 0 && param == "":
			continue
		case keyword == "" || hasValue && value == "" || strings.Contains(value, "="):
			t.Errorf("malformed parameter %q in %q", param, line)
		case want[keyword] != "" && unescaped(value) != want[keyword]:
			t.Errorf("%q went out as %q", want[keyword], value)
		}
	}
}
