package readers

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/internal/oddmail"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/message/eml"
	gomessage "github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // teaches go-message the charsets of old mail
	gomail "github.com/emersion/go-message/mail"
)

// oddRecord is what a reader found in a mail of the corpus.
type oddRecord struct {
	Subject string    `json:"subject"`
	To      string    `json:"to"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
	Files   []oddFile `json:"files"`
	Date    string    `json:"date"`
	IDs     string    `json:"ids"`
}

type oddFile struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Body string `json:"body"` // in hexadecimal
}

// aspects are what is compared of a mail, each for itself.
var aspects = []string{"subject", "recipients", "text", "HTML", "files", "date", "ids"}

// right returns which aspects a reader has right.
func right(want oddmail.Want, got oddRecord) map[string]bool {
	files := make([]oddFile, 0, len(want.Files))
	for _, f := range want.Files {
		files = append(files, oddFile{f.Name, f.Type, hex.EncodeToString([]byte(f.Data))})
	}
	return map[string]bool{
		"subject": got.Subject == want.Subject, "recipients": got.To == want.To, "text": got.Text == want.Text, "HTML": got.HTML == want.HTML,
		"files": slices.Equal(files, append([]oddFile{}, got.Files...)), "date": got.Date == want.Date, "ids": got.IDs == want.IDs,
	}
}

// TestOddMails reads the corpus with four readers. Ours has to be right everywhere; for the others it is counted
// how often they are, and where an unreadable recipient is dropped in silence.
func TestOddMails(t *testing.T) {
	for _, need := range [][]string{{"python3", "-c", "import email.policy"}, {"perl", "-MEmail::MIME", "-e1"}} {
		if err := exec.CommandContext(t.Context(), need[0], need[1:]...).Run(); err != nil {
			if os.Getenv("DEPECHE_INTEROP") == "require" {
				t.Fatalf("the readers are required, but %v: %v", need, err)
			}
			t.Skipf("SKIPPED, NOT TESTED: a reader is missing, %v: %v", need, err)
		}
	}
	corpus := oddmail.Corpus()
	dir := t.TempDir()
	paths := make([]string, len(corpus))
	for i, odd := range corpus {
		paths[i] = filepath.Join(dir, fmt.Sprintf("%03d.eml", i))
		if err := os.WriteFile(paths[i], []byte(odd.Octets), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	readers := map[string][]oddRecord{
		"depeche": make([]oddRecord, len(corpus)), "go-message": make([]oddRecord, len(corpus)),
		"python": oddScript(t, paths, "python3", "testdata/odd.py"), "Email::MIME": oddScript(t, paths, "perl", "testdata/odd.pl"),
	}
	for i, odd := range corpus {
		readers["depeche"][i], readers["go-message"][i] = oddDepeche(t, odd.Octets), oddGoMessage(odd.Octets)
	}
	for name, records := range readers {
		count := map[string]int{}
		whole, lost := 0, 0
		for i, odd := range corpus {
			all := true
			for aspect, ok := range right(odd.Want, records[i]) {
				all = all && ok
				if ok {
					count[aspect]++
				} else if name == "depeche" {
					t.Errorf("%s: %s is wrong (%s): %+v", odd.Name, aspect, odd.Why, records[i])
				}
			}
			if all {
				whole++
			}
			if odd.Want.To == "" && records[i].To != "" && records[i].To != "?" {
				lost++
			}
		}
		var parts []string
		for _, aspect := range aspects {
			parts = append(parts, fmt.Sprintf("%s %d", aspect, count[aspect]))
		}
		t.Logf("%-11s %d of %d mails right; %s; sends on %d mails whose recipients are not certain", name, whole, len(corpus), strings.Join(parts, ", "), lost)
	}
}

// oddScript runs a reader in another language over all files.
func oddScript(t *testing.T, paths []string, command ...string) []oddRecord {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], append(command[1:], paths...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command[0], err, stderr.Bytes())
	}
	var records []oddRecord
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r oddRecord
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	if len(records) != len(paths) {
		t.Fatalf("%s: %d records for %d mails", command[0], len(records), len(paths))
	}
	return records
}

// oddDepeche reads a mail with package message/eml.
func oddDepeche(t *testing.T, octets string) oddRecord {
	t.Helper()
	m, err := eml.Parse(strings.NewReader(octets))
	if err != nil {
		t.Fatal(err)
	}
	content, err := m.Content()
	if err != nil {
		t.Fatal(err)
	}
	r := oddRecord{Subject: m.Subject(), Text: content.Text, HTML: content.HTML}
	var to []string
	for _, recipient := range m.Envelope().Recipients() {
		to = append(to, recipient.Address.String())
	}
	r.To = strings.Join(to, " ")
	if date := m.Date(); !date.IsZero() {
		r.Date = date.UTC().Format(time.RFC3339)
	}
	r.IDs = strings.TrimSpace(m.MessageID() + " " + strings.Join(m.References(), " "))
	for _, part := range content.Attachments {
		r.Files = append(r.Files, attachedFile(t, part))
	}
	return r
}

// attachedFile returns what is in a part, by attaching it to a message.
func attachedFile(t *testing.T, part message.Part) oddFile {
	t.Helper()
	m, err := message.New().From("a@x.example").To("b@x.example").Text("x").Attach(part.Attachment()).Build()
	if err != nil {
		t.Fatal(err)
	}
	octets, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	text := string(octets)
	_, body, _ := strings.Cut(text[strings.LastIndex(text, "Content-Disposition: attachment"):], "\r\n\r\n")
	body, _, _ = strings.Cut(body, "\r\n--=_")
	f := oddFile{Name: part.Name(), Type: part.Type()}
	if f.Type == "" { // a message within the message
		f.Type, f.Body = "message/rfc822", hex.EncodeToString([]byte(strings.TrimSuffix(body, "\r\n")))
		return f
	}
	data, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, strings.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	f.Body = hex.EncodeToString(data)
	return f
}

// oddGoMessage reads a mail with go-message.
func oddGoMessage(octets string) oddRecord {
	r := oddRecord{Subject: "?", To: "?"}
	e, err := gomessage.Read(strings.NewReader(octets))
	if e == nil || err != nil && !gomessage.IsUnknownCharset(err) && !gomessage.IsUnknownEncoding(err) {
		return r
	}
	h := gomail.Header{Header: e.Header}
	r.Subject, _ = h.Subject()
	var to []string
	for _, name := range []string{"To", "Cc", "Bcc"} {
		list, err := h.AddressList(name)
		if err != nil {
			to = []string{"?"}
			break
		}
		for _, a := range list {
			if spec := strings.Trim((&mail.Address{Address: a.Address}).String(), "<>"); !slices.Contains(to, spec) {
				to = append(to, spec)
			}
		}
	}
	r.To = strings.Join(to, " ")
	if date, err := h.Date(); err == nil && !date.IsZero() {
		r.Date = date.UTC().Format(time.RFC3339)
	}
	if id, err := h.MessageID(); err == nil && id != "" {
		r.IDs = "<" + id + ">"
	}
	for _, name := range []string{"References", "In-Reply-To"} {
		if list, err := h.MsgIDList(name); err == nil && len(list) > 0 {
			r.IDs = strings.TrimSpace(r.IDs + " <" + strings.Join(list, "> <") + ">")
			break
		}
	}
	_ = e.Walk(func(_ []int, e *gomessage.Entity, err error) error { // what it can't read it has not read
		if err != nil && !gomessage.IsUnknownCharset(err) && !gomessage.IsUnknownEncoding(err) {
			return err
		}
		kind, params, _ := e.Header.ContentType()
		if strings.HasPrefix(kind, "multipart/") {
			return nil
		}
		data, _ := io.ReadAll(e.Body)
		disposition, dparams, _ := e.Header.ContentDisposition()
		name := dparams["filename"]
		if name == "" {
			name = params["name"]
		}
		text := strings.ReplaceAll(string(data), "\r\n", "\n")
		switch {
		case disposition != "attachment" && name == "" && (kind == "text/plain" || kind == "") && r.Text == "":
			r.Text = text
		case disposition != "attachment" && name == "" && kind == "text/html" && r.HTML == "":
			r.HTML = text
		default:
			r.Files = append(r.Files, oddFile{name, kind, hex.EncodeToString(data)})
		}
		return nil
	})
	return r
}
