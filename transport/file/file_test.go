package file_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/file"
	"github.com/depeche-mail/depeche/transport/transporttest"
)

func TestConformance(t *testing.T) {
	var dir string
	transporttest.Run(t, transporttest.Harness{
		New: func(t *testing.T) transport.Transport {
			dir = filepath.Join(t.TempDir(), "new", "outbox")
			tr, err := file.New(dir)
			if err != nil {
				t.Fatal(err)
			}
			return tr
		},
		Received: func(t *testing.T) []transporttest.Received { return read(t, dir) },
	})
}

// read returns the messages in dir and checks that nothing else is left there.
func read(t *testing.T, dir string) []transporttest.Received {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []transporttest.Received
	for _, entry := range entries {
		id, isMessage := strings.CutSuffix(entry.Name(), ".eml")
		if !isMessage {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		stored, err := os.ReadFile(filepath.Join(dir, id+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var env envelope.Envelope
		if err := json.Unmarshal(stored, &env); err != nil {
			t.Fatal(err)
		}
		r := transporttest.Received{From: env.From().String(), Data: data}
		for _, to := range env.Recipients() {
			r.To = append(r.To, to.Address.String())
		}
		all = append(all, r)
	}
	if len(entries) != 2*len(all) {
		t.Errorf("%d files for %d messages: %v", len(entries), len(all), entries)
	}
	return all
}

func TestNewRefuses(t *testing.T) {
	occupied := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(occupied, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", occupied} {
		_, err := file.New(dir)
		var field *envelope.FieldError
		if !errors.As(err, &field) || field.Value != dir {
			t.Errorf("New(%q): %v, want a FieldError that names it", dir, err)
		}
	}
}

func TestResultNamesTheFile(t *testing.T) {
	dir := t.TempDir()
	tr, err := file.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	to, err := envelope.ParseAddress("a@example.org")
	if err != nil {
		t.Fatal(err)
	}
	env, err := envelope.New(envelope.Address{}, to)
	if err != nil {
		t.Fatal(err)
	}
	result, err := tr.Send(t.Context(), transport.Raw(env, []byte("x\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, result.QueueID+".eml"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mail of others is readable: %v", info.Mode())
	}
}
