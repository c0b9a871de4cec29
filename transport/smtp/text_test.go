package smtp_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/google/go-cmp/cmp"
)

// TestSecretPrints: a Secret shows that there is one, and nothing of it.
func TestSecretPrints(t *testing.T) {
	if s := smtp.NewSecret("hunter2"); fmt.Sprintf("%s %+v %#v %x", s, s, s, &s) != "*** *** *** ***" || s.Reveal() != "hunter2" || s.IsZero() {
		t.Errorf("%#v", s)
	}
	if s := smtp.NewSecret(""); s.String() != "" || !s.IsZero() || s.Reveal() != "" || !s.Equal(smtp.Secret{}) {
		t.Errorf("%#v", s)
	}
}

// TestTypesPrintThemselves: each type that a program holds is one line for every verb, and a short group in slog.
func TestTypesPrintThemselves(t *testing.T) {
	sender := build(t, smtp.StartTLSRelay("mx.example.org").Login("jane", "secret"))
	info, err := extension.Parse([]string{"mx.example.org hello", "SIZE 1000", "AUTH PLAIN LOGIN"})
	if err != nil {
		t.Fatal(err)
	}
	stats := smtp.Stats{Idle: 1, Busy: 2, Opened: 3}
	for _, tc := range []struct {
		value     any
		text, log string
	}{
		{sender, "mx.example.org:587", "v.relay=mx.example.org:587 v.user=jane"},
		{info, "mx.example.org: AUTH PLAIN LOGIN, SIZE 1000", `v="mx.example.org: AUTH PLAIN LOGIN, SIZE 1000"`},
		{extension.ServerInfo{}, "offers nothing", `v="offers nothing"`},
		{
			stats, "1 idle, 2 busy, 0 opening, 0 waiting; 3 opened, 0 failed, 0 reused, 0 closed, 0 waits of 0s together",
			"v.idle=1 v.busy=2 v.opening=0 v.waiting=0 v.opened=3 v.failed=0 v.reused=0 v.closed=0 v.refused=0 v.limit=0 v.waits=0 v.wait_time=0s",
		},
	} {
		for _, verb := range []string{"%v", "%+v", "%s"} {
			if got := fmt.Sprintf(verb, tc.value); got != tc.text {
				t.Errorf("%T by %s: %s, want %s", tc.value, verb, got, tc.text)
			}
		}
		var out bytes.Buffer
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", tc.value)
		_, got, _ := bytes.Cut(bytes.TrimSpace(out.Bytes()), []byte("msg=x "))
		if diff := cmp.Diff(tc.log, string(got)); diff != "" {
			t.Errorf("%T in slog (-want +got):\n%s", tc.value, diff)
		}
	}
	if got := fmt.Sprintf("%#v", sender); got != "mx.example.org:587" {
		t.Errorf("%%#v of a transport: %s", got)
	}
}
