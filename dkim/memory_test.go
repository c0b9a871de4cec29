package dkim_test

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/dkim"
	"github.com/depeche-mail/depeche/transport"
)

// endless is a mail with a body of so many octets, which are made while it is written.
type endless struct {
	transport.Mail
	lines int
}

func (e endless) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, "From: a@example.org\r\nSubject: x\r\n\r\n")
	total := int64(n)
	piece := []byte(strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 400)) // as base64 is
	for range e.lines / 400 {
		if err != nil {
			break
		}
		n, err = w.Write(piece)
		total += int64(n)
	}
	return total, err
}

// TestMemory signs, writes and verifies a gibibyte, a quarter of it in short mode, in constant memory.
func TestMemory(t *testing.T) {
	size := 1 << 30
	if testing.Short() {
		size >>= 2
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := build(t, dkim.Sign("example.org").Key("e", edKey).Clock(clock))
	signed, err := s.Sign(t.Context(), endless{raw(t, ""), size / 78})
	if err != nil {
		t.Fatal(err)
	}
	found, err := verifier().Verify(t.Context(), signed)
	if err != nil || len(found) != 1 || found[0].Err != nil {
		t.Fatal(found, err)
	}
	runtime.ReadMemStats(&after)
	if total := after.TotalAlloc - before.TotalAlloc; total > 4<<20 {
		t.Errorf("%d octets were allocated", total)
	}
}

// The benchmarks are about one mail; bench/compose compares them with another library.
func BenchmarkSign(b *testing.B) {
	small := transport.Raw(newEnvelope(b), []byte(strings.ReplaceAll(full, "\n", "\r\n")))
	big := transport.Raw(newEnvelope(b), append([]byte("From: a@example.org\r\n\r\n"), bytes.Repeat([]byte(strings.Repeat("QUJD", 19)+"\r\n"), 10<<20/78)...))
	prose := transport.Raw(newEnvelope(b), append([]byte("From: a@example.org\r\n\r\n"), bytes.Repeat([]byte("The quick brown fox  jumps\tover the lazy dog, again. \r\n"), 10<<20/55)...))
	for name, tc := range map[string]struct {
		mail   transport.Mail
		signer dkim.Builder
	}{
		"small/Ed25519": {small, dkim.Sign("example.org").Key("e", edKey)},
		"small/RSA":     {small, dkim.Sign("example.org").Key("r", rsaKey())},
		"10MiB/base64":  {big, dkim.Sign("example.org").Key("e", edKey)},
		"10MiB/prose":   {prose, dkim.Sign("example.org").Key("e", edKey)},
	} {
		b.Run(name, func(b *testing.B) {
			s := build(b, tc.signer)
			b.ReportAllocs()
			info, err := transport.InfoOf(tc.mail)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(info.Size)
			for b.Loop() {
				signed, err := s.Sign(b.Context(), tc.mail)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := signed.WriteTo(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
