package sendmail

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/envelope"
)

// Config describes a sendmail command. The zero Config is the command of this machine, with a program that is
// not named.
type Config struct {
	// Path is the command. Empty means /usr/sbin/sendmail, /usr/lib/sendmail or sendmail in PATH, whichever is found
	// first.
	Path string
	// Args stand before the arguments of the transport, such as "--account=work" of msmtp.
	Args []string
	// Kind names the program, so that delivery options can be passed on.
	Kind Kind
	// Env lists what the command finds in its environment, besides PATH, HOME, USER, LOGNAME, TZ, LANG and what begins
	// with XDG_: "NAME" for the value that this process has, "NAME=value" for another one. Nothing else is
	// passed on, so that a secret in the environment of this process stays there.
	Env []string
}

// paths are where the command is looked for; it is often not in PATH.
var paths = []string{"/usr/sbin/sendmail", "/usr/lib/sendmail", "sendmail"}

// Build returns a transport over the command. The error joins all that is wrong, each an
// *envelope.FieldError.
func (c Config) Build() (*Transport, error) {
	var faults []error
	if _, ok := kinds[c.Kind]; !ok {
		err := fmt.Errorf("want %s, %s, %s, %s or none", Sendmail, Postfix, Exim, Msmtp)
		faults = append(faults, &envelope.FieldError{Field: "Kind", Value: string(c.Kind), Err: err})
	}
	for i, variable := range c.Env {
		if name, _, _ := strings.Cut(variable, "="); name == "" || strings.ContainsRune(variable, 0) {
			err := errors.New("want NAME or NAME=value") // the value may be a secret
			faults = append(faults, &envelope.FieldError{Field: "Env", Index: i, Err: err})
		}
	}
	path := c.Path
	if path == "" {
		var err error
		if path, err = find(); err != nil {
			faults = append(faults, &envelope.FieldError{Field: "Path", Err: err})
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return &Transport{path: path, args: slices.Clone(c.Args), kind: c.Kind, env: slices.Clone(c.Env)}, nil
}

func find() (string, error) {
	var failed error
	for _, path := range paths {
		found, err := exec.LookPath(path)
		if err == nil {
			return found, nil
		}
		failed = errors.Join(failed, err)
	}
	return "", failed
}

// New returns a transport over the sendmail command of this machine, whose program is not named. The error
// says that there is none.
func New() (*Transport, error) { return Config{}.Build() }

// Command returns a transport over another command and the arguments that go before ours, such as
// Command("/usr/bin/msmtp", "--account=work"). Its program is not named: mail with delivery options is
// refused. [Config] names it.
func Command(path string, args ...string) *Transport {
	return &Transport{path: path, args: slices.Clone(args)}
}

// passed are the variables that every command gets.
var passed = []string{"PATH", "HOME", "USER", "LOGNAME", "TZ", "LANG"}

// environ returns the environment of the command.
func environ(more []string) []string {
	list := []string{}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		system := runtime.GOOS == "windows" && strings.EqualFold(name, "SYSTEMROOT") // programs do not start without it
		if slices.Contains(passed, name) || slices.Contains(more, name) || strings.HasPrefix(name, "XDG_") || system {
			list = append(list, variable)
		}
	}
	for _, variable := range more {
		if strings.Contains(variable, "=") {
			list = append(list, variable)
		}
	}
	return list
}
