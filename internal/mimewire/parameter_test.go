package mimewire

import (
	"mime"
	"strings"
	"testing"
)

// TestParam: a name that a quoted string can't carry is written in the extended form and in no other, cut between
// characters.
func TestParam(t *testing.T) {
	for value, want := range map[string]string{
		"a.txt": "filename=a.txt", "a b.txt": `filename="a b.txt"`, "a;b.txt": `filename="a;b.txt"`, `a"b.txt`: "filename*=utf-8''a%22b.txt", "ä.txt": "filename*=utf-8''%C3%A4.txt", "100%.txt": "filename*=utf-8''100%25.txt",
		"it's.txt": `filename="it's.txt"`, "": "filename*=utf-8''",
	} {
		var f Folder
		f.Begin("X")
		f.Word("attachment")
		f.Param("filename", value)
		if got := strings.TrimPrefix(string(f.Dst), "X: attachment; "); got != want {
			t.Errorf("%q is written as %s, want %s", value, got, want)
		}
	}
	for _, long := range []string{strings.Repeat("ä", 80) + ".txt", strings.Repeat("日", 60), strings.Repeat("long", 40)} {
		var f Folder
		f.Begin("X")
		f.Word("attachment")
		f.Param("filename", long)
		for line := range strings.SplitSeq(string(f.Dst), "\r\n") {
			if len(line) > 78 {
				t.Errorf("a line of %d columns: %s", len(line), line)
			}
		}
		_, params, err := mime.ParseMediaType(strings.TrimPrefix(strings.ReplaceAll(string(f.Dst), "\r\n", ""), "X: "))
		if err != nil || params["filename"] != long {
			t.Errorf("%.10q comes back as %.10q, %v", long, params["filename"], err)
		}
	}
}
