package readers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestRoundTrips gives every message to four readers that share no code with the composer or, but for the
// two in Go, with each other.
func TestRoundTrips(t *testing.T) {
	for _, need := range [][]string{{"python3", "-c", "import email.policy"}, {"perl", "-MEmail::MIME", "-e1"}} {
		if err := exec.CommandContext(t.Context(), need[0], need[1:]...).Run(); err != nil {
			if os.Getenv("DEPECHE_INTEROP") == "require" {
				t.Fatalf("the readers are required, but %v: %v", need, err)
			}
			t.Skipf("SKIPPED, NOT TESTED: a reader is missing, %v: %v", need, err)
		}
	}
	all := cases(t)
	if len(all) < 150 {
		t.Errorf("%d cases", len(all))
	}
	signer, _ := signing(t)
	for name, prepare := range map[string]func(*message.Message) (transport.Mail, error){
		"plain":  func(m *message.Message) (transport.Mail, error) { return m, nil },
		"signed": func(m *message.Message) (transport.Mail, error) { return signer.Sign(t.Context(), m) },
	} {
		t.Run(name, func(t *testing.T) { roundTrip(t, all, prepare) })
	}
}

// roundTrip gives messages, prepared to be sent, to the readers.
func roundTrip(t *testing.T, all []testcase, prepare func(*message.Message) (transport.Mail, error)) {
	t.Helper()
	paths := make([]string, len(all))
	dir := t.TempDir()
	for i, tc := range all {
		m, err := tc.builder.Clone().Build()
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		mail, err := prepare(m)
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		paths[i] = filepath.Join(dir, fmt.Sprintf("%03d.eml", i))
		store(t, mail, paths[i])
		checkLines(t, tc.name, string(read(t, paths[i])), eightBit(m))
	}
	python := script(t, paths, "python3", "testdata/read.py")
	perl := script(t, paths, "perl", "testdata/read.pl")
	for i, tc := range all {
		octets := read(t, paths[i])
		compare(t, tc, "python", python[i], octets)
		compare(t, tc, "perl", perl[i], octets)
		for name, reader := range map[string]func([]byte) (record, error){"net/mail": std, "go-message": viaGoMessage} {
			got, err := reader(octets)
			if err != nil {
				t.Errorf("%s: %s: %v\n%.600s", tc.name, name, err, octets)
				continue
			}
			compare(t, tc, name, got, octets)
		}
	}
	t.Logf("%d messages, 4 readers", len(all))
}

func compare(t *testing.T, tc testcase, reader string, got record, octets []byte) {
	t.Helper()
	if reason, known := tc.but[reader]; known {
		t.Logf("%s: not compared with %s: %s", tc.name, reader, reason)
		return
	}
	if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: %s (-put in, +read):\n%s\n%.900s", tc.name, reader, diff, octets)
	}
}

// checkLines holds what every message promises of its lines.
func checkLines(t *testing.T, name, text string, eightBit bool) {
	t.Helper()
	if !strings.HasSuffix(text, "\r\n") {
		t.Errorf("%s: no line end at the end", name)
	}
	header := true
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		header = header && line != ""
		switch {
		case len(line) > 998 || strings.ContainsAny(line, "\r\n\x00"),
			!eightBit && strings.ContainsFunc(line, func(r rune) bool { return r > 126 }),
			header && strings.Contains(line, "=?utf-8?") && len(line) > 76,
			header && len(line) > 78 && strings.Count(line, " ") > 1,
			header && strings.HasSuffix(line, " "):
			t.Errorf("%s: bad line %q", name, line)
		}
	}
}

func eightBit(m *message.Message) bool {
	info, _ := m.BodyInfo()
	return info.EightBit
}
