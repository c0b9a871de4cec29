package mimeread

import (
	"bytes"
	"strings"
	"testing"
)

// TestNoLineBeforeDelimiter: the empty line between a header section and the first delimiter is missing, and the first
// part is there still.
func TestNoLineBeforeDelimiter(t *testing.T) {
	const part = "--b\nContent-Type: text/plain\n\none\n--b\nContent-Type: text/plain\n\ntwo\n--b--\n"
	const head = "Subject: x\nContent-Type: multipart/mixed; boundary=b\n"
	for name, tc := range map[string]struct{ mail, want string }{
		"of the mail":        {head + part, "one\ntwo\n"},
		"twice":              {head + "--b\nContent-Type: multipart/mixed; boundary=c\n" + strings.ReplaceAll(part, "--b", "--c") + "--b--\n", "one\ntwo\n"},
		"of a part":          {"Subject: x\nContent-Type: multipart/mixed; boundary=a\n\n--a\n" + head + part + "--a\n\nend\n--a--\n", "one\ntwo\nend\n"},
		"at the end":         {"Subject: x\nContent-Type: multipart/mixed; boundary=a\n\n--a\n" + head + "--b\n\none\n", "one\n"},
		"an empty multipart": {"Subject: x\nContent-Type: multipart/mixed; boundary=a\n\n--a\n" + head + "--b\nContent-Type: text/plain\n--a\n\nend\n--a--\n", "end\n"},
		"nothing is missing": {head + "\n" + part, "one\ntwo\n"},
		"no header":          {head + "--b\none\n--b--\n", "one"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, end := range []string{"\n", "\r\n"} {
				text := []byte(strings.ReplaceAll(tc.mail, "\n", end))
				section := ReadSection(text)
				tree, err := ReadTree(bytes.NewReader(text), int64(len(text)), section, int64(section.Body), Limits{})
				if err != nil {
					t.Fatal(err)
				}
				content, err := tree.ReadContent(bytes.NewReader(text), Limits{})
				if err != nil || strings.TrimSpace(content.Text) != strings.TrimSpace(tc.want) {
					t.Errorf("%q, %v; want %q (%v %v)", content.Text, err, tc.want, section.Faults, tree.Faults)
				}
			}
		})
	}
}

// TestHyphensBetweenFields: a line with two hyphens that divides nothing is skipped, and the recipients after it count.
func TestHyphensBetweenFields(t *testing.T) {
	for _, mail := range []string{
		"From: a@x.example\n--b\nTo: b@x.example\n\n",
		"From: a@x.example\nContent-Type: multipart/mixed; boundary=b\n--bb\nTo: b@x.example\n\n",
		"From: a@x.example\nContent-Type: text/plain; boundary=b\n--b\nTo: b@x.example\n\n",
	} {
		if env, err := ReadSection([]byte(mail)).Envelope(); err != nil || env.Len() != 1 {
			t.Errorf("%q: %v, %v", mail, env, err)
		}
	}
}

// TestDelimiterInHeader: a delimiter of the multipart around it ends a part whose header section has no end, also where
// only a CR stands before it.
func TestDelimiterInHeader(t *testing.T) {
	text := []byte("Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=b\nX: y\r--a\n\nend\n--a--\n")
	section := ReadSection(text)
	tree, err := ReadTree(bytes.NewReader(text), int64(len(text)), section, int64(section.Body), Limits{})
	if err != nil || len(tree.Root.Children) != 2 {
		t.Fatalf("%+v, %v", tree.Root, err)
	}
	if first, second := tree.Root.Children[0], tree.Root.Children[1]; first.End != first.Start || string(text[second.Start:second.End]) != "end" {
		t.Errorf("%d to %d, then %q", first.Start, first.End, text[second.Start:second.End])
	}
}
