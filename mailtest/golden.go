package mailtest

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/depeche-mail/depeche/transport"
	"github.com/google/go-cmp/cmp"
)

// updateFlag is the flag that makes Golden write.
const updateFlag = "update"

// Golden compares mail with an .eml file, such as testdata/welcome.eml, octet by octet, and fails the test
// with what is different. What is random is made normal on both sides: Date, the local part of Message-ID,
// and the boundaries. The envelope is not compared.
//
// With go test -update the file is written instead. The flag belongs to the test that uses Golden, because
// two packages that define one flag cannot be linked together:
//
//	var _ = flag.Bool("update", false, "rewrite golden files")
//
// The file has CRLF line ends; keep git from changing them with a line "*.eml -text" in .gitattributes.
func Golden(t testing.TB, file string, mail transport.Mail) {
	t.Helper()
	var message bytes.Buffer
	if _, err := mail.WriteTo(&message); err != nil {
		t.Fatalf("golden %s: %v", file, err)
	}
	got := normal(message.Bytes())
	if isUpdate() {
		if err := write(file, got); err != nil {
			t.Fatalf("golden %s: %v", file, err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("golden %s does not exist: write it with go test -update", file)
	}
	if err != nil {
		t.Fatalf("golden %s: %v", file, err)
	}
	if bytes.Equal(want, got) {
		return
	}
	if want = normal(want); bytes.Equal(want, got) { // a file that was not written by -update
		return
	}
	if diff := Diff(Parse(want), Parse(got)); diff != "" {
		t.Errorf("golden %s differs (-want +got):\n%s", file, diff)
		return
	}
	// To a reader they are the same.
	t.Errorf("golden %s differs in its encoding only (-want +got):\n%s", file, cmp.Diff(string(want), string(got)))
}

// isUpdate reports whether the test binary has the flag and it is set.
func isUpdate() bool {
	f := flag.Lookup(updateFlag)
	if f == nil {
		return false
	}
	set, err := strconv.ParseBool(f.Value.String())
	return err == nil && set
}

func write(file string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o600)
}
