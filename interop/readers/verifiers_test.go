package readers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
)

// verifiers are other programs that check signatures. They share no code with ours or with each other. Each says
// of every file whether each of its signatures holds.
type verifiers struct {
	records map[string]string // by name
	folder  string            // for what they need
}

// needed are the packages that the verifiers are in.
var needed = [][]string{
	{"/usr/bin/python3", "-c", "import dkim, nacl"}, {"opendkim", "-V"}, {"node", "--version"}, {"npm", "--version"},
}

func newVerifiers(t *testing.T, records map[string]string) *verifiers {
	t.Helper()
	install(t)
	v := &verifiers{records: records, folder: t.TempDir()}
	text, err := json.Marshal(records)
	if err != nil {
		t.Fatal(err)
	}
	v.write(t, "records.json", string(text))
	var keys strings.Builder
	for name, record := range records {
		fmt.Fprintf(&keys, "%s %s\n", name, record)
	}
	v.write(t, "keys", keys.String())
	v.write(t, "opendkim.conf", "TestPublicKeys "+filepath.Join(v.folder, "keys")+"\nMode v\nSyslog no\nUserID root\nDNSTimeout 1\n")
	return v
}

// mailauth is where npm puts that package.
const mailauth = "/var/tmp/mail-rig/opt/mailauth"

// install gets what is missing, as CI wants it, or skips the test elsewhere.
func install(t *testing.T) {
	t.Helper()
	get := func(command ...string) error {
		out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", command, err, out)
		}
		return nil
	}
	if os.Getenv("DEPECHE_INTEROP") == "require" {
		if err := os.MkdirAll(mailauth, 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(mailauth, "node_modules", "mailauth")); err != nil {
			if err := get("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", mailauth, "mailauth@4"); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, command := range append(needed, []string{"test", "-d", filepath.Join(mailauth, "node_modules", "mailauth")}) {
		if err := get(command...); err != nil {
			if os.Getenv("DEPECHE_INTEROP") == "require" {
				t.Fatalf("the verifiers are required, but %v", err)
			}
			t.Skipf("SKIPPED, NOT TESTED: a verifier is missing: %v", err)
		}
	}
}

func (v *verifiers) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(v.folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// check gives the files to every verifier. It returns what each found, by its name.
func (v *verifiers) check(t *testing.T, paths []string) map[string][][]bool {
	t.Helper()
	records := filepath.Join(v.folder, "records.json")
	return map[string][][]bool{
		"dkimpy":     lists(t, paths, "/usr/bin/python3", "testdata/verify.py", records),
		"mailauth":   lists(t, paths, "node", "testdata/verify.mjs", mailauth, records),
		"OpenDKIM":   v.openDKIM(t, paths),
		"go-msgauth": v.goMsgauth(t, paths),
	}
}

// lists runs a script that prints a list for each file.
func lists(t *testing.T, paths []string, command ...string) (all [][]bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], append(command[1:], paths...)...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command[:2], err, complaint.Bytes())
	}
	for line := range strings.Lines(string(out)) {
		var list []bool
		if err := json.Unmarshal([]byte(line), &list); err != nil {
			t.Fatal(err)
		}
		all = append(all, list)
	}
	if len(all) != len(paths) {
		t.Fatalf("%s: %d answers for %d messages\n%s", command[:2], len(all), len(paths), complaint.Bytes())
	}
	return all
}

// judged is what opendkim -t -vvv says of one signature, in the Authentication-Results field that it would add.
var judged = regexp.MustCompile(`dkim=(\w+)[^;]* header\.s=`)

// openDKIM asks about the files in pieces. OpenDKIM 2.11.0 stops at a message that does not hold, so after one the
// rest of the piece is asked for again.
func (v *verifiers) openDKIM(t *testing.T, paths []string) (all [][]bool) {
	t.Helper()
	const most = 50
	for len(paths) > 0 {
		piece := paths[:min(most, len(paths))]
		command := exec.CommandContext(t.Context(), "opendkim", "-x", filepath.Join(v.folder, "opendkim.conf"), "-vvv", "-t", strings.Join(piece, ","))
		out, _ := command.Output() // its exit status says that one does not hold
		blocks := strings.Split(string(out), "### INSHEADER:")[1:]
		if len(blocks) == 0 || len(blocks) > len(piece) {
			t.Fatalf("OpenDKIM gave %d answers for %d messages\n%.2000s", len(blocks), len(piece), out)
		}
		for _, block := range blocks {
			list := []bool{}
			for _, m := range judged.FindAllStringSubmatch(block, -1) {
				list = append(list, m[1] == "pass")
			}
			all = append(all, list)
		}
		paths = paths[len(blocks):]
	}
	return all
}

func (v *verifiers) goMsgauth(t *testing.T, paths []string) (all [][]bool) {
	t.Helper()
	options := &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
		if text, ok := v.records[name]; ok {
			return []string{text}, nil
		}
		return nil, textproto.ProtocolError("no such name")
	}}
	for _, path := range paths {
		found, err := dkim.VerifyWithOptions(bytes.NewReader(read(t, path)), options)
		if err != nil {
			t.Errorf("go-msgauth: %s: %v", path, err)
		}
		list := []bool{}
		for _, f := range found {
			list = append(list, f.Err == nil)
		}
		all = append(all, list)
	}
	return all
}
