package authentication_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/google/go-cmp/cmp"
)

// TestPage holds that the page for users has the mechanisms in their order, with the right word on what
// they show, and each kind of error.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/authentication.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, row := range regexp.MustCompile(`(?m)^\| ([A-Z][-A-Z0-9]+) \| (\w+) \| (yes|no) \|`).FindAllSubmatch(page, -1) {
		name, with, shows := string(row[1]), string(row[2]), string(row[3])
		names = append(names, name)
		c := map[string]authentication.Credentials{
			"password": credentials(), "token": must(authentication.Token("user", "tok")),
			"certificate": must(authentication.External("")), "nothing": must(authentication.Anonymous("")),
		}[with]
		list, err := authentication.Choose(c, offer(true, name))
		if len(list) == 1 && list[0].Plaintext() != (shows == "yes") {
			t.Errorf("%s shows the secret: %v", name, list[0].Plaintext())
		}
		if bound := regexp.MustCompile("-PLUS$").MatchString(name); bound != (err != nil) {
			t.Errorf("%s with %s: %v", name, with, err)
		}
	}
	if diff := cmp.Diff(authentication.MethodNames(), names); diff != "" {
		t.Errorf("the table has other mechanisms (-code +page):\n%s", diff)
	}
	if rows := regexp.MustCompile("(?m)^\\| `Kind[A-Za-z]+` \\| .* \\| ").FindAll(page, -1); len(rows) != int(authentication.KindNoSecret) {
		t.Errorf("%d kinds on the page, want %d", len(rows), authentication.KindNoSecret)
	}
}
