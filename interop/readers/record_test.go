package readers

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"os"
	"os/exec"
	"strings"
	"testing"

	gomessage "github.com/emersion/go-message"
	gomail "github.com/emersion/go-message/mail"
)

// record is what a reader found in a message, or should find.
type record struct {
	Defects []string    `json:"defects"`
	Subject string      `json:"subject"`
	From    [][2]string // name and address
	To      [][2]string
	Cc      [][2]string
	ReplyTo [][2]string `json:"Reply-To"`
	Texts   [][2]string `json:"texts"` // type and text
	Files   []file      `json:"files"`
}

type file struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Disposition string `json:"disposition"`
	ID          string `json:"id"`
	Body        string `json:"body"` // in hexadecimal
}

// script runs a reader in another language over all files.
func script(t *testing.T, paths []string, command ...string) []record {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], append(command[1:], paths...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, stderr.Bytes())
	}
	var records []record
	lines := bufio.NewReader(bytes.NewReader(out))
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	if len(records) != len(paths) {
		t.Fatalf("%s: %d records for %d messages", command[0], len(records), len(paths))
	}
	return records
}

// std reads a message with net/mail and mime.
func std(octets []byte) (record, error) {
	var r record
	m, err := mail.ReadMessage(bytes.NewReader(octets))
	if err != nil {
		return r, err
	}
	if r.Subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return r, err
	}
	for name, list := range map[string]*[][2]string{"From": &r.From, "To": &r.To, "Cc": &r.Cc, "Reply-To": &r.ReplyTo} {
		if m.Header.Get(name) == "" {
			continue
		}
		found, err := m.Header.AddressList(name)
		if err != nil {
			return r, err
		}
		for _, a := range found {
			*list = append(*list, [2]string{a.Name, addrSpec(a.Address)})
		}
	}
	return r, stdLeaf(&r, map[string][]string(m.Header), m.Body)
}

// addrSpec quotes a local part, which net/mail returns without quotes.
func addrSpec(address string) string {
	return strings.Trim((&mail.Address{Address: address}).String(), "<>")
}

func stdLeaf(r *record, header map[string][]string, body io.Reader) error {
	get := func(name string) string { return strings.Join(header[name], "") }
	kind, params, err := mime.ParseMediaType(get("Content-Type"))
	if err != nil {
		return err
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := stdLeaf(r, map[string][]string(p.Header), p); err != nil {
				return err
			}
		}
	}
	content, err := io.ReadAll(transferDecoder(get("Content-Transfer-Encoding"), body))
	if err != nil {
		return err
	}
	disposition, dparams := "", map[string]string{}
	if d := get("Content-Disposition"); d != "" {
		if disposition, dparams, err = mime.ParseMediaType(d); err != nil {
			return err
		}
	}
	r.add(kind, disposition, dparams["filename"], strings.Trim(get("Content-Id"), "<>"), content)
	return nil
}

func (r *record) add(kind, disposition, name, id string, content []byte) {
	if disposition == "" && strings.HasPrefix(kind, "text/") {
		r.Texts = append(r.Texts, [2]string{kind, strings.ReplaceAll(string(content), "\r\n", "\n")})
		return
	}
	r.Files = append(r.Files, file{name, kind, disposition, id, hex.EncodeToString(content)})
}

// viaGoMessage reads a message with go-message.
func viaGoMessage(octets []byte) (record, error) {
	var r record
	e, err := gomessage.Read(bytes.NewReader(octets))
	if err != nil {
		return r, err
	}
	h := gomail.Header{Header: e.Header}
	if r.Subject, err = h.Subject(); err != nil {
		return r, err
	}
	for name, list := range map[string]*[][2]string{"From": &r.From, "To": &r.To, "Cc": &r.Cc, "Reply-To": &r.ReplyTo} {
		found, err := h.AddressList(name)
		if err != nil {
			return r, err
		}
		for _, a := range found {
			*list = append(*list, [2]string{a.Name, addrSpec(a.Address)})
		}
	}
	return r, e.Walk(func(_ []int, e *gomessage.Entity, err error) error {
		if err != nil {
			return err
		}
		kind, _, err := e.Header.ContentType()
		if err != nil || strings.HasPrefix(kind, "multipart/") {
			return err
		}
		content, err := io.ReadAll(e.Body)
		if err != nil {
			return err
		}
		disposition, params, err := e.Header.ContentDisposition()
		if e.Header.Get("Content-Disposition") != "" && err != nil {
			return err
		}
		r.add(kind, disposition, params["filename"], strings.Trim(e.Header.Get("Content-Id"), "<>"), content)
		return nil
	})
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	octets, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return octets
}
