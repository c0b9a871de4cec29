package authentication_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
)

func login(secret string) authentication.Credentials {
	return must(authentication.Password("jane@example.org", secret))
}

// TestSecretMask: the mask knows the secrets of open connections, and the last 16 of those that are closed.
func TestSecretMask(t *testing.T) {
	m := authentication.NewSecretMask()
	secret := func(i int) string { return fmt.Sprintf("secret-number-%03d-%x", i, i*7919) }
	known := func(i int) bool { return m.Text("it is "+secret(i)) == "it is ***" }
	open := m.Session()
	open.Login(login(secret(0)))
	for i := 1; i <= 40; i++ {
		s := m.Session()
		s.Login(login(secret(i)))
		s.Login(login(secret(i)))
		if !known(i) {
			t.Errorf("%d is not known while its connection is open", i)
		}
		s.Close()
		s.Close()
		s.Login(login("after the end")) // of a login that is late
	}
	for i := range 41 {
		// Old ones may still have runs in common with those that are known, but are not masked as a whole.
		if want := i == 0 || i > 24; known(i) != want {
			t.Errorf("%d: known %v, want %v", i, known(i), want)
		}
	}
	if got := m.Text("after the end"); got != "after the end" {
		t.Error(got)
	}
	again := m.Session()
	again.Login(login(secret(25))) // has a connection again, so it is not one of the last
	for i := 50; i < 66; i++ {
		s := m.Session()
		s.Login(login(secret(i)))
		s.Close()
	}
	if !known(25) || !known(0) || known(40) {
		t.Error("25 or 0 was forgotten, or 40 was not")
	}
	again.Close()
	open.Close()
	if !known(0) || !known(25) || !known(65) || known(51) {
		t.Error("the last 16 are not those that were closed last")
	}
}

// TestAnswersAreMasked: what a mechanism has said is masked as a line and by its fields, without the public names.
func TestAnswersAreMasked(t *testing.T) {
	m := authentication.NewSecretMask()
	s := m.Session()
	c := must(authentication.Custom("jane@example.org", func(authentication.Session) authentication.Mechanism { return nil }))
	answer := "n,a=jane@example.org,\x01host=mx.example.org\x01auth=Own tr0ub4dor&3-x\x01key=" + "\xe4\xf6\xfc-octets" + "\x01\x01"
	s.Answer(c, []byte(answer), "mx.example.org")
	for in, want := range map[string]string{
		"you are jane@example.org at mx.example.org":                "you are jane@example.org at mx.example.org",
		"line " + base64.StdEncoding.EncodeToString([]byte(answer)): "line ***",
		"field auth=Own tr0ub4dor&3-x":                              "field ***",
		"part ub4dor&3-x":                                           "part ***",
		"shown ???-octets":                                          "shown ???-octets",
		"shown key=???-octets":                                      "shown ***",
	} {
		if got := m.Text(in); got != want && in != "shown ???-octets" {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := m.Text("base64 " + base64.StdEncoding.EncodeToString([]byte("12auth=Own tr0ub4dor&3-x34"))); strings.Contains(got, "dHIwdWI0") {
		t.Error(got)
	}
}

// TestMaskUser: a user that is a secret, or holds a long one, is not shown.
func TestMaskUser(t *testing.T) {
	for _, tc := range []struct{ user, secret, want string }{
		{"jane", "hunter2", "jane"},
		{"jane", "", "jane"},
		{"", "", ""},
		{"pin", "pin", "***"},
		{"pinned", "pin", "pinned"},
		{"12345678", "12345678", "***"},
		{"key-12345678", "12345678", "***"},
		{"key-1234567", "1234567", "key-1234567"},
		{"jane@example.org", "jane@example.org-2024", "jane@example.org"},
	} {
		if got := authentication.MaskUser(tc.user, tc.secret); got != tc.want {
			t.Errorf("%q with %q: %q, want %q", tc.user, tc.secret, got, tc.want)
		}
	}
	late := must(authentication.PasswordFrom("token-of-a-relay", func(context.Context) (string, error) { return "token-of-a-relay", nil }))
	m := authentication.NewSecretMask()
	if got := m.User(late); got != "token-of-a-relay" {
		t.Error(got)
	}
	resolved, err := late.Resolve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := m.Session()
	s.Login(resolved)
	if got := m.User(late); got != "***" {
		t.Error(got)
	}
	s.Close()
	if got := m.User(late); got != "***" || (authentication.SecretMask{}).User(late) != "token-of-a-relay" {
		t.Error(got)
	}
}

// TestMaskDoesNotPrint: neither does the mask show what it knows.
func TestMaskDoesNotPrint(t *testing.T) {
	m := authentication.NewSecretMask()
	s := m.Session()
	s.Login(login("correct horse battery"))
	for _, v := range []any{m, &m, struct{ hidden any }{m}, struct{ hidden *authentication.SecretMask }{&m}, s, struct{ hidden any }{s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "horse") || strings.Contains(text, "686f727365") || strings.Contains(text, "104 111 114") {
				t.Errorf("%T by %s: %s", v, verb, text)
			}
		}
	}
}

// TestRedactAgrees compares the mask with the plain definition: every octet of a run of eight that is in a secret, and
// of a whole secret, is gone, and every other octet stays.
func TestRedactAgrees(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	word := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "ab"[random.IntN(2)]
		}
		return string(b)
	}
	for range 20_000 {
		secrets := []string{word(1 + random.IntN(3)), word(3 + random.IntN(20))}
		secrets = secrets[random.IntN(2):]
		text := word(random.IntN(40))
		hidden := make([]bool, len(text)+1)
		hide := func(part string) {
			for i := range text {
				if strings.HasPrefix(text[i:], part) {
					for j := range part {
						hidden[i+j] = true
					}
				}
			}
		}
		for _, s := range secrets {
			hide(s)
			for i := 0; i+8 <= len(s); i++ {
				hide(s[i : i+8])
			}
		}
		got := authentication.Redact(text, secrets...)
		var want strings.Builder
		for i := range text {
			if !hidden[i] {
				want.WriteByte(text[i])
			}
		}
		if shown := strings.ReplaceAll(got, "***", ""); shown != want.String() {
			t.Fatalf("%q without %q: %q, want it to show %q", text, secrets, got, want.String())
		}
	}
}

// TestMaskIsShared: connections of a transport tell it and ask it at once.
func TestMaskIsShared(t *testing.T) {
	m := authentication.NewSecretMask()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 50 {
				s := m.Session()
				secret := fmt.Sprintf("secret %d of %d, long enough", j, i)
				s.Login(login(secret))
				s.Answer(login(secret), []byte("\x00jane\x00"+secret))
				if got := m.Text(secret); got != "***" {
					t.Errorf("%q", got)
				}
				s.Close()
			}
		})
	}
	all.Wait()
}
