package envelope_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/google/go-cmp/cmp"
)

// TestParams: parameters have the form of RFC 5321 section 4.1.2, do not end a command, and do not stand in for options.
func TestParams(t *testing.T) {
	for list, good := range map[string]bool{
		"": true, "XPRIO": true, "XPRIO=5": true, "x-a=!#<>[]{} 9B=~": true, strings.Repeat("x", 500): true,
		strings.Repeat("x", 501): false, " XPRIO": false, "XPRIO ": false, "XPRIO  XB": false, "XPRIO=": false, "=5": false, "-X=5": false,
		"X_A=5": false, "XA=b=c": false, "XA=\r\nRCPT": false, "XA\r\nDATA": false, "XA=\x00": false, "XA=ü": false, "Xü": false, "XA\tXB": false,
		"SIZE=1": false, "body=8BITMIME": false, "XA AUTH=<>": false, "NOTIFY=NEVER": false, "ORCPT=rfc822;a": false, "RET=HDRS": false,
	} {
		for field, o := range map[string]envelope.Options{"MailParams": {MailParams: list}, "RcptParams": {RcptParams: list}} {
			err := o.Check()
			if (err == nil) != good {
				t.Errorf("%s %q: %v", field, list, err)
			}
			if refused, ok := errors.AsType[*envelope.FieldError](err); !good && (!ok || refused.Field != field) {
				t.Errorf("%s %q: %v", field, list, err)
			}
		}
	}
	if diff := cmp.Diff([]string{"XPRIO", "XB"}, envelope.ParamKeywords("xprio=5 XB")); diff != "" || envelope.ParamKeywords("") != nil {
		t.Error(diff)
	}
}

// FuzzParams: what is accepted stays on one line, in visible ASCII.
func FuzzParams(f *testing.F) {
	f.Add("XPRIO=5 XB")
	f.Add("XA=\r\nDATA")
	f.Fuzz(func(t *testing.T, list string) {
		o := envelope.Options{MailParams: list}
		if o.Check() == nil && strings.ContainsFunc(list, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q is accepted", list)
		}
	})
}
