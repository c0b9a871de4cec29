package message_test

import (
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/depeche-mail/depeche/message"
)

// TestOpen: the content of a part is read as it was given, and as often as the caller likes.
func TestOpen(t *testing.T) {
	const content = "\x00ü\nend"
	for name, part := range map[string]message.Part{
		"octets":            message.FileBytes("a", []byte(content)),
		"another encoding":  message.FileBytes("a", []byte(content)).Encoding(message.QuotedPrintable),
		"a file":            message.File(fstest.MapFS{"a": {Data: []byte(content)}}, "a"),
		"base64":            message.FileBase64("a", "AMO8CmVuZA=="),
		"a reader":          message.FileReader("a", strings.NewReader(content), 100),
		"a function":        message.FileFunc("a", func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }),
		"a message":         message.AttachedMessage(raw(content)),
		"a file, as inline": message.FileBytes("a", []byte(content)).Inline().ContentID("x"),
	} {
		for range 2 {
			r, err := part.Open()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got, err := io.ReadAll(r)
			if errClose := r.Close(); err != nil || errClose != nil || string(got) != content {
				t.Errorf("%s: %q, %v, %v", name, got, err, errClose)
			}
		}
	}
	for want, part := range map[string]message.Part{
		"neither a file nor an attached message": message.Plain("x"),
		"Open \"x\"":                             message.Mixed(message.Plain("x")).WithName("x"),
		"there is no content":                    message.FileReader("a", nil, 1),
		"longer than the limit":                  message.FileReader("a", strings.NewReader("xyz"), 1),
		"no such file":                           message.Path("/there/is/none"),
		"neither a file":                         {},
	} {
		if _, err := part.Open(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
