package message_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/message"
	"github.com/google/go-cmp/cmp"
)

func TestEntity(t *testing.T) {
	for name, c := range map[string]struct {
		part message.Part
		want string
	}{
		"a text": {message.Plain("Be happy!"), "Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\nBe happy!\r\n"},
		"a file": {
			message.FileBytes("a.bin", []byte{0, 1, 2}).WithType("application/x"),
			"Content-Type: application/x\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=a.bin\r\n\r\nAAEC\r\n",
		},
	} {
		entity, err := c.part.Entity()
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			var b bytes.Buffer
			if _, err := entity.WriteTo(&b); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, strings.Replace(b.String(), "AAEC", "AAEC\r\n", 1)); diff != "" && b.String() != c.want {
				t.Errorf("%s: %s", name, diff)
			}
		}
	}
	_, err := message.Mixed(message.Plain("x"), message.File(os.DirFS(t.TempDir()), "gone.pdf")).Entity()
	var fault *message.FieldError
	if !errors.As(err, &fault) || fault.Value != "gone.pdf" {
		t.Error(err)
	}
}

func ExamplePart_Entity() {
	entity, err := message.Plain("Be happy!").Entity()
	if err != nil {
		log.Fatal(err)
	}
	var octets bytes.Buffer
	if _, err := entity.WriteTo(&octets); err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.ReplaceAll(octets.String(), "\r", ""))
	// Output:
	// Content-Type: text/plain; charset=us-ascii
	// Content-Transfer-Encoding: 7bit
	//
	// Be happy!
}

// unwritten is a message that lacks its body.
func unwritten() message.Builder {
	return message.New().From("a@example.org").To("b@example.org").Subject("x")
}

// TestBinary holds that a file in the encoding Binary arrives octet by octet, that all multiparts around it say so, and that
// the message says that only some servers take it.
func TestBinary(t *testing.T) {
	content := []byte("a\x00\r\xff\nno line end \x1a")
	file := message.FileBytes("a.bin", content).WithType("application/x").Encoding(message.Binary)
	alone, err := unwritten().Body(file).Build()
	if err != nil {
		t.Fatal(err)
	}
	beside, err := unwritten().Text("x").HTML("<p>x").Attach(file).Build()
	if err != nil {
		t.Fatal(err)
	}
	big, err := unwritten().Body(message.FileBytes("big.bin", bytes.Repeat(content, 10_000)).Encoding(message.Binary)).Build()
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]*message.Message{"alone": alone, "beside": beside, "big": big} {
		octets, err := m.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		info, ok := m.BodyInfo()
		if !ok || !info.Binary || info.Size != int64(len(octets)) {
			t.Errorf("%s: %+v", name, info)
		}
		head, _, _ := bytes.Cut(octets, []byte("\r\n\r\n"))
		if !bytes.Contains(head, []byte("Content-Transfer-Encoding: binary")) || !bytes.Contains(octets, content) {
			t.Errorf("%s: %q", name, octets)
		}
		if ends := bytes.HasSuffix(octets, content); ends == (name == "beside") {
			t.Errorf("%s: the end is %q", name, octets[len(octets)-20:])
		}
	}
	for name, b := range map[string]message.Builder{
		"a text":   good().TextPart(message.Plain("x").Encoding(message.Binary)),
		"a signed": unwritten().Body(message.Signed("application/x", "sha-256", file, nil)),
	} {
		if _, err := b.Build(); err == nil {
			t.Errorf("%s in binary was built", name)
		}
	}
}

func TestFileBase64(t *testing.T) {
	for content, ok := range map[string]bool{
		"aGVsbG8/": true, "aGVs\r\nbG8/": true, "aGVsbG8_": true, " aGVsbG8/ ": true, "aGVsbG8/====": true, "": true,
		"aGVsbG8": true, "aGV$": false, "a": false,
	} {
		_, err := good().Attach(message.FileBase64("a.txt", content)).Build()
		var fault *message.FieldError
		if (err == nil) != ok || err != nil && (!errors.As(err, &fault) || fault.Field != "Attach" || fault.Value != "a.txt") {
			t.Errorf("%q: %v", content, err)
		}
	}
	m, err := unwritten().Body(message.FileBase64("a.txt", "aGVsbG8_").Encoding(message.SevenBit)).Build()
	if err != nil {
		t.Fatal(err)
	}
	if octets, err := m.Bytes(); err != nil || !bytes.HasSuffix(octets, []byte("\r\n\r\nhello?\r\n")) {
		t.Errorf("%q %v", octets, err)
	}
}
