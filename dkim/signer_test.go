package dkim_test

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/dkim"
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/google/go-cmp/cmp"
)

// TestSignedText is what a signature looks like, with each tag that can be chosen. The data of b= is left out:
// it depends on the key.
func TestSignedText(t *testing.T) {
	s := build(t, dkim.Sign("Example.ORG").Key("2026-e", edKey).Clock(clock).Expires(10*24*time.Hour).Identity("news@mail.example.org").
		Fields("X-Other").Except("Reply-To", "Date").Canonicalization(dkim.Simple, dkim.Relaxed))
	text := "From: a@example.org\nTo: b@example.net\nTo: c@example.net\nSubject: x\nX-Other: 1\nDate: now\n\nHi\n"
	got := string(sign(t, s, raw(t, text)))
	field, rest, ok := strings.Cut(got, "\r\nFrom: ")
	if !ok || "From: "+rest != strings.ReplaceAll(text, "\n", "\r\n") {
		t.Fatalf("%q", got)
	}
	want := "DKIM-Signature: v=1; a=ed25519-sha256; c=simple/relaxed; d=example.org;\r\n" +
		" s=2026-e; t=1772600767; x=1773464767; i=news@mail.example.org;\r\n" +
		" h=From:From:To:To:To:Cc:Subject:Subject:X-Other:X-Other;\r\n" +
		" bh=j+uJ1+KwQjMpdNiCngwvlv2FTzZnzkokoCYASnN36NE=;\r\n" +
		" b=DATA"
	field = regexp.MustCompile(`b=[A-Za-z0-9+/]{75}\r\n [A-Za-z0-9+/]{11}==$`).ReplaceAllString(field, "b=DATA")
	if diff := cmp.Diff(want, field); diff != "" {
		t.Error(diff)
	}
}

// TestTampering: each field that is signed may be neither changed nor removed nor added once more, in any
// combination of canonicalizations and with both kinds of keys.
func TestTampering(t *testing.T) {
	unsigned := []string{"Return-Path", "Received", "X-Other", "DKIM-Signature"}
	for _, form := range []dkim.Canonicalization{dkim.Relaxed, dkim.Simple} {
		text := string(sign(t, build(t, signer().Canonicalization(form, form)), raw(t, full)))
		if got := verify(t, verifier(), []byte(text)); !cmp.Equal(got, []string{"", ""}) {
			t.Fatalf("%v: %v", form, got)
		}
		header, body, _ := strings.Cut(text, "\r\n\r\n")
		fields := regexp.MustCompile(`(?m)^[A-Za-z-]+:(?:.|\r\n[ \t])*\r\n`).FindAllString(header+"\r\n", -1)
		count := 0
		for i, f := range fields {
			name, value, _ := strings.Cut(f, ":")
			others := func(with ...string) string {
				list := append(append([]string{}, fields[:i]...), with...)
				return strings.Join(append(list, fields[i+1:]...), "") + "\r\n" + body
			}
			if name == "DKIM-Signature" {
				continue
			}
			want := true
			if cmp.Equal(unsigned, append([]string{name}, unsigned...)) || strings.Contains("|Return-Path|Received|X-Other|", "|"+name+"|") {
				want = false
			} else {
				count++
			}
			for how, changed := range map[string]string{
				"changed":      others(name + ": x" + value),
				"removed":      others(),
				"doubled":      others(f, f),
				"added before": name + ": another\r\n" + others(f),
				"added after":  others(f) + "",
			} {
				if how == "added after" {
					changed = strings.Join(fields, "") + name + ": another\r\n\r\n" + body
				}
				for k, reason := range verify(t, verifier(), []byte(changed)) {
					if (reason != "") != want {
						t.Errorf("%v, signature %d, %s %s: %q", form, k, name, how, reason)
					}
				}
			}
		}
		if count != 30 {
			t.Errorf("%d fields were tried", count)
		}
		for how, changed := range map[string]string{
			"changed": strings.Replace(text, "Be happy", "be happy", 1),
			"longer":  text + "x\r\n",
			"shorter": strings.TrimSuffix(text, "Zoe  \r\n"),
			"joined":  strings.Replace(text, "\r\n\r\n Zoe", "\r\n Zoe", 1),
		} {
			for k, reason := range verify(t, verifier(), []byte(changed)) {
				if !strings.Contains(reason, dkim.ErrBody.Error()) {
					t.Errorf("%v, signature %d, body %s: %q", form, k, how, reason)
				}
			}
		}
	}
}

// TestMissingFieldsAreGuarded: what is shown of a mail cannot be added to one that lacks it.
func TestMissingFieldsAreGuarded(t *testing.T) {
	text := sign(t, build(t, signer()), raw(t, "From: a@example.org\n\nHi\n"))
	for name, want := range map[string]bool{
		"From": true, "To": true, "Cc": true, "Subject": true, "Reply-To": true, // guarded
		"Date": false, "Message-ID": false, "List-ID": false, "Received": false, // added on the way in good faith
	} {
		for _, reason := range verify(t, verifier(), append([]byte(name+": x\r\n"), text...)) {
			if (reason != "") != want {
				t.Errorf("%s added: %q", name, reason)
			}
		}
	}
}

// TestRelaxedSurvives: what servers do to white space does not break the relaxed form, and breaks the simple
// one.
func TestRelaxedSurvives(t *testing.T) {
	for form, holds := range map[dkim.Canonicalization]bool{dkim.Relaxed: true, dkim.Simple: false} {
		text := string(sign(t, build(t, signer().Canonicalization(form, form)), raw(t, full)))
		for how, changed := range map[string]string{
			"folded anew":        strings.Replace(text, "Subject: one\r\n two  three", "Subject: one two\r\n\tthree", 1),
			"a name in capitals": strings.Replace(text, "\r\nSubject: one", "\r\nSUBJECT: one", 1),
			"space at the end":   strings.Replace(text, "Be happy!", "Be happy! \t", 1),
		} {
			for _, reason := range verify(t, verifier(), []byte(changed)) {
				if (reason == "") != holds {
					t.Errorf("%v, %s: %q", form, how, reason)
				}
			}
		}
	}
}

// TestOneClick: a mail with one-click unsubscription has both fields in each h= tag (RFC 8058 section 4).
func TestOneClick(t *testing.T) {
	found, err := verifier().Verify(t.Context(), bytes.NewReader(sign(t, build(t, signer()), raw(t, full))))
	if err != nil || len(found) != 2 {
		t.Fatal(found, err)
	}
	for _, f := range found {
		if !f.Signs("list-unsubscribe") || !f.Signs("List-Unsubscribe-Post") || f.Signs("Received") {
			t.Errorf("%v", f.Fields)
		}
	}
}

// TestFolding: lines of a signature have at most 78 octets, whatever is in it; names in h= are whole.
func TestFolding(t *testing.T) {
	long := strings.Repeat("long-label.", 5) + "example.org"
	for name, b := range map[string]dkim.Builder{
		"both keys":   signer(),
		"long domain": dkim.Sign(long).Key("selector", rsaKey()).Identity("somebody@sub." + long).Expires(time.Hour).Clock(clock).ThirdParty(),
		"long field":  signer().Fields("X-" + strings.Repeat("y", 60)),
	} {
		text := full
		if name == "long field" {
			text = "X-" + strings.Repeat("y", 60) + ": 1\n" + full
		}
		signed := sign(t, build(t, b), raw(t, text))
		header, _, _ := bytes.Cut(signed, []byte("\r\nReturn-Path"))
		for line := range strings.SplitSeq(string(header), "\r\n") {
			long := strings.Contains(line, "long-label")
			if len(line) > 78 && !long || len(line) > 998 || strings.TrimSpace(line) == "" || strings.HasSuffix(line, " ") {
				t.Errorf("%s: %q", name, line)
			}
		}
	}
}

// TestSignedFacts: a signed mail knows what transports want to know, and the rest is passed on.
func TestSignedFacts(t *testing.T) {
	text := full + "Größe\n"
	mail := transport.WithKey(transport.Raw(newEnvelope(t), []byte(strings.ReplaceAll("Message-ID: <2@example.org>\n"+text, "\n", "\r\n"))), "k")
	signed, err := build(t, signer()).Sign(t.Context(), mail)
	if err != nil {
		t.Fatal(err)
	}
	info, err := transport.InfoOf(signed)
	if err != nil || info.Size != int64(len(octets(t, signed))) || !info.EightBit || info.EightBitHeader {
		t.Errorf("%+v, %v", info, err)
	}
	if transport.MessageID(signed) != "<2@example.org>" || transport.KeyOf(signed) != "k" || signed.Envelope().String() != mail.Envelope().String() {
		t.Errorf("%q, %q, %v", transport.MessageID(signed), transport.KeyOf(signed), signed.Envelope())
	}
}

// lost is a mail whose fields give no envelope.
type lost struct{ transport.Mail }

func (lost) Envelope() envelope.Envelope { return envelope.Envelope{} }
func (lost) EnvelopeError() error        { return io.ErrNoProgress }

// TestLostEnvelope: why a mail has no envelope is known of the signed mail too, also with a key.
func TestLostEnvelope(t *testing.T) {
	signed, err := build(t, signer()).Sign(t.Context(), transport.WithKey(lost{raw(t, full)}, "k"))
	if err != nil || !errors.Is(envelope.Check(signed), io.ErrNoProgress) {
		t.Errorf("%v, %v", envelope.Check(signed), err)
	}
	signed, err = build(t, signer()).Sign(t.Context(), transport.Raw(envelope.Envelope{}, octets(t, raw(t, full))))
	if err != nil || !errors.Is(envelope.Check(signed), envelope.ErrNoRecipient) {
		t.Errorf("%v, %v", envelope.Check(signed), err)
	}
}

// TestEnding: what is to be called before a mail can be complete is called for each write of the signed mail, and
// not for signing it.
func TestEnding(t *testing.T) {
	calls, full := 0, errors.New("the disk is full")
	var result error
	mail := transport.WithEnding(raw(t, "From: a@example.org\n\nHi\n"), endings(func() error { calls++; return result }), nil)
	signed, err := build(t, signer()).Sign(t.Context(), mail)
	if err != nil || calls != 0 {
		t.Fatal(calls, err)
	}
	if octets(t, signed); calls != 1 {
		t.Errorf("%d calls", calls)
	}
	result = full
	if _, err := signed.WriteTo(io.Discard); !errors.Is(err, full) || calls != 2 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

// TestNotSignable: what receivers could read in another way is not signed, with a reason.
func TestNotSignable(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	good := "From: a@example.org\n\nHi\n"
	for name, tc := range map[string]struct {
		ctx  context.Context
		text string
		want string
	}{
		"no From":            {t.Context(), "To: a@example.org\n\nHi\n", "0 From fields"},
		"two From":           {t.Context(), "From: a@example.org\n" + good, "2 From fields"},
		"From is unreadable": {t.Context(), "From: a@@example.org\n\n", "cannot be read"},
		"another domain":     {t.Context(), "From: a@example.com\n\n", "not aligned"},
		"one of two":         {t.Context(), "From: a@example.org, b@example.com\n\n", "example.com is not aligned"},
		"a sibling's name":   {t.Context(), "From: a@notexample.org\n\n", "not aligned"},
		"not a field":        {t.Context(), "From: a@example.org\nHello\n\n", "line 2 of the message is not a header field"},
		"ctx ended":          {ended, good, context.Canceled.Error()},
	} {
		if _, err := build(t, signer()).Sign(tc.ctx, raw(t, tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"From: a@example.org\r\n\r\na\rb\r\n", "From: a@example.org\r\n\r\na\nb\r\n", "From: a@example.org\r\nSubject: a\nb: c\r\n\r\n"} {
		if _, err := build(t, signer()).Sign(t.Context(), transport.Raw(newEnvelope(t), []byte(text))); err == nil || !strings.Contains(err.Error(), "bare CR or LF at octet") {
			t.Errorf("%q: %v", text, err)
		}
	}
	huge := transport.Raw(newEnvelope(t), append([]byte("From: a@example.org\r\n"), bytes.Repeat([]byte("X: y\r\n"), 1<<20)...))
	if _, err := build(t, signer()).Sign(t.Context(), huge); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("a huge header section: %v", err)
	}
}

// TestAlignment: the domain of From and that of the signature are one or one below the other, as A-labels.
func TestAlignment(t *testing.T) {
	for _, tc := range []struct{ domain, from string }{
		{"example.org", "a@example.org"},
		{"example.org", "a@EXAMPLE.org"},
		{"example.org", "Alice <a@news.example.org>"},
		{"news.example.org", "a@example.org"},
		{"bücher.example", "a@xn--bcher-kva.example"},
		{"xn--bcher-kva.example", "\"Bücher\" <a@bücher.example>"},
		{"example.org", "=?x-unknown?q?Alice?= <a@example.org>,\n b@example.org"},
		{"example.org", "Alice (comment) <a@example.org>"},
	} {
		s := build(t, dkim.Sign(tc.domain).Key("e", edKey))
		if _, err := s.Sign(t.Context(), raw(t, "From: "+tc.from+"\n\n")); err != nil {
			t.Errorf("%s for %s: %v", tc.domain, tc.from, err)
		}
	}
	if _, err := build(t, signer().ThirdParty()).Sign(t.Context(), raw(t, "From: a@example.com\n\n")); err != nil {
		t.Errorf("third party: %v", err)
	}
}

// changing is a mail that is another one each time it is written, with the same length, longer or shorter.
type changing struct {
	transport.Mail
	texts []string
}

func (c *changing) WriteTo(w io.Writer) (int64, error) {
	text := c.texts[0]
	c.texts = c.texts[1:]
	n, err := io.WriteString(w, text)
	return int64(n), err
}

// TestChanged: a mail that is not written as it was signed is an error, whatever changed, and no octet more
// than were signed goes out.
func TestChanged(t *testing.T) {
	const text = "From: a@example.org\r\nX-Other: 1\r\n\r\nHello\r\n"
	for name, second := range map[string]string{
		"same length":       strings.Replace(text, "Hello", "Hullo", 1),
		"an unsigned field": strings.Replace(text, "Other: 1", "Other: 2", 1),
		"longer":            text + "x\r\n",
		"shorter":           text[:len(text)-2],
		"nothing":           "",
	} {
		s := build(t, signer())
		signed, err := s.Sign(t.Context(), &changing{raw(t, ""), []string{text, text, second, text}})
		if err != nil {
			t.Fatal(err)
		}
		if got := verify(t, verifier(), octets(t, signed)); !cmp.Equal(got, []string{"", ""}) {
			t.Errorf("%s: %v", name, got)
		}
		var out bytes.Buffer
		if n, err := signed.WriteTo(&out); !errors.Is(err, dkim.ErrChanged) || n != int64(out.Len()) {
			t.Errorf("%s: %d octets, %v", name, n, err)
		}
		info, err := transport.InfoOf(signed)
		if err != nil || int64(out.Len()) > info.Size {
			t.Errorf("%s: %d octets of %d, %v", name, out.Len(), info.Size, err)
		}
		if got := verify(t, verifier(), octets(t, signed)); !cmp.Equal(got, []string{"", ""}) {
			t.Errorf("%s, again: %v", name, got)
		}
	}
}

// kms is a key of a service that may be down.
type kms struct {
	crypto.Signer
	err error
}

func (k kms) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if k.err != nil {
		return nil, k.err
	}
	return k.Signer.Sign(rand, digest, opts)
}

// TestForeignKeys: any crypto.Signer will do, and its errors are passed on.
func TestForeignKeys(t *testing.T) {
	s := build(t, dkim.Sign("example.org").Key("r", kms{rsaKey(), nil}).Key("e", kms{edKey, nil}).Clock(clock))
	if got := verify(t, verifier(), sign(t, s, raw(t, full))); !cmp.Equal(got, []string{"", ""}) {
		t.Error(got)
	}
	down := errors.New("the service is down")
	s = build(t, dkim.Sign("example.org").Key("r", kms{rsaKey(), down}))
	if _, err := s.Sign(t.Context(), raw(t, full)); !errors.Is(err, down) || !strings.Contains(fmt.Sprint(err), "key r") {
		t.Error(err)
	}
	source := errors.New("the file is gone")
	if _, err := s.Sign(t.Context(), failing{raw(t, full), source}); !errors.Is(err, source) {
		t.Error(err)
	}
}

type failing struct {
	transport.Mail
	err error
}

func (f failing) WriteTo(io.Writer) (int64, error) { return 0, f.err }

// endings is a function that is told of the end of a mail.
type endings func() error

func (e endings) Ending([]any) error { return e() }
