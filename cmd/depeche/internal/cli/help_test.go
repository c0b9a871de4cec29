package cli_test

import (
	"slices"
	"strings"
	"testing"
)

// commands are all subcommands with their path.
var commands = []string{"", "send", "check", "catch", "preview", "bench", "dkim", "dkim new", "dkim record", "dkim check", "dkim sign", "dkim verify", "ledger", "ledger ls", "ledger resolve", "queue", "queue ls", "queue show", "queue park", "queue retry", "queue drop", "queue pause", "queue resume", "man", "completion", "completion bash", "completion zsh", "completion fish", "completion powershell"}

// TestHelp holds what each command says of itself.
func TestHelp(t *testing.T) {
	for _, command := range commands {
		name := strings.ReplaceAll("depeche "+command, " ", "-")
		got := run(t, append(strings.Fields(command), "-h"), "")
		if got.status != 0 || got.errors != "" {
			t.Errorf("%s: %+v", command, got)
		}
		golden(t, "help/"+strings.Trim(name, "-")+".txt", got.out)
		for _, below := range listed(got.out) {
			if path := strings.TrimSpace(command + " " + below); below != "help" && !slices.Contains(commands, path) {
				t.Errorf("what %s says is not held", path)
			}
		}
	}
}

// listed returns the subcommands that a help names.
func listed(help string) (names []string) {
	_, rest, _ := strings.Cut(help, "Available Commands:\n")
	list, _, _ := strings.Cut(rest, "\n\n")
	for line := range strings.Lines(list) {
		names = append(names, strings.Fields(line)[0])
	}
	return names
}

// TestUsage says what is wrong with the arguments, and 64.
func TestUsage(t *testing.T) {
	for arguments, want := range map[string]string{
		"fly":                 `unknown command "fly"`,
		"send --frm a":        "unknown flag: --frm",
		"send extra":          `unknown command "extra"`,
		"check a b":           "accepts at most 1 arg(s), received 2",
		"preview":             "accepts 1 arg(s), received 0",
		"catch --max-mails x": "invalid argument",
		"catch --max-mails 0": "must be 1 or more",
		"catch --dialect klingon --smtp 127.0.0.1:0 --http 127.0.0.1:0":    "there is no dialect",
		"catch --tls perhaps --smtp 127.0.0.1:0 --http 127.0.0.1:0":        "there are none, starttls and implicit",
		"catch --fail 250 --smtp 127.0.0.1:0 --http 127.0.0.1:0":           "want a code from 400 to 599",
		"catch --webhook file:///etc":                                      "want a URL with http or https",
		"catch --max-memory 1 --max-size 9999999":                          "is more than --max-memory",
		"catch --relay smtp://u:topsecret@localhost":                       "can be read by every user",
		"bench smtp://localhost":                                           "--from and --to are needed",
		"bench stub: --from a@example.org --to b@example.org":              "bench needs one relay",
		"bench smtp://x --from a@example.org --to b@example.org --mails 0": "must be 1 or more",
		"queue resum q":  `unknown command "resum" for "depeche queue"; did you mean resume?`,
		"ledger fly":     `unknown command "fly" for "depeche ledger"`,
		"dkim sgn":       "did you mean sign?",
		"completion csh": `unknown command "csh"`,
		"send --list x.csv --from a@b.org --connections -1":         "must not be negative",
		"send --list x.csv --from a@b.org --window -1":              "must not be negative",
		"check smtp://x --timeout 0s":                               "--timeout 0s: want more than 0",
		"preview . --http here":                                     "--http: listen tcp: address here: missing port",
		"catch --smtp here --http 127.0.0.1:0":                      "address here: missing port",
		"catch --authority x --smtp 127.0.0.1:0 --http 127.0.0.1:0": "--authority is for --tls",
		"man nothing":           "unknown command",
		"send --raw x --list y": "none of the others can be",
	} {
		got := run(t, strings.Fields(arguments), "")
		if got.status != 64 || !strings.Contains(got.errors, want) || strings.Contains(got.errors, "topsecret") {
			t.Errorf("%s: %d, want %q in %s", arguments, got.status, want, got.errors)
		}
	}
}

// TestManual is a page that man(1) can read, for each command.
func TestManual(t *testing.T) {
	for _, command := range []string{"", "send", "check", "catch", "preview", "bench", "dkim", "dkim sign", "queue", "queue retry"} {
		got := run(t, append([]string{"man"}, strings.Fields(command)...), "")
		title := strings.ToUpper(strings.TrimSuffix("depeche-"+strings.ReplaceAll(command, " ", "-"), "-"))
		if got.status != 0 || !strings.Contains(got.out, `.TH "`+title+`" "1"`) || !strings.Contains(got.out, ".SH SYNOPSIS") {
			t.Errorf("%s: %+v", command, got)
		}
	}
}

// TestCompletion prints scripts for three shells that ask the command itself.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if got := run(t, []string{"completion", shell}, ""); got.status != 0 || !strings.Contains(got.out, "__complete") {
			t.Errorf("%s: %d", shell, got.status)
		}
	}
	if got := run(t, []string{"__complete", "ca"}, ""); !strings.Contains(got.out, "catch\t") {
		t.Error(got)
	}
	if got := run(t, []string{"__complete", "catch", "--tls", ""}, ""); !strings.Contains(got.out, "starttls") {
		t.Error(got)
	}
}
